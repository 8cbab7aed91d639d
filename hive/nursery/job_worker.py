"""Runs the jobs that pages and sockets hand in, several at a time, one per agent.

That one agent has one thing done to it at a time is the transients' business, not this task's.
A job that fails in a way nobody foresaw is logged and fails alone: the others may be in the middle
of a restart.
"""

from __future__ import annotations

import trio

from hive.core.hive import Hive
from hive.web import replies


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Run jobs for ever; a stop cancels those under way."""
    async with trio.open_nursery() as nursery:
        task_status.started()
        while True:
            job = await hive.jobs.next()
            nursery.start_soon(replies.contain, job.label, job.run)
