"""Runs the build queue: one job after the other, from what an earlier daemon left to the newest."""

from __future__ import annotations

from functools import partial

import trio

from hive.core import recovery, work
from hive.core.hive import Hive
from hive.nursery import upkeep
from hive.web import replies
from hive.wire.jobs import JobRow


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Mend what was left in the middle, then run jobs for ever."""
    await recovery.recover(hive)
    # Before the first job: it changes the meta repository as a whole.
    await upkeep.run(hive)
    task_status.started()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hive.queue.run_logs)
        await hive.queue.run(partial(work.run, hive), partial(_after, hive))


async def _after(hive: Hive, row: JobRow) -> None:
    """Show what a job changed; the job is over, whatever comes of that."""
    await replies.contain(f"what follows job {row.id}", partial(work.after, hive, row))
