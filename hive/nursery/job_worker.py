"""Runs the jobs that pages and sockets hand in, several at a time, one per agent.

That one agent has one thing done to it at a time is the transients' business, not this task's.
"""

from __future__ import annotations

import trio

from hive.core.hive import Hive


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Run jobs for ever; a stop cancels those under way."""
    async with trio.open_nursery() as nursery:
        task_status.started()
        while True:
            job = await hive.jobs.next()
            nursery.start_soon(job.run)
