"""Who meets a limit is shown, as long as it is so; who fills the disk is told, then stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from hive.config import HostConfig
from hive.core import lifecycle, notices
from hive.errors import Unavailable
from hive.host import disk_use
from hive.host.runtime import ContainerSpec
from hive.nursery import limit_watch
from hive.nursery.limit_watch import COUNT_S, FILLS_BYTES, LOOK_S, SHOWN_S, newly_met
from hive.paths import Paths
from hive.store.messages import Draft
from hive.wire.agent_config import AgentConfig, Limits
from hive.wire.names import AgentName
from hive.wire.why import Code
from tests.fakes.runtime import FakeRuntime

ALICE = AgentName("alice")


@pytest.mark.parametrize(
    ("before", "now", "met"),
    [
        (None, {"tasks": 3}, set()),
        ({"tasks": 3}, {"tasks": 3}, set()),
        ({"tasks": 3}, {"tasks": 4}, {"tasks"}),
        ({}, {"memory_mib": 1, "tasks": 0}, {"memory_mib"}),
        ({"tasks": 3}, {"tasks": 1}, {"tasks"}),
        ({"tasks": 3}, {"tasks": 0}, set()),
        ({"tasks": 3}, {}, set()),
    ],
)
def test_a_limit_is_met_when_its_count_changed(
    before: dict[str, int] | None, now: dict[str, int], met: set[str]
) -> None:
    assert newly_met(before, now) == met


class Stage:
    """A hive of one agent, whose disk is what the test says."""

    def __init__(self, root: Path) -> None:
        self.runtime = FakeRuntime()
        self.used: int | None = 1
        """None: it cannot be counted."""
        self.free = 10**12
        self.user: int | None = None
        """Alice's own, where she has one."""
        self.shared: dict[int, int] = {}
        self.met: tuple[str, ...] = ()
        self.trouble: str | None = None
        self.told: list[str] = []
        self.events: list[tuple[str, str]] = []
        config = AgentConfig(limits=Limits(disk_mib=100))
        self.hive: Any = SimpleNamespace(
            clock=trio.current_time,
            config=HostConfig(),
            paths=Paths(root, root),
            runtime=self.runtime,
            agents=SimpleNamespace(
                names=lambda: [ALICE], get=lambda _: SimpleNamespace(config=config)
            ),
            users=SimpleNamespace(of=lambda _: self.user),
            view=SimpleNamespace(set_met=self._set_met, set_trouble=self._set_trouble),
        )

    def _set_met(self, name: AgentName, keys: tuple[str, ...]) -> None:
        assert name == ALICE
        self.met = keys

    def _set_trouble(self, name: AgentName, text: str, code: Code, *, mend: str) -> None:
        assert (name, code) == (ALICE, Code.DISK_LIMIT)
        self.trouble = f"{text}; {mend}"

    async def count(self, folders: Sequence[Path]) -> int:
        """Count as the disk would."""
        root = self.runtime.root(ALICE)
        assert [folder.name for folder in folders[:3]] == ["state", "claude", "alice"]
        assert folders[3:] == ([root] if root is not None else [])
        if self.used is None:
            raise Unavailable("it cannot be counted")
        return self.used

    async def owners(self, folder: Path) -> dict[int, int]:
        """Say what users have in /shared."""
        assert folder == self.hive.paths.shared
        return self.shared

    async def free_bytes(self, folder: Path) -> int:
        """Say what is free on the disk."""
        assert folder == self.hive.paths.state
        return self.free

    async def post(self, hive: object, drafts: tuple[Draft, ...]) -> None:
        """Take what the agent is told."""
        assert hive is self.hive
        self.told += [draft.body for draft in drafts]

    async def tell(self, hive: object, event: str, *, agent: str) -> None:
        """Take what the manager is told."""
        assert hive is self.hive
        self.events.append((event, agent))

    async def stop(self, hive: object, name: AgentName, *, at_once: bool) -> None:
        """Stop as the lifecycle does."""
        assert hive is self.hive
        assert not at_once
        await self.runtime.stop(name, grace_s=0)

    async def start(self) -> None:
        """Start alice."""
        await self.runtime.start(ContainerSpec(ALICE, ("x",), {}, (), "/"))

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch during the block."""
        await self.start()
        async with trio.open_nursery() as nursery:
            await nursery.start(limit_watch.run, self.hive)
            await looks()
            yield
            nursery.cancel_scope.cancel()


async def looks(count: float = 1) -> None:
    """Let the watch look so often."""
    await trio.sleep(count * LOOK_S + 1)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(tmp_path)
    monkeypatch.setattr(disk_use, "used_mib", made.count)
    monkeypatch.setattr(disk_use, "owners_mib", made.owners)
    monkeypatch.setattr(disk_use, "free_bytes", made.free_bytes)
    monkeypatch.setattr(notices, "post", made.post)
    monkeypatch.setattr(notices, "tell_manager", made.tell)
    monkeypatch.setattr(lifecycle, "stop", made.stop)
    return made


async def test_a_limit_is_shown_when_it_is_met_and_ten_minutes_longer(
    stage: Stage, autojump_clock: object
) -> None:
    stage.runtime.met[ALICE] = {"tasks": 2}
    async with stage.watching():
        assert stage.met == ()
        stage.runtime.met[ALICE] = {"tasks": 3, "memory_mib": 1}
        await looks()
        assert stage.met == ("memory_mib", "tasks")
        await trio.sleep(SHOWN_S)
        assert stage.met == ()


async def test_who_has_too_much_is_told_once_and_shown_until_it_made_room(
    stage: Stage, autojump_clock: object
) -> None:
    async with stage.watching():
        stage.used = 105
        await trio.sleep(3 * COUNT_S)
        assert stage.met == ("disk_mib",)
        (body,) = stage.told
        assert "takes 105 MiB of the disk, and limits.disk_mib is 100" in body
        stage.used = 90
        await trio.sleep(COUNT_S + LOOK_S)
        assert stage.met == ()
        stage.used = 105
        await trio.sleep(2 * COUNT_S)
        assert len(stage.told) == 2
        assert stage.events == []


async def test_who_goes_on_is_stopped_and_its_row_says_why(
    stage: Stage, autojump_clock: object
) -> None:
    async with stage.watching():
        stage.used = 111
        await trio.sleep(COUNT_S + LOOK_S)
        assert not (await stage.runtime.status(ALICE)).is_running
        assert stage.trouble is not None
        assert "it was stopped: what is yours takes 111 MiB" in stage.trouble
        assert stage.events == [("killed", "alice")]
        await looks()
        assert stage.met == ()


async def test_a_root_that_is_on_the_disk_counts_too(stage: Stage, autojump_clock: object) -> None:
    stage.runtime.roots[ALICE] = Path("/roots/h-alice")
    async with stage.watching():
        stage.used = 105
        await trio.sleep(COUNT_S + LOOK_S)
        assert "what is yours takes 105 MiB of the disk" in stage.told[0]
        stage.used = 111
        await trio.sleep(COUNT_S + LOOK_S)
        assert stage.trouble is not None
        assert "alice or /roots/h-alice" in stage.trouble


async def test_a_disk_that_cannot_be_counted_keeps_nobody_from_being_watched(
    stage: Stage, autojump_clock: object
) -> None:
    stage.used = None
    async with stage.watching():
        stage.runtime.met[ALICE] = {"tasks": 1}
        await trio.sleep(COUNT_S + 2 * LOOK_S)
        stage.used = 1
        await trio.sleep(COUNT_S)
        assert stage.met == ("tasks",)


async def test_a_disk_that_fills_quickly_is_counted_at_once(
    stage: Stage, autojump_clock: object
) -> None:
    async with stage.watching():
        stage.used = 105
        await looks()
        assert stage.told == []
        stage.free -= FILLS_BYTES + 1
        await looks()
        assert len(stage.told) == 1


@pytest.mark.parametrize(
    ("each", "shared"), [(1, {7: 70, 8: 500}), (10, {6: 500, 7: 30, 16: 40, 17: 500})]
)
async def test_what_an_agents_own_users_have_in_shared_is_counted_with_the_rest(
    stage: Stage, autojump_clock: object, each: int, shared: dict[int, int]
) -> None:
    stage.runtime.users_each = each
    stage.shared = shared
    stage.used = 41
    async with stage.watching():
        # Users are shared: nobody knows whose it is.
        await trio.sleep(2 * COUNT_S)
        assert stage.met == ()
        stage.user = 7
        await trio.sleep(COUNT_S + LOOK_S)
        assert not (await stage.runtime.status(ALICE)).is_running
        assert stage.trouble is not None
        assert "takes 111 MiB" in stage.trouble
