"""A claude of a series that hive was never tested with is used, and said to be one."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from hive.agent.claude_version import TESTED, doubt
from hive.agent.driver import Outcome
from tests.fakes import harness as fake
from tests.fakes.driver import Play, Running
from tests.fakes.harness import looping, until


@pytest.mark.parametrize("version", [None, TESTED, "2.1.0", "2.1.9999"])
def test_a_version_of_the_tested_series_is_not_doubted(version: str | None) -> None:
    assert doubt(version) is None


@pytest.mark.parametrize("version", ["2.2.0", "3.1.330", "1.0", "", "x" * 1000])
def test_another_series_is_doubted_and_the_tested_one_named(version: str) -> None:
    sentence = doubt(version)
    assert sentence is not None
    assert sentence.endswith(f"install {TESTED}")
    assert len(sentence) < 200


async def test_an_agent_with_such_a_claude_works_and_says_so(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)

    def of(version: str) -> Play:
        async def play(running: Running) -> Outcome:
            line = {"type": "system", "subtype": "init", "claude_code_version": version}
            running.on_line(line)
            running.say()
            return running.result()

        return play

    tested = of(TESTED)
    rig.driver.script = [of("3.0.1")]
    mail = rig.hive.put("work")
    async with looping(rig):
        await until(lambda: mail.acks)
        # Also when an empty inbox has taken back what a failed message had said.
        await trio.sleep(400)
        assert "3.0.1" in (rig.harness.state.report().note or "")
        rig.driver.script = [tested]
        rig.hive.put("more")
        await until(lambda: rig.hive.is_idle)
        assert rig.harness.state.report().note is None
