"""A process of its own whose disk is full for a while, for the test of an agent's history.

`python -m tests.integration.showing_child DIRECTORY` shows notes on a page until the history's log
may grow no more, far more of them meanwhile than are held in memory, and some with room again; it
prints what stood on the page while the disk was full.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import trio
import trio.testing

from hive.agent.bus import HISTORY_MOST, Bus
from tests.fakes.waiting import until

MORE = 500
FULL = HISTORY_MOST + MORE
RATE = 300
PATIENCE_S = 60.0 * RATE


def _size(file: Path) -> int:
    """Return the size of a database's log."""
    return file.with_name(file.name + "-wal").stat().st_size


async def main(directory: Path) -> None:
    """Show notes on one page."""
    file = directory / "events.sqlite"
    bus = Bus(file, time.time)
    async with trio.open_nursery() as nursery:
        await nursery.start(bus.run)
        bus.note("before")
        await until(lambda: not bus._waiting, within_s=PATIENCE_S)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (_size(file) + 10_000, limits[1]))
        bus.note("full " + "x" * 20_000)
        await until(lambda: bus.problem is not None, within_s=PATIENCE_S)
        for _ in range(FULL - 1):
            bus.note("full")
        said = await bus.history(before=None, limit=HISTORY_MOST)
        problem = bus.problem
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        await until(lambda: bus.problem is None and not bus._waiting, within_s=PATIENCE_S)
        bus.note("after")
        await until(lambda: not bus._waiting, within_s=PATIENCE_S)
        nursery.cancel_scope.cancel()
    print(json.dumps({"problem": problem, "shown": len(said)}))


if __name__ == "__main__":
    # A minute until the file is tried again is a moment here.
    trio.run(main, Path(sys.argv[1]), clock=trio.testing.MockClock(rate=RATE))
