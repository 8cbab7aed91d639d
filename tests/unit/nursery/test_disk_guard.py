"""Who fills the disk is stopped before it is full, and nobody else."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from hive.config import HostConfig
from hive.core import lifecycle, notices
from hive.core.hive import Disk
from hive.errors import Conflict, Unavailable
from hive.host import disk_use
from hive.host.runtime import ContainerSpec
from hive.nursery import disk_guard
from hive.nursery.disk_guard import LOOK_LEAST_S, LOOK_MOST_S, NEAR, WINDOW_S, Window, pause_s
from hive.paths import Paths
from hive.store.messages import Draft
from hive.wire.names import AgentName
from hive.wire.why import Code
from tests.fakes.runtime import FakeRuntime

ALICE, BOB = AgentName("alice"), AgentName("bob")
GIB = 1024**3
MIB = 1024**2


class Stage:
    """A hive of two agents on a disk that is what the test says."""

    def __init__(self, root: Path) -> None:
        self.runtime = FakeRuntime()
        self.free = 100 * GIB
        self.is_full = False
        self.refuses = 0
        """How often a stop is refused."""
        self.troubles: dict[str, str] = {}
        self.told: list[tuple[str, str]] = []
        self.hive: Any = SimpleNamespace(
            clock=trio.current_time,
            config=HostConfig(),
            paths=Paths(root, root),
            runtime=self.runtime,
            disk=Disk(),
            view=SimpleNamespace(set_trouble=self._set_trouble),
        )

    def _set_trouble(
        self, name: AgentName, text: str, code: Code, *, mend: str | None = None
    ) -> None:
        assert code is Code.DISK_LIMIT
        self.troubles[name] = text if mend is None else f"{text}; {mend}"

    async def free_bytes(self, folder: Path) -> int:
        """Say what is free on the disk."""
        assert folder == self.hive.paths.state
        return self.free

    async def stop(self, hive: object, name: AgentName, *, at_once: bool) -> None:
        """Stop as the lifecycle does."""
        assert hive is self.hive
        assert at_once
        if self.refuses:
            self.refuses -= 1
            raise Conflict(f"{name} is being rebuilt")
        await self.runtime.stop(name, grace_s=0)

    async def post(self, hive: object, drafts: tuple[Draft, ...]) -> None:
        """Take what the agent is told."""
        assert hive is self.hive
        if self.is_full:
            raise Unavailable("the database cannot grow, its disk is full: free space on it")
        self.told += [(name, draft.body) for draft in drafts for name in draft.recipients]

    async def tell(self, hive: object, event: str, *, agent: str) -> None:
        """Take what the manager is told."""
        assert hive is self.hive
        self.told.append(("manager", f"{event} {agent}"))

    def write(self, name: AgentName, size: int) -> None:
        """Let an agent write so much."""
        self.runtime.wrote[name] = self.runtime.wrote.get(name, 0) + size
        self.free -= size

    async def running(self) -> list[str]:
        """Return who runs."""
        return [each.name for each in await self.runtime.running()]


@pytest.fixture
async def stage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    nursery: trio.Nursery,
) -> Stage:
    made = Stage(tmp_path)
    monkeypatch.setattr(disk_use, "free_bytes", made.free_bytes)
    monkeypatch.setattr(notices, "post", made.post)
    monkeypatch.setattr(notices, "tell_manager", made.tell)
    monkeypatch.setattr(lifecycle, "stop", made.stop)
    for name in (ALICE, BOB):
        await made.runtime.start(ContainerSpec(name, ("x",), {}, (), "/"))
    await nursery.start(disk_guard.run, made.hive)
    await trio.sleep(LOOK_MOST_S + 1)
    return made


async def test_who_fills_the_disk_is_stopped_at_once_and_told_and_the_other_goes_on(
    stage: Stage, autojump_clock: object
) -> None:
    stage.free = 2 * GIB
    await trio.sleep(LOOK_MOST_S + 1)
    stage.write(BOB, 10 * MIB)
    stage.write(ALICE, 1200 * MIB)
    await trio.sleep(2 * LOOK_LEAST_S)
    assert await stage.running() == ["bob"]
    assert "it was filling the host's disk, which had 838 MiB left" in stage.troubles["alice"]
    (event, (name, body)) = stage.told
    assert event == ("manager", "killed alice")
    assert name == "alice"
    assert "remove what you wrote" in body
    assert stage.hive.disk.is_low


async def test_who_fills_the_disk_by_what_the_daemon_stores_for_it_is_stopped_too(
    stage: Stage, autojump_clock: object
) -> None:
    stage.free = 2 * GIB
    await trio.sleep(LOOK_MOST_S + 1)
    stage.hive.disk.stored[ALICE] += 1200 * MIB
    stage.free -= 1200 * MIB
    await trio.sleep(2 * LOOK_LEAST_S)
    assert await stage.running() == ["bob"]
    assert "it was filling the host's disk" in stage.troubles["alice"]


@pytest.mark.parametrize("is_full", [False, True])
async def test_one_after_the_other_is_stopped_who_fills_it_also_when_neither_can_be_told(
    stage: Stage, autojump_clock: object, is_full: bool
) -> None:
    stage.is_full = is_full
    stage.free = 2 * GIB
    await trio.sleep(LOOK_MOST_S + 1)
    stage.write(ALICE, 700 * MIB)
    stage.write(BOB, 600 * MIB)
    await trio.sleep(LOOK_MOST_S)
    assert await stage.running() == []
    assert "it was filling the host's disk" in stage.troubles["bob"]


async def test_a_disk_that_others_fill_stops_nobody_and_is_warned_of(
    stage: Stage, autojump_clock: object
) -> None:
    stage.free = GIB // 2
    stage.write(ALICE, MIB)
    for _ in range(100):
        stage.write(BOB, MIB // 10)
        await trio.sleep(WINDOW_S / 10)
    assert await stage.running() == ["alice", "bob"]
    assert stage.hive.disk.is_low
    stage.free = 50 * GIB
    await trio.sleep(LOOK_MOST_S)
    assert not stage.hive.disk.is_low
    assert stage.told == []


async def test_who_writes_much_is_let_alone_where_there_is_room(
    stage: Stage, autojump_clock: object
) -> None:
    stage.write(ALICE, 60 * GIB)
    await trio.sleep(WINDOW_S)
    stage.write(ALICE, 35 * GIB)
    await trio.sleep(WINDOW_S)
    assert await stage.running() == ["alice", "bob"]
    # And what it wrote more than a minute ago is not what fills the disk now.
    stage.free = GIB // 2
    await trio.sleep(WINDOW_S)
    assert await stage.running() == ["alice", "bob"]


async def test_a_stop_that_is_refused_is_tried_again(stage: Stage, autojump_clock: object) -> None:
    stage.refuses = 2
    stage.free = 2 * GIB
    await trio.sleep(LOOK_MOST_S + 1)
    stage.write(ALICE, 1500 * MIB)
    await trio.sleep(LOOK_MOST_S)
    assert await stage.running() == ["bob"]
    assert len(stage.told) == 2


def test_a_container_that_was_started_anew_has_written_what_it_has_by_now() -> None:
    window = Window()
    window.add(0, {ALICE: 5000, BOB: 10})
    window.add(1, {ALICE: 100, BOB: 20})
    window.add(2, {ALICE: 500, BOB: 30})
    assert window.filler(400 * 30 + 1) is None
    assert window.filler(400 * 30 - 1) == ALICE
    window.add(3, {BOB: 30})
    assert window.filler(20 * 30 - 1) == BOB
    window.add(3 + WINDOW_S, {BOB: 30})
    assert window.filler(1) is None


def test_it_is_looked_the_sooner_the_nearer_the_reserve_is() -> None:
    assert pause_s(1000 * GIB, GIB) == LOOK_MOST_S
    assert pause_s((NEAR + 8) * GIB, GIB) == 2.0
    assert pause_s(0, GIB) == pause_s(NEAR * GIB, GIB) == LOOK_LEAST_S
