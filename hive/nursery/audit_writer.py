"""Writes what was told to the audit log and nobody waits for; first to start and last to stop."""

from __future__ import annotations

import logging

import trio

import hive as package
from hive.core.hive import Hive
from hive.errors import Unavailable
from hive.wire.audit import DONE

log = logging.getLogger(__name__)


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Write until cancelled, then what is left; the whole log is checked once, at the start."""
    hive.audit.tell("start", "", DONE, {"version": package.__version__})
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hive.audit.run_log)
            nursery.start_soon(hive.audit.run_gathered)
            task_status.started()
            await _look(hive)
            await trio.sleep_forever()
    finally:
        hive.audit.tell("stop", "", DONE)
        await hive.audit.finish()


async def _look(hive: Hive) -> None:
    """Check the log; what is wrong with it shows on the dashboard."""
    try:
        problems = (await hive.audit.verify()).problems
    except Unavailable as error:
        problems = (error.message,)
    hive.audit.faults = problems
    for problem in problems:
        log.error("the audit log is not as it was written: %s", problem)
