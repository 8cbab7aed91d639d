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
from hive.config import Paths
from hive.nursery import event_vacuum
from hive.nursery.event_vacuum import KEEP_S, sweep
from hive.store.event_sweep import FILE, NO_FENCE
from hive.wire.names import AgentName
from tests.fakes.waiting import until
from tests.unit.store.test_event_sweep import DAY, count, history

ALICE = AgentName("alice")
NOW = 12 * DAY


@pytest.fixture
def hive(tmp_path: Path) -> Any:
    paths = Paths(tmp_path / "s", tmp_path / "r")
    for name in ("alice", "bob", "Not a name"):
        (paths.agents / name / "state").mkdir(parents=True)
    runtime = SimpleNamespace(isolates=False)
    agents = SimpleNamespace(names=lambda: (ALICE,))
    return SimpleNamespace(paths=paths, runtime=runtime, clock=lambda: NOW, agents=agents)


async def test_what_is_older_than_a_week_goes_of_everybody(
    hive: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_vacuum, "FIRST_AFTER_S", 0)
    files = [history(hive.paths.agents, name) for name in ("alice", "bob")]
    (hive.paths.agents / "alice/state" / FILE).write_bytes(b"spoilt" * 100)
    with caplog.at_level(logging.INFO):
        async with trio.open_nursery() as nursery:
            await nursery.start(event_vacuum.run, hive)
            await until(lambda: count(files[1]) == 10 - (NOW - KEEP_S) / DAY)
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
    assert "Landlock" in ((await sweep(hive, ALICE, 0)).problem or "")
    assert asked[0][-1] == "0"
    hive.runtime.isolates = False
    await sweep(hive, ALICE, 0)
    assert asked[1][-1] == "unfenced"


async def test_what_a_file_makes_the_sweep_say_forges_no_line(
    hive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(words: list[str], **named: Any) -> process.Completed:
        del named
        return process.Completed(tuple(words), 1, "", "a\nforged \x1b[31m" + "x" * 999)

    monkeypatch.setattr(process, "run", run)
    problem = (await sweep(hive, ALICE, 0)).problem
    assert problem is not None
    assert "\x1b" not in problem
    assert len(problem) < 220


async def test_a_sweep_that_does_not_end_is_given_up(
    hive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_vacuum, "TIMEOUT_S", 0.2)

    async def sleeps(words: list[str], **named: Any) -> process.Completed:
        return await real(["/bin/sleep", "9"], **named)

    real = process.run
    monkeypatch.setattr(process, "run", sleeps)
    assert "in time" in ((await sweep(hive, ALICE, 0)).problem or "")


def test_the_program_stands_alone() -> None:
    """It is started without hive on its path, from the zipapp's tree as from a checkout."""
    program = event_vacuum.event_sweep.__file__
    words = [sys.executable, "-I", "-S", program, "/nowhere", "alice", "0"]
    done = subprocess.run(words, env={}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
