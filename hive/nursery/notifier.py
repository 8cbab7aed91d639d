"""Tells the operator's outlets what happened: routes it, and tries what is due, each outlet apart.

An outlet that hangs holds up itself alone, for the deadline of one try. What is not told yet is in
the database, so nothing is lost with this task or its daemon.
"""

from __future__ import annotations

import logging

import trio

from hive.core import board
from hive.core.hive import Hive
from hive.errors import HiveError
from hive.store.notify_rows import Delivery

LOOK_S = 5.0
SETTLE_S = 0.5
"""Frames that come closer together than this share one look."""

log = logging.getLogger(__name__)


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Tell for ever."""
    busy: set[str] = set()
    said: str | None = None
    task_status.started()
    async with trio.open_nursery() as nursery:
        while True:
            seen = hive.feed.seq
            try:
                await _look(hive, nursery, busy)
            except HiveError as error:
                # All of it is there at the next look; a full disk is no reason to end the hive.
                if said != error.message:
                    said = error.message
                    log.error("nobody is notified for now: %s", error)  # noqa: TRY400 - foreseen
            else:
                said = None
            with trio.move_on_after(LOOK_S):
                await hive.feed.wait_beyond(seen, hive.feed.generation)
            await trio.sleep(SETTLE_S)


async def _look(hive: Hive, nursery: trio.Nursery, busy: set[str]) -> None:
    """Route what happened, and begin to try what is due at outlets that are not being asked."""
    mine = hive.notifications
    await mine.tell_faults(board.notices(hive))
    while await mine.route():
        pass
    for delivery in await mine.store.due(hive.clock()):
        if delivery.outlet not in busy:
            busy.add(delivery.outlet)
            nursery.start_soon(_attempt, hive, delivery, busy)


async def _attempt(hive: Hive, delivery: Delivery, busy: set[str]) -> None:
    try:
        await hive.notifications.attempt(delivery)
    except HiveError as error:
        # It was claimed, or is due still: either way it is tried again.
        log.error("notification %d was not noted: %s", delivery.id, error)  # noqa: TRY400 - foreseen
    finally:
        busy.discard(delivery.outlet)
