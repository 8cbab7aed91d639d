"""Stores every few seconds what agents reached and were refused, and once more at the stop."""

from __future__ import annotations

import trio

from hive.core.hive import Hive

EVERY_S = 5.0
LAST_S = 1.0


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Store what is new until cancelled; raises `Unavailable`, and nothing of it is lost then."""
    task_status.started()
    try:
        while True:
            await trio.sleep(EVERY_S)
            await hive.ledgers.store()
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_S):
            await hive.ledgers.store()
