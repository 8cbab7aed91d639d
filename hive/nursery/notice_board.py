"""Keeps the dashboard's strip of notices up to date: a look after whatever happens, or in a while.

What shows in frames (rows, forge, tasks) is followed at once; disk and audit log are looked at.
"""

from __future__ import annotations

import trio

from hive.core.board import Board
from hive.core.hive import Hive

LOOK_S = 5.0
SETTLE_S = 0.1
"""Frames that come closer together than this share one look."""


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Look for ever."""
    board = Board()
    task_status.started()
    while True:
        board.look(hive)
        seen = hive.feed.seq
        with trio.move_on_after(LOOK_S):
            await hive.feed.wait_beyond(seen, hive.feed.generation)
        await trio.sleep(SETTLE_S)
