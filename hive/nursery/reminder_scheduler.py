"""Delivers what is due: reminders every five seconds, and questions whose time is over."""

from __future__ import annotations

import trio

from hive.core.hive import Hive

POLL_S = 5.0


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Deliver for ever; what fell due while no daemon ran is delivered at once."""
    task_status.started()
    while True:
        delivered = await hive.reminders.run_due(hive.clock())
        expired = await hive.questions.run_due(hive.clock())
        if delivered or expired:
            hive.view.poke()
        await trio.sleep(POLL_S)
