"""Runs the build queue: one job after the other, from what an earlier daemon left to the newest."""

from __future__ import annotations

from functools import partial

import trio

from hive.core import recovery, work
from hive.core.hive import Hive


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Mend what was left in the middle, then run jobs for ever."""
    await recovery.recover(hive)
    task_status.started()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hive.queue.run_logs)
        await hive.queue.run(partial(work.run, hive), partial(work.after, hive))
