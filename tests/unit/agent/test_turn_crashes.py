"""Crashes of the harness at every point of its work: nothing lost, nothing done twice.

A world is an inbox, claude's conversation and a state directory; a harness works in it until it is
killed: from then on none of its actions has any effect. The next harness finds what is left.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from hive.agent import driver, turn_loop
from hive.agent.driver import Outcome
from hive.agent.turn_record import RecordFile, TurnRecord
from hive.errors import Unavailable
from tests.fakes import harness as fake
from tests.fakes.driver import Conversation, Running
from tests.fakes.hive_socket import FakeHive

BODIES = ("alpha", "beta", "gamma")


@attrs.define
class World:
    """What outlives a harness."""

    root: Path
    hive: FakeHive = attrs.field(factory=FakeHive)
    conversation: Conversation = attrs.field(factory=Conversation)
    finished: list[str] = attrs.field(factory=list)
    """uuid of each prompt whose work was done to the end."""
    received: list[str] = attrs.field(factory=list)


@attrs.define
class Bomb:
    """Kills one harness at its n-th moment."""

    left: int
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    is_off: bool = False

    def tick(self) -> None:
        """Count a moment; at the last one the harness is dead."""
        self.left -= 1
        if self.left == 0:
            self.is_off = True
            self.scope.cancel()

    async def moment(self, _where: str = "") -> None:
        """Count a moment of waiting; a dead harness never gets beyond one."""
        self.tick()
        if self.is_off:
            await trio.sleep_forever()


@attrs.define
class FragileFile:
    """The record's file, in a harness that may die right before or right behind a write."""

    inner: RecordFile
    bomb: Bomb

    def load(self) -> TurnRecord | None:
        return self.inner.load()

    def save(self, record: TurnRecord) -> TurnRecord:
        self._alive()
        saved = self.inner.save(record)
        self._alive()
        return saved

    def forget(self) -> None:
        self._alive()
        self.inner.forget()
        self._alive()

    def _alive(self) -> None:
        self.bomb.tick()
        if self.bomb.is_off:
            raise Unavailable("dead")


async def live_once(world: World, bomb: Bomb) -> None:
    """Run one harness in the world until everything is acknowledged, or it is killed."""
    rig = fake.make(world.root, hive=world.hive, conversation=world.conversation)
    harness = attrs.evolve(rig.harness, record=FragileFile(rig.harness.record, bomb))
    world.hive.hook = bomb.moment

    async def play(running: Running) -> Outcome:
        await bomb.moment()
        running.say()
        await bomb.moment()
        if "alpha" in running.prompt.text:
            world.received.append(await running.call("recv"))
        await bomb.moment()
        world.finished.append(running.prompt.uuid)
        outcome = running.result()
        await bomb.moment()
        return outcome

    rig.driver.usual = play
    with bomb.scope:
        async with trio.open_nursery() as nursery:
            await nursery.start(turn_loop.run, harness)
            await fake.until(lambda: world.hive.is_idle)
            nursery.cancel_scope.cancel()


def check(world: World) -> None:
    """What must hold once everything is acknowledged, whatever happened before."""
    assert [mail.acks for mail in world.hive.mail] == [1, 1, 1]
    uuids = [prompt.uuid for prompt in world.conversation.prompts]
    assert len(uuids) == len(set(uuids)), "a prompt stands twice in the conversation"
    assert len(world.finished) == len(set(world.finished)), "a finished prompt was run again"
    text = "\n".join([prompt.text for prompt in world.conversation.prompts] + world.received)
    for body in BODIES:
        assert body in text, f"{body} never reached the model"
    wakes = [prompt.text for prompt in world.conversation.prompts if "alpha" in prompt.text]
    assert len(wakes) == 1, "the same message was handed over twice"


async def lives(root: Path, moments: list[int]) -> list[bool]:
    """Live through crashes at these moments, then to the end; return which crashes happened."""
    world = World(root)
    for body in BODIES:
        world.hive.put(body)
    crashed = []
    for moment in [*moments, 0]:
        bomb = Bomb(moment)
        await live_once(world, bomb)
        crashed.append(bomb.is_off)
        if not bomb.is_off:
            break
    check(world)
    return crashed


