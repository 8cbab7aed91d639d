"""What a driver promises of messages put into a running turn, and of a claude that is let go."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from hive.agent import driver, process_tree
from hive.agent.driver import Outcome, Prompt
from tests.fakes import claude_scene
from tests.fakes.claude_scene import LIVE, PROCESS, REAL, STAND_IN, Scene
from tests.fakes.messages_api import Step, Text, tool_use

RECV = "mcp__hyperhive__recv"
TALK = Text("one two three four", chunks=4, chunk_delay_s=0.2)
SLOW = Text("one two three four five six seven eight", chunks=8, chunk_delay_s=5)


@pytest.fixture(params=[REAL, STAND_IN])
async def scene(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[Scene]:
    """Set the stage twice, in live mode."""
    async with claude_scene.on_stage(request.param, LIVE, short_tmp) as scene:
        yield scene


def further(scene: Scene, text: str) -> Prompt:
    """Return a prompt that is put behind another."""
    return Prompt(str(uuid.uuid4()), scene.text_for(text, Text("ok")))


async def steered(scene: Scene, prompt: Prompt, *steps: Step, in_tool: bool) -> Outcome:
    """Run a turn into which a prompt is put while it is in a tool, or while the model talks."""
    asked, called, outcomes = len(scene.api.requests), len(scene.calls()), []

    async def run() -> None:
        outcomes.append(await scene.turn("alpha", *steps))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        if in_tool:
            await scene.wait(lambda: len(scene.calls()) > called)
        else:
            await scene.wait_streaming(asked)
        assert await scene.driver.steer(prompt)
    return outcomes[0]


def is_seen(scene: Scene, text: str) -> bool:
    """Whether a text stands in what the model was given last."""
    if scene.kind == STAND_IN:
        return text in scene.seen()
    return text in json.dumps(scene.api.requests[-1]["messages"])


async def test_a_message_is_seen_behind_the_call_or_in_a_turn_of_its_own(scene: Scene) -> None:
    assert scene.driver.can_steer
    assert not await scene.driver.steer(further(scene, "too early"))
    one, two = further(scene, "beta"), further(scene, "gamma")
    outcome = await steered(scene, one, tool_use((RECV, {"wait": 1})), Text("done"), in_tool=True)
    assert (outcome.kind, outcome.taken) == (driver.OK, frozenset({one.uuid}))
    assert is_seen(scene, "beta")
    assert scene.results() == (1 if scene.kind == REAL else 2)
    outcome = await steered(scene, two, TALK, Text("to gamma"), in_tool=False)
    assert (outcome.kind, outcome.taken) == (driver.OK, frozenset({two.uuid}))
    assert is_seen(scene, "gamma")
    outcome = await scene.turn("delta", Text("fine"))
    assert (outcome.kind, outcome.taken) == (driver.OK, frozenset())


async def test_a_turn_that_is_interrupted_leaves_nothing_behind_it_to_run(scene: Scene) -> None:
    prompt, outcomes = further(scene, "beta"), []

    async def run() -> None:
        outcomes.append(await scene.turn("alpha", SLOW))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await scene.wait_streaming(0)
        assert await scene.driver.steer(prompt)
        assert await scene.driver.interrupt()
    assert (outcomes[0].kind, outcomes[0].taken) == (driver.INTERRUPTED, frozenset())
    assert (await scene.turn("gamma", Text("fine"))).kind == driver.OK
    assert (scene.said()[-1], scene.results()) == ("fine", 2)


async def test_a_claude_that_is_killed_has_taken_nothing(scene: Scene) -> None:
    prompt, outcomes = further(scene, "beta"), []

    async def run() -> None:
        outcomes.append(await scene.turn("alpha", tool_use((RECV, {"wait": 60}))))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await scene.wait(lambda: scene.calls() == ["recv"])
        assert await scene.driver.steer(prompt)
        scene.kill()
    assert (outcomes[0].kind, outcomes[0].taken) == (driver.FAILED, frozenset())
    assert (await scene.turn("gamma", Text("fine"))).kind == driver.OK
    assert not is_seen(scene, "beta")


async def test_a_claude_that_was_let_go_goes_on_with_its_conversation(scene: Scene) -> None:
    assert await scene.driver.park()
    assert (await scene.turn("alpha", Text("yes"))).kind == driver.OK
    assert scene.driver.pid is not None
    assert await scene.driver.park()
    assert scene.driver.pid is None
    assert (await scene.turn("beta", Text("yes"))).kind == driver.OK
    assert scene.seen() == ["alpha", "beta"]


async def test_a_claude_below_which_something_runs_is_not_let_go(short_tmp: Path) -> None:
    async with claude_scene.on_stage(REAL, LIVE, short_tmp) as scene:
        command = {"command": "sleep 3599 >/dev/null 2>&1 & echo $!"}
        outcome = await scene.turn("alpha", tool_use(("Bash", command)), Text("started"))
        assert outcome.kind == driver.OK
        results = [line for line in scene.lines if line["type"] == "user"]
        left = int(results[0]["message"]["content"][0]["content"])
        assert not await scene.driver.park()
        assert scene.driver.pid is not None
        os.kill(left, signal.SIGKILL)
        await scene.wait(lambda: left not in process_tree.find(left, "none"))
        assert await scene.driver.park()


async def test_a_process_per_turn_takes_one_prompt_and_waits_for_none(short_tmp: Path) -> None:
    async with claude_scene.on_stage(STAND_IN, PROCESS, short_tmp) as scene:
        assert not scene.driver.can_steer
        assert not await scene.driver.steer(further(scene, "beta"))
        assert await scene.driver.park()


@pytest.mark.slow
async def test_ten_turns_behind_a_kill_hold_every_prompt_once(scene: Scene) -> None:
    outcomes = []

    async def run() -> None:
        outcomes.append(await scene.turn("alpha", tool_use((RECV, {"wait": 60}))))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await scene.wait(lambda: scene.calls() == ["recv"])
        scene.kill()
    words = [f"word {number}" for number in range(10)]
    for word in words:
        assert (await scene.turn(word, Text("yes"))).kind == driver.OK
    assert scene.seen() == ["alpha", *words]
