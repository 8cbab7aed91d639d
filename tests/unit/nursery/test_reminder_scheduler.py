"""What is due is delivered at every poll, and a disk that is full ends nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import trio

from hive.errors import Unavailable
from hive.nursery import reminder_scheduler
from hive.nursery.reminder_scheduler import POLL_S


class Stage:
    """What is due, on a disk that may be full."""

    def __init__(self) -> None:
        self.is_full = False
        self.delivered: list[float] = []
        self.hive: Any = SimpleNamespace(
            clock=trio.current_time,
            reminders=SimpleNamespace(run_due=self._deliver),
            questions=SimpleNamespace(run_due=self._expire),
            view=SimpleNamespace(poke=lambda: None),
        )

    async def _deliver(self, now: float) -> int:
        await trio.lowlevel.checkpoint()
        if self.is_full:
            raise Unavailable("the disk is full")
        self.delivered.append(now)
        return 1

    async def _expire(self, now: float) -> int:
        assert now == trio.current_time()
        await trio.lowlevel.checkpoint()
        return 0


async def test_a_full_disk_is_said_once_and_what_is_due_comes_when_there_is_room(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage()
    async with trio.open_nursery() as nursery:
        await nursery.start(reminder_scheduler.run, stage.hive)
        await trio.sleep(1)
        assert stage.delivered == [0]
        stage.is_full = True
        await trio.sleep(20 * POLL_S)
        assert len(stage.delivered) == 1
        assert [record.getMessage() for record in caplog.records] == [
            "what is due was not delivered and stays due: the disk is full"
        ]
        stage.is_full = False
        await trio.sleep(POLL_S)
        assert len(stage.delivered) == 2
        nursery.cancel_scope.cancel()
