"""What the drivers promise, over the real claude and over the stand-in, in both turn modes."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from hive.agent import driver, retrying
from hive.agent.driver import Outcome
from tests.fakes import claude_scene, messages_api
from tests.fakes.claude_scene import LIVE, STAGES, Scene
from tests.fakes.messages_api import Dropped, Step, Text, tool_use

SEND = "mcp__hyperhive__send"
RECV = "mcp__hyperhive__recv"
ORDER = [
    "requesting", "message_start", "content_block_start", "content_block_delta", "assistant",
    "content_block_stop", "message_delta", "message_stop",
]  # fmt: skip
FIELDS = {"event", "session_id", "parent_tool_use_id", "uuid", "api_message_id"}
SLOW = Text("one two three four five six seven eight", chunks=8, chunk_delay_s=5)


@pytest.fixture(params=STAGES, ids="-".join)
async def scene(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[Scene]:
    """Set the stage four times."""
    kind, mode = request.param
    async with claude_scene.on_stage(kind, mode, short_tmp) as scene:
        yield scene


async def test_a_turn_ends_with_what_the_model_said(scene: Scene) -> None:
    outcome = await scene.turn("hello", Text("good day"))
    assert (outcome.kind, outcome.note, outcome.was_answered) == (driver.OK, None, False)
    assert not outcome.tools_missing
    assert outcome.result is not None
    assert outcome.result["result"] == "good day"
    assert scene.said() == ["good day"]
    kinds = {line["type"] for line in scene.lines}
    assert kinds == {"system", "stream_event", "assistant", "result"}
    assert _in_pieces(scene, "text_delta", "text") == "good day"


def _in_pieces(scene: Scene, kind: str, field: str) -> str:
    """Return what was told piece by piece, in claude's own order and with its own fields."""
    told, order = "", []
    for line in scene.lines:
        what = line["event"]["type"] if line["type"] == "stream_event" else line["type"]
        if line.get("status") == "requesting":
            what = "requesting"
        if line["type"] == "stream_event":
            assert set(line) >= FIELDS, line
        if what == "content_block_delta" and line["event"]["delta"]["type"] == kind:
            told += line["event"]["delta"][field]
        if what in ORDER and order[-1:] != [what]:
            order.append(what)
    assert order[: len(ORDER)] == ORDER
    return told


async def test_tools_are_called_and_their_results_reach_the_model(scene: Scene) -> None:
    steps = (tool_use((SEND, {"to": "bob", "body": "hi"})), Text("sent it"))
    outcome = await scene.turn("write to bob", *steps)
    assert outcome.kind == driver.OK
    assert scene.calls() == ["send"]
    given = _in_pieces(scene, "input_json_delta", "partial_json").partition("}")[0] + "}"
    assert json.loads(given) == {"to": "bob", "body": "hi"}
    results = [line for line in scene.lines if line["type"] == "user"]
    assert results[0]["message"]["content"][0]["content"][0]["text"] == "did send"
    if scene.mode == LIVE:
        assert "claudecode/toolUseId" in scene.tools.calls[0][1]["_meta"]


async def test_three_turns_are_one_conversation(scene: Scene) -> None:
    pids = []
    for word in ("alpha", "beta", "gamma"):
        assert (await scene.turn(word, Text("ok"))).kind == driver.OK
        pids.append(scene.driver.pid)
    assert scene.seen() == ["alpha", "beta", "gamma"]
    assert len(set(pids)) == 1


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (messages_api.rate_limited(), driver.RATE_LIMITED),
        (messages_api.overloaded(), driver.OVERLOADED),
        (Dropped(), driver.FAILED),
        (messages_api.unauthorised(), driver.NEEDS_LOGIN),
        (messages_api.too_long(), driver.PROMPT_TOO_LONG),
    ],
    ids=["429", "529", "dropped", "401", "too-long"],
)
async def test_a_failed_turn_is_retried_without_the_prompt_twice(
    scene: Scene, step: Step, kind: str
) -> None:
    prompt = str(uuid.uuid4())
    outcome = await scene.turn("alpha", step, uuid_=prompt)
    assert outcome.kind == kind
    assert outcome.note
    again = await scene.turn("alpha", step, uuid_=prompt)
    assert (again.kind, again.was_answered) == (driver.OK, True)
    assert (await scene.turn("Go on.")).kind == driver.OK
    assert scene.seen() == ["alpha", "Go on."]


async def test_a_request_that_is_tried_again_is_told_by_numbers(scene: Scene) -> None:
    scene.variables = {"CLAUDE_CODE_MAX_RETRIES": "2"}
    assert (await scene.turn("alpha", messages_api.overloaded(), Text("ok"))).kind == driver.OK
    told = [retry for line in scene.lines if (retry := retrying.read(line)) is not None]
    assert [(each.attempt, each.status) for each in told] == [(1, 529)]
    assert told[0].of is not None
    assert 0 < told[0].wait_s < 10
    at = [retrying.read(line) is not None for line in scene.lines].index(True)
    assert not any(map(retrying.is_over, scene.lines[:at]))
    assert any(map(retrying.is_over, scene.lines[at:]))


async def test_words_to_go_on_that_were_in_vain_do_not_pile_up(scene: Scene) -> None:
    await scene.turn("alpha")
    limited = messages_api.rate_limited()
    await scene.turn("beta", *[limited] * 4)
    for _ in range(3):
        outcome = await scene.turn("Go on.", limited, says_nothing_new=True)
        assert outcome.kind == driver.RATE_LIMITED
    assert (await scene.turn("Go on.", says_nothing_new=True)).kind == driver.OK
    assert scene.seen() == ["alpha", "beta", "Go on."]
    # What does say something new is kept, however it ended.
    await scene.turn("gamma", limited)
    await scene.turn("delta")
    assert scene.seen() == ["alpha", "beta", "Go on.", "gamma", "delta"]


