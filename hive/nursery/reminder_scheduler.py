"""Delivers what is due: reminders every five seconds, and questions whose time is over."""

from __future__ import annotations

import logging

import trio

from hive.core.hive import Hive
from hive.errors import HiveError

POLL_S = 5.0

log = logging.getLogger(__name__)


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Deliver for ever; what fell due while no daemon ran is delivered at once."""
    task_status.started()
    said: str | None = None
    while True:
        try:
            delivered = await hive.reminders.run_due(hive.clock())
            expired = await hive.questions.run_due(hive.clock())
        except HiveError as error:
            # All of it is due still at the next poll. A full disk is no reason to end the hive, as
            # a task does that goes on failing.
            if said != error.message:
                said = error.message
                log.error("what is due was not delivered and stays due: %s", error)  # noqa: TRY400
        else:
            said = None
            if delivered or expired:
                hive.view.poke()
        await trio.sleep(POLL_S)
