"""Waiting out what keeps the agent from working: a pause, a missing login, a limit, a failure.

Nothing is held meanwhile. Each wait is a phase with a sentence of its own; claude's process is let
go when a wait is long.
"""

from __future__ import annotations

import hashlib
from functools import partial

import attrs
import trio

from hive import backoff
from hive.agent import driver, files, parking
from hive.agent.harness import Harness
from hive.agent.patience import keep, mark, unmark
from hive.agent.phases import Phase
from hive.agent.turn import Verdict
from hive.agent.turn_record import TurnRecord, record_for
from hive.errors import HiveError
from hive.wire.limits import check_body
from hive.wire.messages import DeliveredMessage
from hive.wire.names import MANAGER

LOOK_S = 1.0
"""How often the files and the desk are looked at while the loop is parked."""
BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 60.0
TELL_AFTER = 2
"""After how many failures in a row the manager is told of a message that cannot be worked on."""
SPREAD_S = 60.0
SPREAD_SHARE = 0.2
"""Agents of one account wake one after another: within a minute, or a fifth of a short wait."""
OVERLOADED_TIMES = 10
LIMIT_MOST_S = 8 * 86400.0
"""No limit is announced for longer than a week: what is further off is no moment to wait for."""
LOOK_CLOCK_S = 60.0
"""How often the wall clock is looked at, by which a limit ends: a machine may have slept."""
WITH_LOGIN = frozenset({driver.OK, driver.RATE_LIMITED, driver.OVERLOADED, driver.PROMPT_TOO_LONG})
"""How a turn ends that had a login."""
PAUSED = "it is paused: it takes no messages until it is resumed"
NO_LOGIN = "claude is not logged in: log it in, and the work goes on by itself"


