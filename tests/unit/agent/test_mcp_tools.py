"""The tools: what they take, what they ask of the daemon, what the model reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from hive import resources
from hive.agent import mcp_tools, tool_inputs
from hive.agent.mcp_tools import TOOL_USE_ID, ToolResult
from hive.agent.tool import Tool
from hive.errors import HiveError
from hive.wire import agent, codec
from hive.wire.messages import LooseEnd
from tests.fakes.hive_socket import DirectClient, FakeHive

AGENT = mcp_tools.tools_for("agent")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


async def call(hive: FakeHive, tool: str, meta: object = None, **arguments: Any) -> ToolResult:
    """Call a tool as a server does."""
    return await mcp_tools.call_tool(DirectClient(hive), AGENT, tool, arguments, meta)


GOOD: dict[str, dict[str, Any]] = {
    "recv": {},
    "send": {"to": "alice", "body": "hello"},
    "ask": {"question": "may I?"},
    "answer": {"id": 1, "answer": "yes"},
    "get_loose_ends": {},
    "cancel_loose_end": {"kind": "question", "id": 1},
    "remind": {"message": "tea", "delay_seconds": 60},
    "whoami": {},
    "set_status": {"text": "thinking"},
}


@pytest.mark.parametrize("tool", sorted(AGENT))
async def test_every_tool_has_a_good_call(tool: str) -> None:
    result = await call(FakeHive(), tool, **GOOD[tool])
    assert not result.is_error, result.text
    assert result.text


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("recv", {"wait_seconds": 181}, "wait_seconds must be a number from 0 to 180"),
        ("recv", {"wait_seconds": True}, "must be a number"),
        ("recv", {"wait_seconds": float("nan")}, "must be a number"),
        ("recv", {"max": 33}, "max must be a whole number from 1 to 32"),
        ("recv", {"max": 1.5}, "whole number"),
        ("recv", {"limit": 1}, "unknown input 'limit': it takes wait_seconds, max"),
        ("send", {"to": "bob"}, "body is missing"),
        ("send", {"to": "bob", "body": " "}, "must not be empty"),
        ("send", {"to": "bob", "body": "x" * 4097}, "write it to a file"),
        ("send", {"to": "bob", "body": "ä" * 2049}, "4098 bytes"),
        ("send", {"to": "bob", "body": "a\x00b"}, "NUL"),
        ("send", {"to": "bob", "body": "\ud800"}, "surrogate"),
        ("send", {"to": 3, "body": "x"}, "to must be a string"),
        ("send", {"to": "bob", "body": "x", "in_reply_to": 0}, "at least 1"),
        ("ask", {"question": "?", "options": "a"}, "a list of strings"),
        ("ask", {"question": "?", "options": ["a"] * 33}, "33 entries"),
        ("ask", {"question": "?", "multi": 1}, "true or false"),
        ("ask", {"question": "?", "ttl_seconds": 21601}, "to 21600"),
        ("cancel_loose_end", {"kind": "approval", "id": 1}, "question or reminder"),
        ("remind", {"message": "x"}, "exactly one"),
        ("remind", {"message": "x", "delay_seconds": 1, "at_unix_timestamp": 2}, "exactly one"),
        ("set_status", {"text": "x" * 201}, "limit is 200"),
        ("whoami", {"name": "x"}, "it takes no inputs"),
        ("nothing", {}, "there is no tool 'nothing': use recv, send"),
    ],
)
async def test_a_bad_call_says_what_is_wrong(
    tool: str, arguments: dict[str, Any], words: str
) -> None:
    hive = FakeHive()
    result = await call(hive, tool, **arguments)
    assert result.is_error
    assert words in result.text
    assert hive.requests == []


@given(st.sampled_from(sorted(AGENT)), JSON)
def test_no_input_breaks_the_check(tool: str, arguments: object) -> None:
    try:
        given_ = tool_inputs.check(AGENT[tool].inputs, arguments)
        request = AGENT[tool].request(given_, "key")
    except HiveError:
        return
    line = codec.dumps(codec.to_tagged("cmd", request))
    assert codec.from_tagged("cmd", agent.AgentRequest, codec.loads(line)) == request


@given(JSON, JSON, JSON)
def test_no_call_breaks_a_server(name: object, arguments: object, meta: object) -> None:
    async def run() -> ToolResult:
        return await mcp_tools.call_tool(DirectClient(FakeHive()), AGENT, name, arguments, meta)

    assert trio.run(run).text


async def test_the_same_tool_use_is_one_message() -> None:
    hive = FakeHive()
    meta = {TOOL_USE_ID: "toolu_1"}
    first = await call(hive, "send", meta, to="alice", body="hello")
    again = await call(hive, "send", meta, to="alice", body="hello")
    assert first.text == again.text
    assert len(hive.sent) == 1


@pytest.mark.parametrize("tool", ["send", "ask", "remind"])
async def test_every_storing_tool_has_a_key_of_its_own_per_use(tool: str) -> None:
    hive = FakeHive()
    for use in ("toolu_1", "toolu_1", "toolu_2", None):
        await call(hive, tool, {TOOL_USE_ID: use}, **GOOD[tool])
    keys = [request.dedupe_key for request in hive.requests]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert None not in keys


async def test_a_daemon_that_was_away_is_mentioned_once(autojump_clock: object) -> None:
    hive = FakeHive(is_away=True)
    results = []

    async def use() -> None:
        results.append(await call(hive, "send", to="alice", body="hello"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(use)
        await trio.sleep(5)
        hive.is_away = False
    assert not results[0].is_error
    assert results[0].text.count("the call was made again") == 1
    assert len(hive.sent) == 1


async def test_a_refusal_of_the_daemon_is_an_error_in_words() -> None:
    hive = FakeHive(refused={"send": "there is no agent 'alice': there are bob, operator"})
    result = await call(hive, "send", to="alice", body="hello")
    assert result.is_error
    assert result.text == "send: there is no agent 'alice': there are bob, operator"


async def test_a_bug_of_ours_is_a_sentence_for_the_model() -> None:
    def broken(_given: object, _key: object) -> agent.AgentRequest:
        raise RuntimeError("bug")

    tool = Tool("broken", "breaks", (), broken, str)
    result = await mcp_tools.call_tool(
        DirectClient(FakeHive()), {"broken": tool}, "broken", {}, None
    )
    assert result.is_error
    assert "hive failed" in result.text


async def test_recv_says_which_messages_it_handed_out() -> None:
    hive = FakeHive()
    hive.put("one")
    hive.put("two")
    result = await call(hive, "recv", max=5)
    assert result.seen == (1, 2)
    assert (await call(hive, "recv")).text == "(empty)"


async def test_questions_to_the_operator_have_no_target() -> None:
    hive = FakeHive()
    await call(hive, "ask", question="?", to="operator", options=["a", "b"])
    assert hive.requests[0].to is None
    assert hive.requests[0].options == ("a", "b")


def test_loose_ends_are_shown_fenced() -> None:
    ends = (
        LooseEnd("question", 3, "which?", 60.4, asker="bob", options=("a", "b")),
        LooseEnd("reminder", 4, "tea", 5, owner="bob", due_at=1_700_000_000),
    )
    text = AGENT["get_loose_ends"].text(agent.LooseEnds(ends))
    assert "question 3, 60 s old, `bob` asks `operator`" in text
    assert 'options ["a", "b"]' in text
    assert "due at Unix time 1700000000" in text
    assert AGENT["get_loose_ends"].text(agent.LooseEnds(())) == "(nothing is open)"


def test_what_is_open_in_a_whole_hive_fits_one_result() -> None:
    ends = tuple(LooseEnd("reminder", number, "x" * 4096, 5, owner="bob") for number in range(900))
    text = AGENT["get_loose_ends"].text(agent.LooseEnds(ends))
    assert len(text) < 2 * mcp_tools.LOOSE_ENDS_CHARS
    assert text.endswith("(700 more are not shown)")
    few = AGENT["get_loose_ends"].text(agent.LooseEnds(ends[:9]))
    assert few.count("x" * 4096) == 9


def test_the_managers_table_is_a_superset() -> None:
    manager = mcp_tools.tools_for("manager")
    assert set(AGENT) <= set(manager)


@pytest.mark.parametrize("role", ["agent", "manager"])
def test_every_listing_is_a_sound_schema(role: str) -> None:
    for entry in mcp_tools.listings(mcp_tools.tools_for(role)):
        schema = entry["inputSchema"]
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) <= set(schema["properties"])
        assert len(entry["description"]) < 1000
        json.dumps(entry)


def test_a_full_recv_fits_into_what_claude_takes() -> None:
    entry = next(e for e in mcp_tools.listings(AGENT) if e["name"] == "recv")
    assert entry["_meta"]["anthropic/maxResultSizeChars"] >= 32 * (4096 + 1000)


@pytest.mark.parametrize("role", ["agent", "manager"])
def test_the_prompts_have_a_place_for_the_tools(role: str) -> None:
    assert "{tools}" in resources.prompt(f"{role}.md")
