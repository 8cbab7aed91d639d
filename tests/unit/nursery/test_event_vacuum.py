"""The vacuum of agents' histories: whose is swept, by what age, and what holds up nobody."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from hive import process
from hive.config import HostConfig
from hive.core import kept_turns
from hive.errors import Unavailable
from hive.nursery import event_vacuum
from hive.nursery.event_vacuum import sweep
from hive.paths import Paths
from hive.store import agent_databases
from hive.store.agent_databases import EVENTS, NO_FENCE
from hive.wire.names import AgentName
from tests.fakes.waiting import until
from tests.unit.store.test_agent_databases import (
    DAY,
    count,
    count_turns,
    history,
    statistics,
)

ALICE = AgentName("alice")
NOW = 12 * DAY


@pytest.fixture
def hive(tmp_path: Path) -> Any:
    paths = Paths(tmp_path / "s", tmp_path / "r")
    for name in ("alice", "bob", "Not a name"):
        (paths.agents / name / "state").mkdir(parents=True)
    runtime = SimpleNamespace(isolates=False)
    agents = SimpleNamespace(names=lambda: (ALICE,), get=lambda _: None)
    config = HostConfig(stats_keep_days=9)
    return SimpleNamespace(
        paths=paths, runtime=runtime, clock=lambda: NOW, agents=agents, config=config
    )


async def test_what_is_past_its_keep_goes_of_everybody(
    hive: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_vacuum, "FIRST_AFTER_S", 0)
    turns = statistics(hive.paths.agents, "bob")
    files = [history(hive.paths.agents, name) for name in ("alice", "bob")]
    (hive.paths.agents / "alice/state" / EVENTS).write_bytes(b"spoilt" * 100)
    with caplog.at_level(logging.INFO):
        async with trio.open_nursery() as nursery:
            await nursery.start(event_vacuum.run, hive)
            await until(lambda: count(files[1]) == 5)
            await until(lambda: count_turns(turns) == 7)
            nursery.cancel_scope.cancel()
    assert "alice was not swept" in caplog.text


async def test_an_isolating_runtime_wants_the_fence(
    hive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    async def run(words: list[str], **named: Any) -> process.Completed:
        asked.append(words)
        assert named["env"] == {}
        return process.Completed(tuple(words), NO_FENCE, "", "")

    monkeypatch.setattr(process, "run", run)
    hive.runtime.isolates = True
    with pytest.raises(Unavailable, match="Landlock"):
        await sweep(hive, ALICE)
    assert asked[0][-2:] == [repr(5 * DAY), repr(3 * DAY)]
    hive.runtime.isolates = False
    with pytest.raises(Unavailable):
        await sweep(hive, ALICE)
    assert asked[1][-1] == "unfenced"


async def test_what_a_file_makes_the_sweep_say_forges_no_line(
    hive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(words: list[str], **named: Any) -> process.Completed:
        del named
        return process.Completed(tuple(words), 1, "", "a\nforged \x1b[31m" + "x" * 999)

    monkeypatch.setattr(process, "run", run)
    with pytest.raises(Unavailable) as caught:
        await sweep(hive, ALICE)
    problem = caught.value.message
    assert "\x1b" not in problem
    assert len(problem) < 220


async def test_a_sweep_that_does_not_end_is_given_up(
    hive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_turns, "TIMEOUT_S", 0.2)

    async def sleeps(words: list[str], **named: Any) -> process.Completed:
        return await real(["/bin/sleep", "9"], **named)

    real = process.run
    monkeypatch.setattr(process, "run", sleeps)
    with pytest.raises(Unavailable, match="in time"):
        await sweep(hive, ALICE)


def test_the_program_stands_alone() -> None:
    """It is started without hive on its path, from the zipapp's tree as from a checkout."""
    program = agent_databases.__file__
    words = [sys.executable, "-I", "-S", program, "sweep", "/nowhere", "alice", "0", "0"]
    done = subprocess.run(words, env={}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