def run(root: Path, moments: list[int]) -> list[bool]:
    clock = MockClock(autojump_threshold=0)
    answer: list[bool] = trio.run(lives, root, moments, clock=clock)
    return answer


def test_a_crash_at_any_moment_loses_nothing_and_repeats_nothing() -> None:
    moment = 1
    while True:
        with tempfile.TemporaryDirectory() as folder:
            if not run(Path(folder), [moment])[0]:
                break
        moment += 1
    assert moment > 30, "the simulation has lost its moments"


@pytest.mark.parametrize("second", [1, 2, 3, 5, 8, 13, 21])
def test_a_second_crash_while_recovering_changes_nothing(second: int) -> None:
    for first in range(1, 60, 3):
        with tempfile.TemporaryDirectory() as folder:
            run(Path(folder), [first, second])


class CancelAtStep(trio.abc.Instrument):
    """Cancels a scope once the run has made so many task steps: every checkpoint in turn."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.scope: trio.CancelScope | None = None

    def after_task_step(self, task: Any) -> None:
        """Count a step."""
        if self.scope is None:
            return
        self.left -= 1
        if self.left == 0:
            self.scope.cancel()


async def _stop_and_go_on(root: Path, instrument: CancelAtStep) -> None:
    world = World(root)
    for body in BODIES:
        world.hive.put(body)
    bomb = Bomb(0)
    instrument.scope = bomb.scope
    await live_once(world, bomb)
    assert not any(mail.is_held for mail in world.hive.mail), "something was not given back"
    instrument.scope = None
    await live_once(world, Bomb(0))
    check(world)


def test_an_orderly_stop_at_every_checkpoint_gives_everything_back() -> None:
    steps = 1
    while True:
        instrument = CancelAtStep(steps)
        with tempfile.TemporaryDirectory() as folder:
            trio.run(
                _stop_and_go_on,
                Path(folder),
                instrument,
                clock=MockClock(autojump_threshold=0),
                instruments=[instrument],
            )
        if instrument.left > 0:
            break
        steps += 1
    assert steps > 30, "the simulation has lost its checkpoints"


async def test_a_claude_that_dies_at_each_point_of_a_turn_is_asked_once(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    dead = Outcome(driver.FAILED, note="claude was ended by SIGKILL")

    async def before_an_answer(_running: Running) -> Outcome:
        return dead

    async def behind_an_answer(running: Running) -> Outcome:
        running.say()
        return dead

    rig.driver.script = [before_an_answer, behind_an_answer, before_an_answer, behind_an_answer]
    async with trio.open_nursery() as nursery:
        await nursery.start(turn_loop.run, rig.harness)
        await fake.until(lambda: mail.acks)
        nursery.cancel_scope.cancel()
    texts = [prompt.text for prompt in rig.driver.conversation.prompts]
    assert ["work on" in text for text in texts] == [False, True, True]
    assert mail.acks == 1


async def test_a_finished_turn_is_acknowledged_by_the_next_harness_without_a_prompt(
    tmp_path: Path, autojump_clock: object
) -> None:
    world = World(tmp_path)
    for body in BODIES:
        world.hive.put(body)
    rig = fake.make(tmp_path, hive=world.hive, conversation=world.conversation)

    async def play(running: Running) -> Outcome:
        await running.call("recv", max=2)
        return running.result()

    async def dead_at_ack(where: str) -> None:
        if where == "before ack_turn":
            await trio.sleep_forever()

    rig.driver.script = [play]
    world.hive.hook = dead_at_ack
    with trio.move_on_after(5):
        await turn_loop.run(rig.harness)
    world.hive.hook = None
    assert not any(mail.acks for mail in world.hive.mail)
    heir = fake.make(tmp_path, hive=world.hive, conversation=world.conversation)
    with trio.move_on_after(5):
        await turn_loop.run(heir.harness)
    assert [mail.acks for mail in world.hive.mail] == [1, 1, 1]
    assert len(world.conversation.prompts) == 1
