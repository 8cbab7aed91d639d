"""Letting claude's process go while an agent has nothing to do.

The next turn starts it again in the same conversation. What the agent itself has left running is
not ended for that: as long as it runs, claude stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from hive.agent.harness import Harness
from hive.agent.phases import Phase

AGAIN_S = 60.0
"""How often it is looked whether what the agent left running has ended."""


async def meanwhile(harness: Harness, wait: Callable[[], Awaitable[object]]) -> None:
    """Wait for something, and let claude go when the agent has had no turn for long enough.

    Must not be called in a turn. What `wait` raises comes in an exception group.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(park_when_idle, harness)
        await wait()
        nursery.cancel_scope.cancel()


def leave(harness: Harness) -> None:
    """Wait for a message as before; claude is started by whoever needs it."""
    if harness.state.phase is Phase.PARKED:
        harness.state.enter(Phase.WAITING)


async def park_when_idle(harness: Harness) -> None:
    """Let claude go once the agent has had no turn for long enough, then return."""
    if not harness.config.park_s or harness.state.phase is Phase.PARKED:
        return
    await trio.sleep_until(harness.desk.idle_since + harness.config.park_s)
    while not await harness.driver.park():  # noqa: ASYNC110 - other processes' ends
        await trio.sleep(AGAIN_S)
    if harness.state.phase is Phase.WAITING:
        harness.state.enter(Phase.PARKED)
