"""Doing things until they work: the daemon may be away and the disk may be full, and both end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from hive import backoff
from hive.agent.harness import Harness
from hive.agent.turn_record import TurnRecord
from hive.errors import DaemonUnreachable, HiveError

AWAY_FIRST_S = 0.25
AWAY_MOST_S = 30.0


async def patiently(harness: Harness, work: Callable[[], Awaitable[None]]) -> None:
    """Do something until it works, saying on the page that it does not."""
    attempt = 0
    while True:
        try:
            await work()
            break
        except HiveError as error:
            await say_away(harness, error, attempt)
            attempt += 1


async def say_away(harness: Harness, error: HiveError, attempt: int) -> None:
    """Say once what does not work, and wait, longer with each attempt."""
    if attempt == 0:
        what = "hive does not answer; " if isinstance(error, DaemonUnreachable) else ""
        harness.bus.note(f"{what}trying on: {error.message}")
    await trio.sleep(backoff.after(attempt + 1, AWAY_FIRST_S, AWAY_MOST_S))


async def give_back(harness: Harness) -> None:
    """Put everything this agent holds back into its inbox, however long the daemon is away."""
    await patiently(harness, harness.client.requeue_inflight)


async def keep(harness: Harness, record: TurnRecord) -> None:
    """Put the record of a turn on file."""

    async def save() -> None:
        harness.record.save(record)

    await patiently(harness, save)


async def mark(harness: Harness, name: str) -> None:
    """Leave a mark for the daemon."""

    async def set_it() -> None:
        harness.marks.set(name)

    await patiently(harness, set_it)


async def unmark(harness: Harness, name: str) -> None:
    """Take a mark away."""

    async def clear_it() -> None:
        harness.marks.clear(name)

    await patiently(harness, clear_it)
