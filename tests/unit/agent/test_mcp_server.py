"""The stdio server: the same tools as over claude's own pipe, in the same words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest

from hive.agent import mcp_server, mcp_tools
from hive.agent.tool_server import ToolServer
from tests.fakes.hive_socket import DirectClient, FakeHive

REPO = Path(__file__).parents[3]
Message = dict[str, Any]


async def over_stdio(role: str, client: DirectClient, method: str, params: Any) -> Message:
    """Ask the stdio server's own handler."""
    server = mcp_server.make_server(role, client)
    entry = server.get_request_handler(method)
    assert entry is not None
    result = await entry.handler(None, params)  # type: ignore[arg-type]
    assert not isinstance(result, dict)
    assert result is not None
    return result.model_dump(by_alias=True, exclude_none=True, mode="json")


async def over_the_pipe(role: str, client: DirectClient, method: str, params: Message) -> Message:
    """Ask the in-process server."""
    server = ToolServer(client, mcp_tools.tools_for(role), "1")
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = await server.handle(message)
    assert answer is not None
    result: Message = answer["result"]
    return result


@pytest.mark.parametrize("role", ["agent", "manager"])
async def test_both_servers_list_the_same_tools(role: str) -> None:
    client = DirectClient(FakeHive())
    here = (await over_the_pipe(role, client, "tools/list", {}))["tools"]
    there = (await over_stdio(role, client, "tools/list", None))["tools"]
    assert there == json.loads(json.dumps(here))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("send", {"to": "alice", "body": "hello"}),
        ("send", {"to": "alice"}),
        ("recv", {}),
        ("whoami", {}),
        ("nothing", {}),
    ],
)
async def test_both_servers_say_the_same(name: str, arguments: Message) -> None:
    meta = {"claudecode/toolUseId": "toolu_1"}
    given = {"name": name, "arguments": arguments, "_meta": meta}
    hives = FakeHive(), FakeHive()
    here = await over_the_pipe("agent", DirectClient(hives[0]), "tools/call", given)
    params = types.CallToolRequestParams.model_validate(given)
    there = await over_stdio("agent", DirectClient(hives[1]), "tools/call", params)
    assert there["content"] == here["content"]
    assert there["isError"] == here["isError"]
    assert "structuredContent" not in there
    assert hives[0].requests == hives[1].requests


def test_the_process_speaks_as_claude_expects(tmp_path: Path) -> None:
    info = {"name": "claude-code", "version": "2"}
    asked = [
        {"jsonrpc": "2.0", "id": 0, "method": "server/discover", "params": {}},
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info},
        },
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 3, "method": "no/such/method"},
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "hive", "agent", "mcp", "--socket", str(tmp_path / "none")],
        cwd=REPO,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers = {}
    for message in asked:
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        if "id" in message:
            answer = json.loads(process.stdout.readline())
            answers[answer["id"]] = answer
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()
    assert answers[1]["result"]["serverInfo"]["name"] == "hyperhive"
    assert {tool["name"] for tool in answers[2]["result"]["tools"]} == set(
        mcp_tools.tools_for("agent")
    )
    assert "error" in answers[3]
