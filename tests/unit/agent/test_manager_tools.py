"""The manager's tools: what they take, what they ask of the daemon, what the manager reads."""

from __future__ import annotations

from typing import Any

import pytest

from hive.agent import mcp_tools
from hive.agent.client import WORK_S, deadline_s, is_repeatable
from hive.agent.mcp_tools import ToolResult
from hive.wire import agent, codec, manager
from hive.wire.limits import LOGS_BYTES, OUTCOME_WAIT_S
from tests.fakes.hive_socket import DirectClient, FakeHive

AGENT = mcp_tools.tools_for("agent")
MANAGER = mcp_tools.tools_for("manager")
SHA = "0123456789abcdef0123456789abcdef01234567"
GOOD: list[tuple[str, dict[str, Any], object]] = [
    ("request_init_config", {"name": "bob"}, manager.RequestInitConfig("bob")),
    ("request_spawn", {"name": "bob", "description": "d"}, manager.RequestSpawn("bob", "d")),
    (
        "request_apply_commit",
        {"agent": "bob", "commit_ref": SHA, "description": "d"},
        manager.RequestApplyCommit("bob", SHA, "d"),
    ),
    ("request_update_meta_inputs", {}, manager.RequestUpdateMetaInputs()),
    (
        "request_update_meta_inputs",
        {"inputs": ["hyperhive"]},
        manager.RequestUpdateMetaInputs(("hyperhive",)),
    ),
    ("kill", {"name": "bob"}, manager.Kill("bob")),
    ("start", {"name": "bob"}, manager.Start("bob")),
    ("restart", {"name": "bob"}, manager.Restart("bob")),
    ("update", {"name": "bob"}, manager.Update("bob")),
    ("get_logs", {"agent": "bob"}, manager.GetLogs("bob", 50)),
    ("get_logs", {"agent": "bob", "lines": 500}, manager.GetLogs("bob", 500)),
    ("cancel_loose_end", {"kind": "approval", "id": 3}, agent.CancelLooseEnd("approval", 3)),
]


async def call(hive: FakeHive, tool: str, **arguments: Any) -> ToolResult:
    """Call a tool of the manager as a server does."""
    return await mcp_tools.call_tool(DirectClient(hive), MANAGER, tool, arguments, None)


def test_these_are_what_the_manager_has_besides() -> None:
    assert set(MANAGER) - set(AGENT) == {name for name, _, _ in GOOD} - {"cancel_loose_end"}


@pytest.mark.parametrize(("tool", "arguments", "request_"), GOOD)
async def test_a_good_call_is_one_request(
    tool: str, arguments: dict[str, Any], request_: object
) -> None:
    hive = FakeHive()
    result = await call(hive, tool, **arguments)
    assert not result.is_error, result.text
    assert result.text
    assert hive.requests == [request_]


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("request_init_config", {}, "name is missing"),
        ("request_spawn", {"name": ""}, "must not be empty"),
        ("request_spawn", {"name": "x" * 65}, "limit is 64"),
        ("request_spawn", {"name": "bob", "description": "x" * 4097}, "write it to a file"),
        ("request_apply_commit", {"agent": "bob"}, "commit_ref is missing: 7 to 40 hex digits"),
        ("request_apply_commit", {"agent": "bob", "commit_ref": "a" * 65}, "limit is 64"),
        ("request_update_meta_inputs", {"inputs": "all"}, "a list of strings"),
        ("request_update_meta_inputs", {"inputs": ["x"] * 101}, "101 entries"),
        ("kill", {"agent": "bob"}, "unknown input 'agent': it takes name"),
        ("get_logs", {"agent": "bob", "lines": 501}, "from 1 to 500"),
        ("get_logs", {"agent": "bob", "lines": 0}, "from 1 to 500"),
        ("cancel_loose_end", {"kind": "job", "id": 1}, "question or reminder or approval"),
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


async def test_a_request_says_that_nothing_was_done_yet() -> None:
    result = await call(FakeHive(), "request_spawn", name="bob")
    assert result.text.startswith("waits for the operator as approval 5; nothing was done yet")


@pytest.mark.parametrize("tool", sorted(set(MANAGER) - set(AGENT)))
async def test_an_agent_has_none_of_them(tool: str) -> None:
    hive = FakeHive()
    result = await mcp_tools.call_tool(DirectClient(hive), AGENT, tool, {"name": "bob"}, None)
    assert "there is no tool" in result.text
    assert hive.requests == []


def test_what_takes_long_is_said_to_go_on() -> None:
    assert MANAGER["kill"].text(agent.Ok()) == "stopped"
    assert MANAGER["kill"].text(manager.Begun()).startswith("not over yet: it goes on by itself.")
    assert "as job 7 of the build queue" in MANAGER["update"].text(manager.Begun(7))


def test_logs_cannot_close_the_fence_they_stand_in() -> None:
    first, *lines, last = MANAGER["get_logs"].text(manager.Logs(("--- abc", "x"))).splitlines()
    assert first == last
    assert lines == ["--- abc", "x"]
    text = MANAGER["get_logs"].text(manager.Logs((first, "x")))
    assert text.splitlines()[0] != first
    assert MANAGER["get_logs"].text(manager.Logs(())) == "(it has printed nothing)"


def test_logs_fit_into_what_claude_takes() -> None:
    (entry,) = mcp_tools.listings({"get_logs": MANAGER["get_logs"]})
    assert entry["_meta"]["anthropic/maxResultSizeChars"] > LOGS_BYTES + 100


@pytest.mark.parametrize(("tool", "arguments", "request_"), GOOD)
def test_a_call_outlasts_what_the_daemon_waits_for(
    tool: str, arguments: dict[str, Any], request_: Any
) -> None:
    is_quick = tool in {"get_logs", "cancel_loose_end"}
    assert (deadline_s(request_) < OUTCOME_WAIT_S) == is_quick
    assert WORK_S > OUTCOME_WAIT_S
    once = tool.startswith("request_") or tool in {"restart", "cancel_loose_end"}
    assert is_repeatable(request_) != once
    line = codec.to_tagged("cmd", request_)
    assert codec.from_tagged("cmd", manager.ManagerRequest, line) == request_
    del arguments