async def _interrupted(scene: Scene, *steps: Step, in_tool: bool) -> Outcome:
    asked, outcomes = len(scene.api.requests), []

    async def run() -> None:
        outcomes.append(await scene.turn("alpha", *steps))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        if in_tool:
            await scene.wait(lambda: scene.calls() == ["recv"])
        else:
            await scene.wait_streaming(asked)
        assert await scene.driver.interrupt()
    return outcomes[0]


async def test_a_turn_is_interrupted_while_the_model_talks(scene: Scene) -> None:
    outcome = await _interrupted(scene, SLOW, in_tool=False)
    assert outcome.kind == driver.INTERRUPTED
    assert not await scene.driver.interrupt()
    assert (await scene.turn("beta", Text("fine"))).kind == driver.OK


async def test_a_turn_is_interrupted_in_a_tool(scene: Scene) -> None:
    outcome = await _interrupted(scene, tool_use((RECV, {"wait": 60})), in_tool=True)
    assert outcome.kind == driver.INTERRUPTED
    assert scene.tools.given_up == (1 if scene.mode == LIVE else 0)
    assert (await scene.turn("beta", Text("fine"))).kind == driver.OK
    assert scene.said()[-1] == "fine"


async def test_a_cancelled_turn_leaves_claude_fit(scene: Scene) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scene.turn, "alpha", SLOW)
        await scene.wait_streaming(0)
        nursery.cancel_scope.cancel()
    outcome = await scene.turn("beta", Text("fine"))
    assert outcome.kind == driver.OK
    assert outcome.result is not None
    assert outcome.result["result"] == "fine"


async def _killed(scene: Scene, prompt: str, *steps: Step) -> Outcome:
    asked, outcomes = len(scene.api.requests), []

    async def run() -> None:
        outcomes.append(await scene.turn("alpha", *steps, uuid_=prompt))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        if steps == (SLOW,):
            await scene.wait_streaming(asked)
        else:
            await scene.wait(lambda: scene.calls() == ["recv"])
        scene.kill()
    return outcomes[0]


async def test_a_prompt_whose_claude_was_killed_in_a_tool_repeats_no_call(scene: Scene) -> None:
    prompt, call = str(uuid.uuid4()), tool_use((RECV, {"wait": 60}))
    outcome = await _killed(scene, prompt, call)
    assert outcome.kind == driver.FAILED
    assert outcome.note is not None
    assert "SIGKILL" in outcome.note
    again = await scene.turn("alpha", call, uuid_=prompt)
    assert (again.kind, again.was_answered) == (driver.OK, True)
    assert (await scene.turn("Go on.")).kind == driver.OK
    assert scene.calls() == ["recv"]
    assert scene.seen() == ["alpha", "Go on."]


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
async def test_a_prompt_whose_claude_was_killed_before_it_answered_is_there_once(
    scene: Scene, is_first: bool
) -> None:
    earlier = []
    if not is_first:
        assert (await scene.turn("before", Text("yes"))).kind == driver.OK
        earlier = ["before"]
    prompt = str(uuid.uuid4())
    assert (await _killed(scene, prompt, SLOW)).kind == driver.FAILED
    again = await scene.turn("alpha", Text("fine"), uuid_=prompt)
    assert (again.kind, again.was_answered) == (driver.OK, False)
    assert scene.seen() == [*earlier, "alpha"]
    assert (await scene.turn("after", Text("fine"))).kind == driver.OK
    assert scene.seen() == [*earlier, "alpha", "after"]


async def test_a_new_harness_goes_on_with_the_conversation(scene: Scene) -> None:
    await scene.turn("alpha", Text("yes"))
    await scene.driver.aclose()
    scene.renew()
    await scene.turn("beta", Text("yes"))
    assert scene.seen() == ["alpha", "beta"]


async def test_a_session_claude_does_not_know_is_begun_under_another_id(scene: Scene) -> None:
    lost = str(uuid.uuid4())
    (scene.home / "session.json").write_text('{"session_id": "' + lost + '"}')
    scene.renew()
    assert (await scene.turn("alpha", Text("yes"))).kind == driver.OK
    assert scene.driver.session_id != lost
    await scene.turn("beta", Text("yes"))
    assert scene.seen() == ["alpha", "beta"]


async def test_a_new_session_knows_nothing_of_the_old(scene: Scene) -> None:
    await scene.turn("alpha", Text("yes"))
    scene.driver.start_new_session()
    await scene.turn("beta", Text("yes"))
    assert scene.seen() == ["beta"]


async def test_a_conversation_is_compacted(scene: Scene) -> None:
    for word in ("alpha", "beta", "gamma"):
        await scene.turn(word, Text("yes"))
    assert (await scene.compact()).kind == driver.OK
    assert (await scene.turn("delta", Text("yes"))).kind == driver.OK


async def test_a_compaction_that_fails_says_so(scene: Scene) -> None:
    outcome = await scene.compact()
    assert outcome.kind == driver.FAILED
    assert outcome.note


async def test_a_compaction_the_api_refuses_says_so(scene: Scene) -> None:
    await scene.turn("alpha", Text("yes"))
    await scene.turn("beta", Text("yes"))
    outcome = await scene.compact(is_refused=True)
    assert outcome.kind == driver.FAILED
    assert outcome.note is not None
    assert outcome.note.startswith("Error during compaction")
    assert (await scene.turn("gamma", Text("yes"))).kind == driver.OK


async def test_missing_tools_are_noticed(scene: Scene) -> None:
    scene.has_server = False
    outcome = await scene.turn("hello", Text("good day"))
    assert (outcome.kind, outcome.tools_missing) == (driver.OK, True)
