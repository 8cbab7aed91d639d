"""Old mail is dropped hourly, whatever one sweep comes to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import trio

from hive.errors import Unavailable
from hive.nursery import message_vacuum


async def test_a_sweep_that_fails_is_said_and_tried_again_an_hour_later(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    cutoffs: list[float] = []

    async def vacuum(before: float) -> int:
        cutoffs.append(before)
        if len(cutoffs) == 1:
            raise Unavailable("no space left on the disk")
        return 3

    month = 30 * 86400.0
    hive: Any = SimpleNamespace(
        clock=lambda: month + trio.current_time(), broker=SimpleNamespace(vacuum=vacuum)
    )
    begin = trio.current_time()
    async with trio.open_nursery() as nursery:
        await nursery.start(message_vacuum.run, hive)
        await trio.sleep(3601)
        nursery.cancel_scope.cancel()
    assert [before - begin for before in cutoffs] == [0, 3600]
    assert "no space left" in caplog.text
