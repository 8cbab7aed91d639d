"""Messages that reach a running turn, and what becomes of them however it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from hive.agent import driver
from hive.agent.bell import Bell
from hive.agent.controls import HarnessPage
from hive.agent.driver import Outcome
from hive.wire import live
from tests.fakes import harness as fake
from tests.fakes.driver import Running
from tests.fakes.harness import looping, until


async def takes(running: Running) -> Outcome:
    """Work until something is put behind, and take it."""
    running.say()
    await running.take_behind()
    return running.result()


async def test_what_the_operator_writes_reaches_the_running_turn_and_is_acknowledged_with_it(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.driver.script = [takes]
    rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.driver.running)
        await trio.sleep(5)
        rig.hive.put("no, two")
        await until(lambda: rig.hive.is_idle)
    assert [mail.deliveries for mail in rig.hive.mail] == [1, 1]
    assert len(rig.of_kind(live.TurnStart)) == 1
    text = rig.driver.conversation.prompts[-1].text
    assert "no, two" in text
    assert "in the middle of your work" in text
    assert "message 2 from operator, put into the running turn: no, two" in rig.notes


async def test_a_message_the_model_was_not_handed_comes_back(
    tmp_path: Path, autojump_clock: object
) -> None:
    async def ends_first(running: Running) -> Outcome:
        await running.came.wait()
        return running.result()

    rig = fake.make(tmp_path)
    rig.driver.script = [ends_first]
    rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.driver.running)
        two = rig.hive.put("two")
        await until(lambda: rig.hive.is_idle)
    assert (two.deliveries, two.is_redelivered) == (2, True)
    assert len(rig.of_kind(live.TurnStart)) == 2


@pytest.mark.parametrize("kind", [driver.FAILED, driver.RATE_LIMITED])
async def test_a_message_in_a_turn_that_failed_comes_back(
    tmp_path: Path, autojump_clock: object, kind: str
) -> None:
    async def fails(running: Running) -> Outcome:
        running.say()
        await running.take_behind()
        return running.result(kind)

    rig = fake.make(tmp_path)
    rig.driver.script = [fails]
    rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.driver.running)
        two = rig.hive.put("two")
        await until(lambda: rig.hive.is_idle)
    assert two.is_redelivered


async def test_a_message_in_a_cancelled_turn_comes_back(
    tmp_path: Path, autojump_clock: object
) -> None:
    async def is_cancelled(running: Running) -> Outcome:
        running.say()
        await running.take_behind()
        await HarnessPage(rig.harness).cancel()
        return running.result(driver.INTERRUPTED)

    rig = fake.make(tmp_path)
    rig.driver.script = [is_cancelled]
    one = rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.driver.running)
        two = rig.hive.put("two")
        await until(lambda: rig.hive.is_idle)
    assert (one.deliveries, two.deliveries) == (1, 2)


async def test_a_message_in_a_turn_whose_harness_was_stopped_comes_back(
    tmp_path: Path, autojump_clock: object
) -> None:
    async def hangs(running: Running) -> Outcome:
        await running.take_behind()
        await trio.sleep_forever()
        raise AssertionError

    rig = fake.make(tmp_path)
    rig.driver.script = [hangs]
    rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.driver.running)
        two = rig.hive.put("two")
        await until(lambda: rig.driver.running and rig.driver.running.taken)
        assert two.is_held
    assert not two.acks
    assert not two.is_held


@pytest.mark.parametrize(
    ("steer", "origin", "turns"),
    [
        ("operator", "operator", 1),
        ("operator", "peer", 2),
        ("everybody", "peer", 1),
        ("nobody", "operator", 2),
    ],
)
async def test_whose_messages_steer_is_a_setting(
    tmp_path: Path, autojump_clock: object, steer: str, origin: str, turns: int
) -> None:
    async def waits(running: Running) -> Outcome:
        running.say()
        with trio.move_on_after(60):
            await running.take_behind()
        return running.result()

    rig = fake.make(tmp_path, steer=steer)
    rig.driver.script = [waits]
    rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.driver.running)
        rig.hive.put("two", from_="alice", origin=origin)
        await until(lambda: rig.hive.is_idle)
    assert len(rig.of_kind(live.TurnStart)) == turns


async def test_a_driver_that_takes_one_prompt_is_not_steered(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.driver.can_steer = False

    async def waits(running: Running) -> Outcome:
        await trio.sleep(60)
        return running.result()

    rig.driver.script = [waits]
    rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.driver.running)
        two = rig.hive.put("two")
        await until(lambda: rig.hive.is_idle)
    assert two.deliveries == 1


async def test_a_model_that_waits_in_recv_does_not_wait_for_what_was_put_behind_it(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)

    async def receives(running: Running) -> Outcome:
        # Whichever of the two got it, the model has it at once.
        if "two" not in await running.call("recv", wait_seconds=180):
            await running.take_behind()
        return running.result()

    rig.driver.script = [receives]
    rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.driver.running)
        await trio.sleep(10)
        began = trio.current_time()
        two = rig.hive.put("two")
        await until(lambda: rig.hive.is_idle)
        assert trio.current_time() - began < 5
    assert two.acks == 1


async def test_only_a_recv_hears_the_bell(autojump_clock: object) -> None:
    class Slow:
        async def handle(self, message: dict[str, object]) -> dict[str, object]:
            await trio.sleep(10)
            return {"answered": message["id"]}

    bell, answers = Bell(Slow()), {}  # type: ignore[arg-type]

    async def call(number: int, name: str) -> None:
        params = {"name": name}
        answers[number] = await bell.handle(
            {"id": number, "method": "tools/call", "params": params}
        )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call, 1, "recv")
        nursery.start_soon(call, 2, "send")
        await trio.testing.wait_all_tasks_blocked()
        bell.ring()
    assert answers[1]["result"]["content"][0]["text"].startswith("(empty")
    assert answers[2] == {"answered": 2}


async def test_a_daemon_that_is_away_does_not_end_the_turn(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)

    async def works_on(running: Running) -> Outcome:
        rig.hive.is_away = True
        await trio.sleep(200)
        rig.hive.is_away = False
        await running.take_behind()
        return running.result()

    rig.driver.script = [works_on]
    rig.hive.put("one")
    async with looping(rig):
        await until(lambda: rig.driver.running)
        two = rig.hive.put("two")
        await until(lambda: rig.hive.is_idle)
    assert two.deliveries == 1
