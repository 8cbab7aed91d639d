"""hive's MCP server over claude's own pipe: what it answers and whom it counts as informed."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from hive.agent import mcp_tools
from hive.agent.tool_server import CANCELLED, METHOD_NOT_FOUND, ToolServer
from tests.fakes.hive_socket import DirectClient, FakeHive

Message = dict[str, Any]


def server(hive: FakeHive | None = None) -> ToolServer:
    """Return a server over an inbox."""
    return ToolServer(DirectClient(hive or FakeHive()), mcp_tools.tools_for("agent"), "1.0")


def request(method: str, number: object = 1, **params: Any) -> Message:
    """Return a JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def recv(number: object = 1, **arguments: Any) -> Message:
    """Return a call of `recv`."""
    return request("tools/call", number, name="recv", arguments=arguments)


@pytest.mark.parametrize(
    ("asked", "offered"),
    [("2025-11-25", "2025-11-25"), ("2024-11-05", "2024-11-05"), ("2031-01-01", "2025-11-25")],
)
async def test_initialize_offers_a_protocol(asked: str, offered: str) -> None:
    answer = await server().handle(request("initialize", 0, protocolVersion=asked))
    assert answer is not None
    assert answer["id"] == 0
    assert answer["result"]["protocolVersion"] == offered
    assert answer["result"]["serverInfo"]["name"] == "hyperhive"


async def test_the_list_is_the_table() -> None:
    answer = await server().handle(request("tools/list"))
    assert answer is not None
    assert answer["result"]["tools"] == mcp_tools.listings(mcp_tools.tools_for("agent"))


async def test_ping_is_answered() -> None:
    assert await server().handle(request("ping", "a")) == {
        "jsonrpc": "2.0",
        "id": "a",
        "result": {},
    }


@pytest.mark.parametrize("method", ["server/discover", "resources/list", "prompts/list", "x" * 999])
async def test_unknown_methods_are_answered_at_once(method: str) -> None:
    answer = await server().handle(request(method))
    assert answer is not None
    assert answer["error"]["code"] == METHOD_NOT_FOUND


async def test_notifications_are_not_answered() -> None:
    message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert await server().handle(message) is None


async def test_a_tool_error_is_a_result_marked_as_error() -> None:
    answer = await server().handle(recv(max=0))
    assert answer is not None
    assert answer["result"]["isError"] is True
    assert answer["result"]["content"][0]["type"] == "text"


async def test_it_knows_what_the_model_was_handed_in_this_turn() -> None:
    hive = FakeHive()
    tools = server(hive)
    for body in ("one", "two", "three"):
        hive.put(body)
    await tools.handle(recv())
    tools.begin_turn()
    await tools.handle(recv(2, max=2))
    assert tools.end_turn() == [2, 3]
    assert tools.end_turn() == []


async def test_the_end_of_a_turn_gives_up_a_parked_recv(autojump_clock: object) -> None:
    hive = FakeHive()
    tools = server(hive)
    tools.begin_turn()
    answers = []

    async def park() -> None:
        answers.append(await tools.handle(recv(wait_seconds=180)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(park)
        await trio.sleep(1)
        assert tools.end_turn() == []
    assert trio.current_time() < 10
    assert answers[0]["error"]["code"] == CANCELLED
    mail = hive.put("later")
    await trio.sleep(1)
    assert not mail.is_held


async def test_claude_can_take_a_call_back(autojump_clock: object) -> None:
    tools = server()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tools.handle, recv(7, wait_seconds=180))
        await trio.sleep(1)
        await tools.handle(
            {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
        )
    assert trio.current_time() < 10


async def test_calls_run_side_by_side(autojump_clock: object) -> None:
    hive = FakeHive()
    tools = server(hive)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tools.handle, recv(1, wait_seconds=100))
        await trio.sleep(1)
        call = request("tools/call", 2, name="send", arguments={"to": "alice", "body": "x"})
        await tools.handle(call)
        assert len(hive.sent) == 1
        hive.put("wake")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "method": st.sampled_from(["tools/call", "initialize", "ping", "tools/list"]) | JSON,
            "id": JSON,
            "params": st.dictionaries(
                st.sampled_from(["name", "arguments", "_meta", "requestId"]), JSON
            )
            | JSON,
        },
    )
)
def test_no_message_breaks_it(message: Message) -> None:
    answer = trio.run(server().handle, message)
    if message.get("id") is None:
        assert answer is None
    else:
        assert answer is not None
        assert ("result" in answer) != ("error" in answer)
