"""The stdio server: JSON-RPC by the line, in the same words as over claude's own pipe."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION

from hive.agent import mcp_server, mcp_tools
from hive.agent.mcp_server import BATCH_MOST, MESSAGE_BYTES
from hive.agent.tool_server import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    PROTOCOLS,
    ToolServer,
)
from tests.fakes.hive_socket import DirectClient, FakeHive
from tests.fakes.waiting import until

Message = dict[str, Any]
PATIENCE_S = 30


def request(method: str, number: object = 1, **params: Any) -> Message:
    """Return a JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def call(number: object, name: str, **arguments: Any) -> Message:
    """Return a call of a tool."""
    return request("tools/call", number, name=name, arguments=arguments)


@attrs.define
class Pipes:
    """Claude's ends of a server's standard input and output."""

    to: trio.lowlevel.FdStream
    from_: trio.lowlevel.FdStream
    hive: FakeHive
    ended: trio.Event = attrs.field(factory=trio.Event)
    _buffer: bytes = b""

    async def say(self, value: object) -> None:
        """Write one line; bytes as they are."""
        line = value if isinstance(value, bytes) else json.dumps(value).encode()
        await self.to.send_all(line + b"\n")

    async def hear(self) -> Any:
        """Return the next line's value."""
        while b"\n" not in self._buffer:
            more = await self.from_.receive_some()
            assert more, "the server has ended"
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    async def ask(self, value: object) -> Any:
        """Write one line and return the next one that comes."""
        await self.say(value)
        return await self.hear()


@asynccontextmanager
async def running(role: str = "agent") -> AsyncIterator[Pipes]:
    """Serve over pipes, as a process would."""
    ours, theirs = os.pipe(), os.pipe()
    hive = FakeHive()
    pipes = Pipes(trio.lowlevel.FdStream(ours[1]), trio.lowlevel.FdStream(theirs[0]), hive)

    async def serve() -> None:
        server = mcp_server.make_server(role, DirectClient(hive))
        with os.fdopen(ours[0], "rb") as source:
            await mcp_server.serve(server, source, theirs[1])
        os.close(theirs[1])
        pipes.ended.set()

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            try:
                yield pipes
            finally:
                await pipes.to.aclose()
                await pipes.ended.wait()
                await pipes.from_.aclose()


def test_it_speaks_the_versions_that_the_package_knows() -> None:
    assert set(PROTOCOLS) == set(HANDSHAKE_PROTOCOL_VERSIONS)
    assert PROTOCOLS[0] == LATEST_HANDSHAKE_VERSION


@pytest.mark.parametrize("role", ["agent", "manager"])
async def test_it_lists_the_tools_of_the_role(role: str) -> None:
    async with running(role) as pipes:
        answer = await pipes.ask(request("tools/list"))
    assert answer["result"]["tools"] == mcp_tools.listings(mcp_tools.tools_for(role))


async def test_a_call_says_what_it_says_over_claudes_own_pipe() -> None:
    for asked in (
        call(1, "send", to="alice", body="hello"),
        call(1, "send", to="alice"),
        call(1, "recv"),
        call(1, "nothing"),
    ):
        async with running() as pipes:
            here = await pipes.ask(asked)
        hive = FakeHive()
        server = ToolServer(DirectClient(hive), mcp_tools.tools_for("agent"), "1")
        assert here == await server.handle(asked)
        assert len(pipes.hive.requests) == len(hive.requests)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", PARSE_ERROR),
        (b"\xff\xfe", PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b'{"id": NaN}', PARSE_ERROR),
        (b'"' + b"x" * MESSAGE_BYTES + b'"', PARSE_ERROR),
        (b"7", INVALID_REQUEST),
        (b"[]", INVALID_REQUEST),
        (b"[7]", INVALID_REQUEST),
        (b"[" + b",".join([b"{}"] * (BATCH_MOST + 1)) + b"]", INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": [1], "method": "ping"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "x/y"}', METHOD_NOT_FOUND),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "server/discover"}', METHOD_NOT_FOUND),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}', INVALID_PARAMS),
        (json.dumps(request("tools/list", cursor="2")).encode(), INVALID_PARAMS),
        (json.dumps(request("initialize", protocolVersion="2025-11-25")).encode(), INVALID_PARAMS),
        (json.dumps(request("tools/call", name=7)).encode(), INVALID_PARAMS),
        (json.dumps(request("tools/call", name="send", arguments=[])).encode(), INVALID_PARAMS),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_a_bad_line_is_answered_with_its_error_and_the_next_one_is_served(
    line: bytes, code: int
) -> None:
    async with running() as pipes:
        answer = await pipes.ask(line)
        first = answer[0] if isinstance(answer, list) else answer
        assert first["error"]["code"] == code
        assert (await pipes.ask(request("ping", "a")))["result"] == {}


async def test_a_batch_is_answered_as_one_without_its_notifications() -> None:
    async with running() as pipes:
        told = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        await pipes.say([told, told])
        answers = await pipes.ask([request("ping", 1), told, call(2, "whoami"), request("no", 3)])
    assert [answer["id"] for answer in answers] == [1, 2, 3]
    assert answers[1]["result"]["isError"] is False
    assert answers[2]["error"]["code"] == METHOD_NOT_FOUND


async def test_an_answer_that_nobody_asked_for_is_not_answered() -> None:
    async with running() as pipes:
        await pipes.say({"jsonrpc": "2.0", "id": 5, "result": {}})
        await pipes.say({"jsonrpc": "2.0", "id": 6, "error": {"code": 1, "message": "x"}})
        await pipes.say(b"")
        assert (await pipes.ask(request("ping", 7)))["id"] == 7


async def test_a_parked_call_holds_nothing_up_and_can_be_taken_back_without_a_word() -> None:
    async with running() as pipes:
        await pipes.say(call(1, "recv", wait_seconds=180))
        assert (await pipes.ask(request("ping", 2)))["id"] == 2
        await until(lambda: bool(pipes.hive.requests))
        await pipes.say(
            {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        )
        assert (await pipes.ask(request("ping", 3)))["id"] == 3
        mail = pipes.hive.put("later")
        assert "later" in (await pipes.ask(call(4, "recv")))["result"]["content"][0]["text"]
        assert mail.deliveries == 1


async def test_the_end_of_its_input_answers_what_is_quick_and_gives_up_what_is_parked() -> None:
    async with running() as pipes:
        await pipes.say(call(1, "recv", wait_seconds=180))
        await pipes.say(call(2, "whoami"))
        await pipes.to.aclose()
        assert (await pipes.hear())["id"] == 2
        await pipes.ended.wait()


async def test_it_ends_when_nobody_reads_its_answers() -> None:
    async with running() as pipes:
        await pipes.from_.aclose()
        while not pipes.ended.is_set():
            try:
                await pipes.say(request("ping"))
            except trio.BrokenResourceError:
                break
        await pipes.ended.wait()
