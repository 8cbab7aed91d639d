"""Receive, turn, acknowledge.

A message is acknowledged only once its turn has ended cleanly, and that it has ended is on file
before the daemon is told. Whatever else happens, the message goes back to the inbox before anything
is waited for, so that the loop holds nothing while it is parked and a crash at any point loses
nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import trio

from hive.agent import driver, files, turn
from hive.agent.harness import Harness
from hive.agent.turn import Verdict
from hive.agent.turn_record import TurnRecord, record_for
from hive.errors import BadRequest, HiveError
from hive.wire import live
from hive.wire.limits import RECV_WAIT_S, check_body
from hive.wire.messages import DeliveredMessage
from hive.wire.names import MANAGER

LOOK_S = 1.0
"""How often the files and the desk are looked at while the loop is parked."""
BACKOFF_MOST_S = 60.0
AWAY_MOST_S = 30.0
TELL_AFTER = 2
"""After how many failures in a row the manager is told of a message that cannot be worked on."""
STOP_S = 0.3


async def run(
    harness: Harness, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Take messages until cancelled; then nothing is held and claude is gone."""
    task_status.started()
    try:
        await settle(harness)
        await _begin_logged_in(harness)
        while True:
            await _wait_unpaused(harness)
            await grant_wishes(harness)
            message = await next_message(harness)
            if message is not None:
                await handle(harness, message)
    finally:
        with trio.CancelScope(shield=True):
            with trio.move_on_after(STOP_S):
                await _give_back_at_stop(harness)
            await harness.driver.aclose()
            harness.client.close()


async def settle(harness: Harness) -> None:
    """Bring what an earlier run left to its end: acknowledge what was done, give back the rest."""
    record = harness.record.load()
    if record is not None and record.done:
        await acknowledge(harness, record)
    await give_back(harness)


async def grant_wishes(harness: Harness) -> None:
    """Do what the operator asked for between two turns."""
    desk = harness.desk
    if desk.wants_new_session:
        desk.wants_new_session = False
        turn.begin_anew(harness)
        record = harness.record.load()
        if record is not None:
            harness.record.save(record.afresh())
    if desk.wants_restart:
        desk.wants_restart = False
        await harness.driver.restart()
    if desk.wants_compact:
        desk.wants_compact = False
        outcome = await turn.compact(harness)
        done = outcome.kind == driver.OK
        harness.bus.note("compacted" if done else f"compacting failed: {outcome.note}")


async def next_message(harness: Harness) -> DeliveredMessage | None:
    """Wait for a message and lease it; None when there is something else to do first."""
    messages: list[DeliveredMessage] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_when_wanted, harness, nursery.cancel_scope)
        try:
            messages.extend(await harness.client.recv(wait_s=RECV_WAIT_S, max_count=1))
            if not messages:
                # The message that made trouble is gone: somebody else marked it read.
                harness.state.set_trouble(None)
        except HiveError as error:
            await _say_away(harness, error, 0)
        nursery.cancel_scope.cancel()
    if messages and not harness.marks.is_set(files.PAUSED):
        return messages[0]
    # An interrupted or lost reply may have leased something that nobody saw.
    await give_back(harness)
    return None


async def handle(harness: Harness, message: DeliveredMessage) -> None:
    """Work on one message: to its acknowledgement, or back to the inbox and to the end of a wait.

    Never raises but when cancelled.
    """
    record = record_for(message, harness.record.load())
    started = trio.current_time()
    try:
        unread = await harness.client.unread()
        harness.bus.publish(
            live.TurnStart(
                message.from_,
                message.body,
                unread,
                message.id,
                message.redelivered,
                at=harness.clock(),
                origin=message.origin,
                via=message.via,
            )
        )
        verdict = await turn.work_on(harness, message, record, unread)
    except HiveError as error:
        verdict = Verdict(driver.FAILED, error.message)
    duration_ms = round((trio.current_time() - started) * 1000)
    if verdict.kind == driver.OK or verdict.is_cancelled:
        await _finish(harness, message, verdict)
        _end(harness, verdict, duration_ms)
        return
    await give_back(harness)
    _end(harness, verdict, duration_ms)
    await _pause(harness, message, verdict)


def _end(harness: Harness, verdict: Verdict, duration_ms: int) -> None:
    harness.state.last_turn_ms = duration_ms
    is_ok = verdict.kind == driver.OK
    if is_ok or verdict.is_cancelled:
        harness.state.set_trouble(None)
    harness.bus.publish(live.TurnEnd(is_ok, verdict.note, duration_ms))


async def _finish(harness: Harness, message: DeliveredMessage, verdict: Verdict) -> None:
    """Put on file that the turn is over, then acknowledge.

    Of a cancelled turn only the message itself: what it read on its way comes back.
    """
    seen = () if verdict.is_cancelled else verdict.seen
    record = harness.record.load() or record_for(message, None)
    done = attrs.evolve(record, done=(message.id, *seen), failures=0)
    await _patiently(harness, lambda: _save(harness, done))
    await acknowledge(harness, done)


async def _save(harness: Harness, record: TurnRecord) -> None:
    harness.record.save(record)


async def acknowledge(harness: Harness, record: TurnRecord) -> None:
    """Acknowledge what a finished turn was about, however long the daemon is away."""
    await _patiently(harness, lambda: _acknowledge(harness, record))
    await _patiently(harness, lambda: _forget(harness))


async def _acknowledge(harness: Harness, record: TurnRecord) -> None:
    try:
        await harness.client.ack_turn(record.done)
    except BadRequest as error:
        # The daemon does not know these messages (its database was begun anew): there is nothing
        # left to acknowledge, and asking again would not help.
        harness.bus.note(f"the daemon did not take the acknowledgement: {error.message}")
        await harness.client.requeue_inflight()


