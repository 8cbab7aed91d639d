"""The rows' view: when it asks for a new look at everything."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import trio
import trio.testing

from hive.core.container_view import ContainerView, Counts
from hive.core.transients import Transients
from hive.core.why import HUNG_S
from hive.host.runtime import ContainerStatus
from hive.paths import paths_for
from hive.store.agents import AgentRecord
from hive.wire.agent import ReportState
from hive.wire.names import AgentName
from hive.wire.why import Code

ALICE = AgentName("alice")
IDLE = ReportState("online", "idle", "haiku")
THINKING = ReportState("online", "thinking", "haiku")


async def test_a_harness_that_says_the_same_again_asks_for_no_look(
    autojump_clock: trio.testing.MockClock,
) -> None:
    unused: Any = None
    view = ContainerView(unused, unused, unused, unused, unused, unused, unused, trio.current_time)

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


async def test_a_harness_that_hangs_is_noticed_by_the_sweep_and_forgiven_at_its_next_word(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    view = ContainerView(
        paths_for(tmp_path, system=False),
        cast("Any", _Alice()),
        cast("Any", SimpleNamespace(running=_alice_runs, kind="process")),
        Transients(trio.current_time, lambda frame: None),
        Counts(_nothing, _nothing, lambda _: ("", 0), tuple),
        lambda frame: None,
        lambda: "now",
        trio.current_time,
    )

    async def code() -> Code:
        await view.rescan()
        row = view.row(ALICE)
        assert row is not None
        assert row.why is not None
        return row.why.code

    view.report(ALICE, THINKING)
    for _ in range(9):
        await trio.sleep(HUNG_S / 10)
        assert await code() is Code.WORKING
    await trio.sleep(HUNG_S / 10 + 1)
    assert await code() is Code.UNREACHABLE
    await view.wait_poked()
    # The same as before, and yet news.
    view.report(ALICE, THINKING)
    with trio.fail_after(1):
        await view.wait_poked()
    assert await code() is Code.WORKING


class _Alice:
    """The agents of a hive that has this one."""

    def __contains__(self, name: object) -> bool:
        return name == ALICE

    def names(self) -> list[AgentName]:
        return [ALICE]

    def get(self, name: AgentName) -> AgentRecord:
        return AgentRecord(name, 0.0, "running")

    def is_wanted(self, name: AgentName) -> bool:
        return name == ALICE


async def _alice_runs() -> list[ContainerStatus]:
    await trio.lowlevel.checkpoint()
    return [ContainerStatus(ALICE, is_running=True)]


async def _nothing() -> dict[str, int]:
    await trio.lowlevel.checkpoint()
    return {}