def spread_s(label: str, wait_s: float) -> float:
    """Return by how much this agent wakes later than announced.

    Every agent of an account is told the same moment; each has its own place behind it.
    """
    digest = hashlib.sha256(label.encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32
    return share * min(SPREAD_S, wait_s * SPREAD_SHARE)


async def wait_unpaused(harness: Harness) -> None:
    """Return once the agent is not paused, or is to chat."""
    if not harness.marks.is_set(files.PAUSED):
        return
    parking.leave(harness)
    harness.state.enter(Phase.PAUSED, PAUSED)

    async def wait() -> None:
        while harness.marks.is_set(files.PAUSED) and harness.desk.chat is None:
            await harness.desk.sleep(LOOK_S)

    await parking.meanwhile(harness, wait)
    go_on(harness)


async def begin_logged_in(harness: Harness) -> None:
    """Go on once there is a login; the mark of an earlier run holds until claude was asked."""
    was_missing = harness.marks.is_set(files.NEEDS_LOGIN)
    if was_missing:
        harness.state.enter(Phase.NEEDS_LOGIN, NO_LOGIN)
    if not await harness.login.is_ready():
        await _wait_login(harness, was_refused=False)
        return
    if was_missing:
        await unmark(harness, files.NEEDS_LOGIN)
    go_on(harness)


async def wait_out(harness: Harness, message: DeliveredMessage, verdict: Verdict) -> None:
    """Wait as long as this kind of failure asks for; the machine then waits for a message."""
    if verdict.kind == driver.RATE_LIMITED:
        await _park_limited(harness, verdict)
    elif verdict.kind == driver.OVERLOADED:
        await _wait_overloaded(harness, message)
    elif verdict.kind == driver.NEEDS_LOGIN:
        await harness.driver.restart()
        await _wait_login(harness, was_refused=True)
    else:
        await _back_off(harness, message, verdict)


async def _wait_login(harness: Harness, *, was_refused: bool) -> None:
    harness.login_session.forget()
    harness.state.enter(Phase.NEEDS_LOGIN, NO_LOGIN)
    harness.bus.note(NO_LOGIN)
    await mark(harness, files.NEEDS_LOGIN)
    if await harness.login.wait(harness.desk.sleep, was_refused=was_refused):
        await unmark(harness, files.NEEDS_LOGIN)
        go_on(harness)
    else:
        # It is but tried. Whoever hears of each try hears of an account that comes and goes.
        harness.state.enter(Phase.WAITING)


async def login_works(harness: Harness) -> None:
    """Take the mark of a missing login away, should it be there, now that there is one."""
    if harness.marks.is_set(files.NEEDS_LOGIN):
        await unmark(harness, files.NEEDS_LOGIN)


async def _park_limited(harness: Harness, verdict: Verdict) -> None:
    wait_s = limited_s(verdict.retry_at, harness.clock(), harness.config.rate_limit_s)
    wait_s += spread_s(harness.config.label, wait_s)
    harness.state.enter(
        Phase.RATE_LIMITED,
        f"claude's account is at its limit: {verdict.note or 'it says no more'}",
        until=harness.clock() + wait_s,
    )
    harness.bus.note(f"the account is at its limit: parked for {wait_s:.0f} s")
    await mark(harness, files.RATE_LIMITED)
    await parking.meanwhile(harness, partial(_sleep_limited, harness, wait_s))
    await unmark(harness, files.RATE_LIMITED)
    go_on(harness)


def limited_s(retry_at: float | None, now: float, usual_s: float) -> float:
    """Return how long to wait for a limit that is announced to end at `retry_at`.

    One that should be over by now, or would last for months, is not believed: this clock may be
    wrong, and the service is not asked again and again for that.
    """
    left_s = 0.0 if retry_at is None else retry_at - now
    return left_s if 0 < left_s <= LIMIT_MOST_S else usual_s


async def _sleep_limited(harness: Harness, wait_s: float) -> None:
    """Sleep until the limit is over by either clock, or the desk's bell rings."""
    until, at = trio.current_time() + wait_s, harness.clock() + wait_s
    while (left_s := min(until - trio.current_time(), at - harness.clock())) > 0:
        if await harness.desk.sleep(min(left_s, LOOK_CLOCK_S)):
            return


async def _wait_overloaded(harness: Harness, message: DeliveredMessage) -> None:
    record = record_for(message, harness.record.load())
    least_s = harness.config.overloaded_s
    wait_s = backoff.after(record.overloads + 1, least_s, least_s * OVERLOADED_TIMES)
    wait_s += spread_s(harness.config.label, wait_s)
    text = "claude's service is overloaded"
    harness.state.enter(Phase.OVERLOADED, text, until=harness.clock() + wait_s)
    harness.bus.note(f"{text}: trying again in {wait_s:.0f} s")
    await keep(harness, attrs.evolve(record, overloads=record.overloads + 1))
    await harness.desk.sleep(wait_s)
    go_on(harness)


async def _back_off(harness: Harness, message: DeliveredMessage, verdict: Verdict) -> None:
    record = record_for(message, harness.record.load())
    record = attrs.evolve(record, failures=record.failures + 1)
    note = f"the turn on message {message.id} failed: {verdict.note}"
    wait_s = backoff.after(record.failures, BACKOFF_FIRST_S, BACKOFF_MOST_S)
    until = harness.clock() + wait_s
    if verdict.kind == driver.NO_CLAUDE:
        harness.state.enter(Phase.NO_CLAUDE, verdict.note, until=until)
    else:
        harness.state.enter(Phase.FAILING, note, until=until)
    await keep(harness, record)
    if record.failures >= TELL_AFTER and not record.told_manager:
        await _tell_manager(harness, message, record, note)
    harness.bus.note(f"{note}; trying again in {wait_s:.0f} s")
    await harness.desk.sleep(wait_s)
    harness.state.enter(Phase.WAITING)


def go_on(harness: Harness) -> None:
    """Wait for a message again: what there was is over."""
    harness.state.set_trouble(None)
    harness.state.enter(Phase.WAITING)


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
    await keep(harness, attrs.evolve(record, told_manager=True))