async def _forget(harness: Harness) -> None:
    harness.record.forget()


async def give_back(harness: Harness) -> None:
    """Put everything this agent holds back into its inbox, however long the daemon is away."""
    await _patiently(harness, harness.client.requeue_inflight)


async def _patiently(harness: Harness, work: Callable[[], Awaitable[None]]) -> None:
    """Do something until it works, saying on the page that it does not."""
    attempt = 0
    while True:
        try:
            await work()
            break
        except HiveError as error:
            await _say_away(harness, error, attempt)
            attempt += 1


async def _say_away(harness: Harness, error: HiveError, attempt: int) -> None:
    if attempt == 0:
        harness.bus.note(f"hive does not answer; trying on: {error.message}")
    await trio.sleep(min(0.25 * 2.0**attempt, AWAY_MOST_S))


async def _give_back_at_stop(harness: Harness) -> None:
    try:
        await harness.client.requeue_inflight()
    except HiveError:
        # The daemon is gone as well; the next start gives back what is held.
        return


async def _cancel_when_wanted(harness: Harness, scope: trio.CancelScope) -> None:
    while not (harness.desk.has_wish or harness.marks.is_set(files.PAUSED)):
        await harness.desk.sleep(LOOK_S)
    scope.cancel()


async def _wait_unpaused(harness: Harness) -> None:
    if not harness.marks.is_set(files.PAUSED):
        return
    harness.state.set_status(live.PAUSED)
    while harness.marks.is_set(files.PAUSED):
        await harness.desk.sleep(LOOK_S)
    harness.state.set_status(live.ONLINE)


async def _begin_logged_in(harness: Harness) -> None:
    """Go on once there is a login; the mark of an earlier run holds until claude was asked."""
    was_missing = harness.marks.is_set(files.NEEDS_LOGIN)
    if was_missing:
        harness.state.set_status(live.NEEDS_LOGIN_IDLE)
    if not await harness.login.is_ready():
        await _wait_login(harness, was_refused=False)
    elif was_missing:
        await _patiently(harness, lambda: _unmark(harness, files.NEEDS_LOGIN))
        harness.state.set_status(live.ONLINE)


async def _wait_login(harness: Harness, *, was_refused: bool) -> None:
    text = "claude is not logged in: log it in, and the work goes on by itself"
    harness.state.set_status(live.NEEDS_LOGIN_IDLE)
    harness.state.set_trouble(text)
    harness.bus.note(text)
    await _patiently(harness, lambda: _mark(harness, files.NEEDS_LOGIN))
    await harness.login.wait(harness.desk.sleep, was_refused=was_refused)
    await _patiently(harness, lambda: _unmark(harness, files.NEEDS_LOGIN))
    harness.state.set_trouble(None)
    harness.state.set_status(live.ONLINE)


async def _mark(harness: Harness, name: str, text: str = "") -> None:
    harness.marks.set(name, text)


async def _unmark(harness: Harness, name: str) -> None:
    harness.marks.clear(name)


async def _pause(harness: Harness, message: DeliveredMessage, verdict: Verdict) -> None:
    """Wait as long as this kind of failure asks for; nothing is held meanwhile."""
    if verdict.kind == driver.RATE_LIMITED:
        await _park_limited(harness, verdict)
    elif verdict.kind == driver.OVERLOADED:
        wait_s = harness.config.overloaded_s
        harness.bus.note(f"claude's service is overloaded: trying again in {wait_s:.0f} s")
        await harness.desk.sleep(wait_s)
    elif verdict.kind == driver.NEEDS_LOGIN:
        await harness.driver.restart()
        await _wait_login(harness, was_refused=True)
    else:
        await _back_off(harness, message, verdict)


async def _park_limited(harness: Harness, verdict: Verdict) -> None:
    wait_s = harness.config.rate_limit_s
    if verdict.retry_at is not None:
        wait_s = max(verdict.retry_at - harness.clock(), 1.0)
    harness.state.set_status(live.RATE_LIMITED)
    harness.state.set_trouble(f"claude's account is at its limit: {verdict.note}")
    harness.bus.note(f"the account is at its limit: parked for {wait_s:.0f} s")
    await _patiently(harness, lambda: _mark(harness, files.RATE_LIMITED))
    await harness.desk.sleep(wait_s)
    await _patiently(harness, lambda: _unmark(harness, files.RATE_LIMITED))
    harness.state.set_trouble(None)
    harness.state.set_status(live.ONLINE)


async def _back_off(harness: Harness, message: DeliveredMessage, verdict: Verdict) -> None:
    record = record_for(message, harness.record.load())
    record = attrs.evolve(record, failures=record.failures + 1)
    note = f"the turn on message {message.id} failed: {verdict.note}"
    harness.state.set_trouble(note)
    await _patiently(harness, lambda: _save(harness, record))
    if record.failures >= TELL_AFTER and not record.told_manager:
        await _tell_manager(harness, message, record, note)
    wait_s = min(2.0 ** (record.failures - 1), BACKOFF_MOST_S)
    harness.bus.note(f"{note}; trying again in {wait_s:.0f} s")
    await harness.desk.sleep(wait_s)


async def _tell_manager(
    harness: Harness, message: DeliveredMessage, record: TurnRecord, note: str
) -> None:
    if harness.config.label == MANAGER:
        return
    text = f"{note[:1000]}\nIt is from `{message.from_}`. I go on trying."
    key = f"turn-failed-{message.id}-{message.sent_at!r}"
    try:
        check_body("the note", text)
        await harness.page_client.send(MANAGER, text, dedupe_key=key)
    except HiveError as error:
        harness.bus.note(f"the manager could not be told: {error.message}")
        return
    await _patiently(harness, lambda: _save(harness, attrs.evolve(record, told_manager=True)))
