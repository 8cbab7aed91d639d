"""Edges told to the manager: once each, never what the first look finds, never a flicker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import trio

from hive.core import notices
from hive.errors import Unavailable
from hive.nursery import state_watch
from hive.nursery.state_watch import LOOK_S
from hive.wire.dashboard import ContainerRow


class Stage:
    """Rows to be changed, and what was told."""

    def __init__(self) -> None:
        self.rows = {"manager": self._row("manager"), "alice": self._row("alice")}
        self.told: list[tuple[str, str]] = []
        self.is_full = False
        shared = SimpleNamespace(of=lambda _: None)
        self.hive: Any = SimpleNamespace(view=SimpleNamespace(rows=self.rows.values), users=shared)

    def set(self, name: str, **fields: bool) -> None:
        self.rows[name] = self._row(name, **fields)

    async def tell(self, hive: object, event: str, *, agent: str) -> None:
        assert hive is self.hive
        if self.is_full:
            raise Unavailable("the database cannot grow, its disk is full: free space on it")
        self.told.append((event, agent))

    def _row(self, name: str, **fields: bool) -> ContainerRow:
        return ContainerRow(name, f"h-{name}", name == "manager", running=True, **fields)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    monkeypatch.setattr(notices, "tell_manager", made.tell)
    return made


async def looks(stage: Stage, *changes: dict[str, dict[str, bool]]) -> list[tuple[str, str]]:
    """Run the watch; make each change, then let it look three times."""
    async with trio.open_nursery() as nursery:
        await nursery.start(state_watch.run, stage.hive)
        for change in changes:
            for name, fields in change.items():
                stage.set(name, **fields)
            await trio.sleep(3 * LOOK_S)
        nursery.cancel_scope.cancel()
    return stage.told


async def test_each_edge_is_told_once(stage: Stage, autojump_clock: object) -> None:
    assert await looks(
        stage,
        {"alice": {"needs_login": True}},
        {"alice": {"needs_login": True, "needs_update": True}},
        {"alice": {"needs_update": True}},
        {"alice": {}},
    ) == [("needs_login", "alice"), ("needs_update", "alice"), ("logged_in", "alice")]


async def test_what_the_first_look_finds_is_known(stage: Stage, autojump_clock: object) -> None:
    stage.set("alice", needs_login=True, needs_update=True)
    assert await looks(stage, {}, {"alice": {}}) == [("logged_in", "alice")]


async def test_a_new_agent_without_a_login_is_told(stage: Stage, autojump_clock: object) -> None:
    assert await looks(stage, {"bob": {"needs_login": True}}) == [("needs_login", "bob")]


async def test_an_agent_that_goes_and_comes_begins_anew(
    stage: Stage, autojump_clock: object
) -> None:
    stage.set("alice", needs_login=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(state_watch.run, stage.hive)
        del stage.rows["alice"]
        await trio.sleep(3 * LOOK_S)
        stage.set("alice", needs_login=True)
        await trio.sleep(3 * LOOK_S)
        nursery.cancel_scope.cancel()
    assert stage.told == [("needs_login", "alice")]


async def test_a_flicker_is_not_told(stage: Stage, autojump_clock: object) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(state_watch.run, stage.hive)
        await trio.sleep(LOOK_S / 2)
        for flag in (True, False) * 4:
            await trio.sleep(LOOK_S)
            stage.set("alice", needs_login=flag)
        await trio.sleep(3 * LOOK_S)
        nursery.cancel_scope.cancel()
    assert stage.told == []


async def test_the_manager_is_not_told_of_itself(stage: Stage, autojump_clock: object) -> None:
    assert await looks(stage, {"manager": {"needs_login": True, "needs_update": True}}) == []


async def test_what_a_full_disk_does_not_take_is_told_when_there_is_room(
    stage: Stage, autojump_clock: object
) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(state_watch.run, stage.hive)
        stage.is_full = True
        stage.set("alice", needs_login=True)
        await trio.sleep(10 * LOOK_S)
        stage.is_full = False
        await trio.sleep(3 * LOOK_S)
        nursery.cancel_scope.cancel()
    assert stage.told == [("needs_login", "alice")]
