"""`agent mcp` as a process, held against clients that others wrote."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp
import mcp_types as types
import pytest
import trio
from mcp.client.stdio import StdioServerParameters

from hive.agent import mcp_tools
from hive.agent.tool_server import INVALID_PARAMS, METHOD_NOT_FOUND, PROTOCOLS
from tests.fakes.hive_socket import FakeHive, serving
from tests.fakes.waiting import until

REPO = Path(__file__).parents[2]
INSPECTOR = REPO / "tests/data/inspector"
PATIENCE_S = 120


def server(socket: Path, role: str = "agent") -> list[str]:
    """Return the command that claude starts."""
    hive = ["/usr/bin/env", f"PYTHONPATH={REPO}", sys.executable, "-m", "hive"]
    return [*hive, role, "mcp", "--socket", str(socket)]


@asynccontextmanager
async def connected(root: Path, mode: str = "auto") -> AsyncIterator[tuple[mcp.Client, FakeHive]]:
    """Connect the `mcp` package's own client to the process."""
    hive, socket = FakeHive(), root / "mcp.sock"
    command, *args = server(socket)
    parameters = StdioServerParameters(command=command, args=args)
    with trio.fail_after(PATIENCE_S):
        async with serving(hive, socket), mcp.Client(parameters, mode=mode) as client:
            yield client, hive


def said(result: types.CallToolResult) -> str:
    """Return the text of a result."""
    return "".join(part.text for part in result.content if isinstance(part, types.TextContent))


async def test_the_mcp_packages_own_client_finds_and_calls_the_tools(short_tmp: Path) -> None:
    async with connected(short_tmp) as (client, hive):
        assert client.protocol_version == PROTOCOLS[0]
        listed = await client.list_tools()
        assert listed.next_cursor is None
        assert [tool.name for tool in listed.tools] == list(mcp_tools.tools_for("agent"))
        sent = await client.call_tool("send", {"to": "alice", "body": "hello"})
        assert (said(sent), sent.is_error) == ("sent as message 1", False)
        assert hive.sent[0].body == "hello"
        wrong = await client.call_tool("send", {"to": "alice"})
        assert wrong.is_error
        assert "body is missing" in said(wrong)
        with pytest.raises(mcp.MCPError) as unknown:
            await client.call_tool("nothing", {})
        assert unknown.value.error.code == INVALID_PARAMS
        with pytest.raises(mcp.MCPError) as unserved:
            await client.list_resources()
        assert unserved.value.error.code == METHOD_NOT_FOUND
        with pytest.raises(mcp.MCPError) as no_page:
            await client.list_tools(cursor="2")
        assert no_page.value.error.code == INVALID_PARAMS


async def test_it_takes_a_parked_call_back_and_goes_on(short_tmp: Path) -> None:
    async with connected(short_tmp, "legacy") as (client, hive):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.call_tool, "recv", {"wait_seconds": 180})
            await until(lambda: hive.parked == 1, within_s=PATIENCE_S)
            nursery.cancel_scope.cancel()
        await until(lambda: hive.parked == 0, within_s=PATIENCE_S)
        hive.put("for the next one")
        assert "for the next one" in said(await client.call_tool("recv", {}))


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The public inspector, installed as its lock file says."""
    root = tmp_path_factory.mktemp("inspector")
    for file in INSPECTOR.iterdir():
        shutil.copy(file, root / file.name)
    shutil.copy(REPO / ".npmrc", root / ".npmrc")
    # Where the machine has no node, the build has put one beside the interpreter.
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    assert node is not None, "node is missing: install your system's nodejs"
    assert npm is not None, "npm is missing: install your system's npm"
    done = subprocess.run([npm, "ci"], cwd=root, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    return [node, str(root / "node_modules/@modelcontextprotocol/inspector/cli/build/index.js")]


async def inspect(inspector: list[str], socket: Path, *words: str) -> tuple[int, str]:
    """Run the inspector once; returns its status and what it printed."""
    done = await trio.run_process(
        [*inspector, *server(socket, "manager"), *words],
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.mark.slow
async def test_the_public_inspector_finds_nothing_wrong(
    inspector: list[str], short_tmp: Path
) -> None:
    hive, socket = FakeHive(), short_tmp / "mcp.sock"
    with trio.fail_after(PATIENCE_S):
        async with serving(hive, socket):
            status, text = await inspect(inspector, socket, "--method", "tools/list")
            assert status == 0, text
            tools: list[dict[str, Any]] = json.loads(text)["tools"]
            assert tools == json.loads(
                json.dumps(mcp_tools.listings(mcp_tools.tools_for("manager")))
            )
            call = ("--method", "tools/call", "--tool-name", "send", "--tool-arg")
            status, text = await inspect(inspector, socket, *call, "to=alice", "body=hello")
            assert status == 0, text
            assert json.loads(text)["content"] == [{"type": "text", "text": "sent as message 1"}]
            status, text = await inspect(inspector, socket, *call, "to=alice")
            assert json.loads(text)["isError"] is True
            status, text = await inspect(inspector, socket, "--method", "resources/list")
            assert status != 0
            assert str(METHOD_NOT_FOUND) in text
    assert [sent.body for sent in hive.sent] == ["hello"]
