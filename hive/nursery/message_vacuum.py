"""Drops acknowledged mail past its keep: hourly, and once at the start."""

from __future__ import annotations

import logging

import trio

from hive.core.hive import Hive
from hive.errors import HiveError

EVERY_S = 3600.0
KEEP_S = 30 * 86400.0

log = logging.getLogger(__name__)


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Sweep for ever; what was never acknowledged is kept whatever its age."""
    task_status.started()
    while True:
        try:
            dropped = await hive.broker.vacuum(hive.clock() - KEEP_S)
        except HiveError as error:
            # A full disk is no reason to end the hive, as a task does that goes on failing.
            log.error("old messages were not dropped: %s", error)  # noqa: TRY400 - foreseen
        else:
            if dropped:
                log.info("dropped %d messages acknowledged over 30 days ago", dropped)
        await trio.sleep(EVERY_S)
