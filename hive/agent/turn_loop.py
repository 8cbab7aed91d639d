"""Receive, turn, acknowledge.

A message is acknowledged only once its turn has ended cleanly, and that it has ended is on file
before the daemon is told. Whatever else happens, the message goes back to the inbox before anything
is waited for, so that the loop holds nothing while it is parked and a crash at any point loses
nothing.
"""

from __future__ import annotations

import attrs
import trio

from hive.agent import chat, driver, files, parking, plugins, tending, turn, waits
from hive.agent.harness import Harness
from hive.agent.patience import give_back, keep, patiently, say_away, unmark
from hive.agent.phases import Phase
from hive.agent.turn import Verdict
from hive.agent.turn_count import Ended
from hive.agent.turn_record import TurnRecord, record_for
from hive.errors import BadRequest, HiveError
from hive.wire import live
from hive.wire.limits import RECV_WAIT_S
from hive.wire.messages import DeliveredMessage
from hive.wire.stats import CANCELLED

STOP_S = 0.3


async def run(
    harness: Harness, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Take messages until cancelled; then nothing is held and claude is gone."""
    task_status.started()
    harness.state.enter(Phase.STARTING)
    harness.desk.idle_since = trio.current_time()
    try:
        await settle(harness)
        await plugins.install(harness.config, harness.equipment, harness.make_launch)
        await waits.begin_logged_in(harness)
        while True:
            await waits.wait_unpaused(harness)
            if harness.desk.chat is not None:
                await chat.leave_to_operator(harness, harness.desk.chat)
                continue
            await grant_wishes(harness)
            message = await next_message(harness)
            if message is not None:
                await handle(harness, message)
    finally:
        tending.keep(harness)
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
    # Whether a limit still holds is found out by the next turn.
    await unmark(harness, files.RATE_LIMITED)


async def grant_wishes(harness: Harness) -> None:
    """Do what the operator asked for between two turns."""
    desk = harness.desk
    if desk.wants_new_session:
        desk.wants_new_session = False
        parking.leave(harness)
        turn.begin_anew(harness)
        await _hand_over_anew(harness)
    if desk.wants_restart:
        desk.wants_restart = False
        await harness.driver.restart()
    if desk.wants_compact:
        desk.wants_compact = False
        parking.leave(harness)
        note = await tending.compact(harness)
        desk.idle_since = trio.current_time()
        if note is None:
            await _hand_over_anew(harness)
        else:
            harness.bus.note(f"the conversation was not compacted: {note}")


async def _hand_over_anew(harness: Harness) -> None:
    """Have a message whose work was broken off handed over in full.

    The conversation it was begun in is gone, or its summary may have swallowed it: a «go on» would
    mean nothing to the model, and the message would count as handled.
    """
    record = harness.record.load()
    if record is not None and not record.done:
        await keep(harness, record.afresh())


async def next_message(harness: Harness) -> DeliveredMessage | None:
    """Wait for a message and lease it; None when there is something else to do first."""
    messages: list[DeliveredMessage] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_when_wanted, harness, nursery.cancel_scope)
        nursery.start_soon(_come_to_rest, harness)
        try:
            messages.extend(await harness.client.recv(wait_s=RECV_WAIT_S, max_count=1))
            if not messages:
                # The message that made trouble is gone: somebody else marked it read.
                harness.state.set_trouble(None)
                await waits.login_works(harness)
        except HiveError as error:
            await say_away(harness, error, 0)
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
    parking.leave(harness)
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
        record = await tending.begin_afresh_when_cold(harness, record)
        verdict = await turn.work_on(harness, message, record, unread)
    except HiveError as error:
        verdict = Verdict(driver.FAILED, error.message)
    duration_ms = round((trio.current_time() - started) * 1000)
    harness.state.enter(Phase.CLOSING)
    if verdict.kind in waits.WITH_LOGIN:
        await waits.login_works(harness)
    if verdict.kind == driver.OK or verdict.is_cancelled:
        await _finish(harness, message, verdict)
        _end(harness, verdict, duration_ms)
        tending.after_turn(harness)
        if verdict.is_cancelled:
            harness.state.enter(Phase.WAITING)
        else:
            await tending.compact_when_due(harness)
    else:
        await give_back(harness)
        _end(harness, verdict, duration_ms)
        await waits.wait_out(harness, message, verdict)
    harness.desk.idle_since = trio.current_time()


def _end(harness: Harness, verdict: Verdict, duration_ms: int) -> None:
    harness.state.last_turn_ms = duration_ms
    result = CANCELLED if verdict.is_cancelled else verdict.kind
    harness.stats.record(Ended(result, verdict.note, messages=1 + len(verdict.seen)))
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
    await keep(harness, done)
    await acknowledge(harness, done)


async def acknowledge(harness: Harness, record: TurnRecord) -> None:
    """Acknowledge what a finished turn was about, however long the daemon is away."""
    await patiently(harness, lambda: _acknowledge(harness, record))
    await patiently(harness, lambda: _forget(harness))


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


async def _give_back_at_stop(harness: Harness) -> None:
    try:
        await harness.client.requeue_inflight()
    except HiveError:
        # The daemon is gone as well; the next start gives back what is held.
        return


async def _come_to_rest(harness: Harness) -> None:
    """Do what is left for a quiet moment, should the message be long in coming."""
    await tending.keep_when_quiet(harness)
    await parking.park_when_idle(harness)


async def _cancel_when_wanted(harness: Harness, scope: trio.CancelScope) -> None:
    while not (harness.desk.has_wish or harness.marks.is_set(files.PAUSED)):
        await harness.desk.sleep(waits.LOOK_S)
    scope.cancel()
