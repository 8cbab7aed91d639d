"""claude's process is let go while an agent has nothing to do, and is there again when it has."""

from __future__ import annotations

from pathlib import Path

import trio

from hive.agent import driver, files
from hive.agent.phases import Phase
from tests.fakes import harness as fake
from tests.fakes.harness import ends, looping, until


async def test_an_idle_agent_lets_its_claude_go_and_works_on_the_next_message(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.hive.is_idle)
        await trio.sleep(595)
        assert not rig.driver.is_parked
        await trio.sleep(10)
        assert rig.driver.is_parked
        assert rig.harness.state.phase is Phase.PARKED
        await trio.sleep(10_000)
        rig.hive.put("two")
        await until(lambda: rig.hive.is_idle)
    assert rig.driver.parked == 1
    assert len(rig.driver.conversation.prompts) == 2


async def test_an_agent_that_left_something_running_keeps_its_claude(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.driver.has_left_running = True
    rig.hive.put("one")
    async with looping(rig):
        await trio.sleep(5000)
        assert not rig.driver.is_parked
        rig.driver.has_left_running = False
        await until(lambda: rig.driver.is_parked, 200)


async def test_parking_can_be_switched_off(tmp_path: Path, autojump_clock: object) -> None:
    rig = fake.make(tmp_path, park_s=0)
    rig.hive.put("one")
    async with looping(rig):
        await trio.sleep(20_000)
    assert rig.driver.parked == 0


async def test_a_paused_agent_lets_its_claude_go_too(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.hive.is_idle)
        (tmp_path / "state" / files.PAUSED).touch()
        await until(lambda: rig.driver.is_parked)
        assert rig.harness.state.phase is Phase.PAUSED


async def test_an_agent_at_its_limit_lets_its_claude_go_too(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.driver.script = [ends(driver.RATE_LIMITED, retry_at=fake.clock() + 9000)]
    mail = rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.driver.is_parked)
        assert rig.harness.state.phase is Phase.RATE_LIMITED
        await trio.sleep(9000)
        await until(lambda: mail.acks)
