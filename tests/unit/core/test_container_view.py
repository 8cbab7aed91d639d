"""The rows' view: when it asks for a new look at everything."""

from __future__ import annotations

from typing import Any

import trio
import trio.testing

from hive.core.container_view import ContainerView
from hive.wire.agent import ReportState
from hive.wire.names import AgentName

ALICE = AgentName("alice")
IDLE = ReportState("online", "idle", "haiku")
THINKING = ReportState("online", "thinking", "haiku")


async def test_a_harness_that_says_the_same_again_asks_for_no_look(
    autojump_clock: trio.testing.MockClock,
) -> None:
    unused: Any = None
    view = ContainerView(unused, unused, unused, unused, unused, unused, unused, unused)

    async def is_poked() -> bool:
        with trio.move_on_after(1):
            await view.wait_poked()
            return True
        return False

    view.report(ALICE, IDLE)
    assert await is_poked()
    view.report(ALICE, IDLE)
    assert not await is_poked()
    view.report(ALICE, THINKING)
    assert await is_poked()
    # What is told of a harness that was replaced is new again.
    view.forget_report(ALICE)
    view.report(ALICE, THINKING)
    assert await is_poked()
