"""Every crash is told once and mended, and nothing an operator did is one, whatever the order."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive.core import lifecycle, notices, transients
from hive.core.jobs import Jobs
from hive.core.transients import Transients
from hive.host.runtime import ContainerSpec, ContainerStatus
from hive.nursery import crash_watch, startup
from hive.nursery.crash_watch import Crash
from hive.wire.names import MANAGER, AgentName
from tests.fakes.runtime import FakeRuntime, Script

ALICE, BOB = AgentName("alice"), AgentName("bob")
NAMES = (MANAGER, ALICE, BOB)


class View:
    """What the watch needs of the rows: slow enough that things happen during a look."""

    def __init__(self, runtime: FakeRuntime) -> None:
        self._runtime = runtime
        self._poke = trio.Event()
        self.troubles: dict[AgentName, str | None] = {}

    async def rescan(self) -> dict[AgentName, ContainerStatus]:
        running = {status.name: status for status in await self._runtime.running()}
        await trio.sleep(0.01)
        return running

    def poke(self) -> None:
        self._poke.set()

    async def wait_poked(self) -> None:
        await self._poke.wait()
        self._poke = trio.Event()

    def set_trouble(self, name: AgentName, text: str | None, *_: object, **__: object) -> None:
        self.troubles[name] = text


class Stage:
    """A hive of three agents in memory, and an operator who does things to them."""

    def __init__(self) -> None:
        self.runtime = FakeRuntime()
        self.wanted = set(NAMES)
        self.told: list[str] = []
        self.crashed: list[str] = []
        self.recorded: list[tuple[str, ...]] = []
        self.hive: Any = SimpleNamespace(
            runtime=self.runtime,
            agents=SimpleNamespace(names=lambda: list(NAMES), is_wanted=self.wanted.__contains__),
            transients=Transients(trio.current_time, lambda frame: None),
            view=View(self.runtime),
            jobs=Jobs(),
            queue=SimpleNamespace(rows=list),
            audit=SimpleNamespace(happened=lambda *line: self.recorded.append(line)),
        )

    async def bring_back(self, hive: object, name: AgentName) -> None:
        """Do as the lifecycle does."""
        assert hive is self.hive
        with self.hive.transients.hold(name, transients.STARTING):
            if name in self.wanted and not (await self.runtime.status(name)).is_running:
                await self.start(name)

    async def tell(self, hive: object, event: str, *, agent: str, note: str) -> None:
        """Take what the manager hears; that is slow, and things happen meanwhile."""
        assert (hive, event) == (self.hive, "container_crash")
        assert note
        self.told.append(agent)
        await trio.sleep(0.005)

    async def start(self, name: AgentName) -> None:
        """Start a container."""
        await self.runtime.start(ContainerSpec(name=name, argv=("x",), env={}, binds=(), cwd="/"))

    async def do(self, verb: str, name: AgentName) -> None:
        """Do one thing, as the operator or as fate."""
        is_running = (await self.runtime.status(name)).is_running
        if verb == "crash":
            if is_running and self.hive.transients.get(name) is None:
                self.crashed.append(name)
                self.runtime.crash(name, 9)
        elif verb == "poke":
            self.hive.view.poke()
        elif self.hive.transients.get(name) is None:
            await self._operate(verb, name)
            self.hive.view.poke()

    async def _operate(self, verb: str, name: AgentName) -> None:
        with self.hive.transients.hold(name, transients.RESTARTING):
            if verb == "kill":
                self.wanted.discard(name)
                await self.runtime.stop(name, grace_s=1)
            else:
                self.wanted.add(name)
                await self.runtime.stop(name, grace_s=1)
                await trio.sleep(0.02)
                await self.start(name)

    async def work(self) -> None:
        """Run the jobs that are handed in."""
        async with trio.open_nursery() as nursery:
            while True:
                job = await self.hive.jobs.next()
                nursery.start_soon(job.run)


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> list[Stage]:
    """The present stage, in a list, behind everything the watch calls."""
    stages: list[Stage] = []

    async def starts(hive: Any, bring_back: Any) -> None:
        for name in NAMES:
            await bring_back(name).wait()
        assert hive is stages[-1].hive

    async def back(hive: object, name: AgentName) -> None:
        await stages[-1].bring_back(hive, name)

    async def tell(hive: object, event: str, **fields: Any) -> None:
        await stages[-1].tell(hive, event, **fields)

    monkeypatch.setattr(startup, "run", starts)
    monkeypatch.setattr(lifecycle, "bring_back", back)
    monkeypatch.setattr(notices, "tell_manager", tell)
    monkeypatch.setattr(Crash, "is_told", lambda self: True)
    return stages


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["crash", "crash", "kill", "restart", "poke"]),
        st.sampled_from([ALICE, BOB]),
        st.sampled_from([0.0, 0.001, 0.006, 0.02, 0.06, 0.4, 3.0, 12.0, 400.0]),
    ),
    max_size=14,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_every_crash_is_told_once_and_mended(
    patched: list[Stage], steps: Sequence[tuple[str, AgentName, float]]
) -> None:
    async def play() -> Stage:
        stage = Stage()
        patched.append(stage)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.work)
            await nursery.start(crash_watch.run, stage.hive)
            for verb, name, pause_s in steps:
                await trio.sleep(pause_s)
                await stage.do(verb, name)
            await trio.sleep(200)
            running = {status.name for status in await stage.runtime.running()}
            assert running == stage.wanted
            nursery.cancel_scope.cancel()
        return stage

    stage = trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0))
    for name in (ALICE, BOB):
        told, crashed = stage.told.count(name), stage.crashed.count(name)
        # What the operator did in the same instant may explain a crash away; nothing adds one.
        assert told <= crashed
        if not any(verb in {"kill", "restart"} and each == name for verb, each, _ in steps):
            assert told == crashed


async def test_the_pause_grows_and_is_kept_without_any_poke(
    patched: list[Stage], autojump_clock: object
) -> None:
    stage = Stage()
    patched.append(stage)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.work)
        await nursery.start(crash_watch.run, stage.hive)
        await trio.sleep(1)
        stage.runtime.scripts[ALICE] = Script(exits=1)
        stage.runtime.crash(ALICE)
        await trio.sleep(300)
        nursery.cancel_scope.cancel()
    # After 1, 2, 4, 8, 16, 32, 60 ... seconds, in five minutes: nine starts behind the first.
    assert 9 <= [spec.name for spec in stage.runtime.started].count(ALICE) <= 12
    assert "it ended with" in (stage.hive.view.troubles[ALICE] or "")
