"""Connections to the harness's terminals: what they may ask for, and when they are given up."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from hive.agent import terminals
from hive.wire import terminal
from tests.fakes.harness import Rig, make, until

CHAT = {"what": "chat", "rows": 24, "columns": 80}


@asynccontextmanager
async def connected(rig: Rig, room: int = 1) -> AsyncIterator[trio.SocketStream]:
    """Give the far end of a connection that a harness serves."""
    near, far = (trio.SocketStream(trio.socket.from_stdlib_socket(s)) for s in socket.socketpair())
    async with trio.open_nursery() as nursery:
        limiter = trio.CapacityLimiter(1)
        if not room:
            limiter.acquire_on_behalf_of_nowait(object())
        nursery.start_soon(terminals.serve, rig.harness, limiter, near)
        async with far:
            yield far
        nursery.cancel_scope.cancel()


async def said(stream: trio.SocketStream) -> list[tuple[bytes, bytes]]:
    """Return every frame to the end of a connection."""
    reader, found = terminal.Reader(), []
    while data := await stream.receive_some(65536):
        found += reader.feed(bytes(data))
    return found


@pytest.mark.parametrize(
    ("line", "room", "code"),
    [
        (b"nonsense\n", 1, "bad_request"),
        (b'{"what": "dance"}\n', 1, "bad_request"),
        (b'{"what": "shell", "argv": ["a\\u0000b"]}\n', 1, "bad_request"),
        (b'{"what": "chat"}\n', 1, "bad_request"),
        (b'{"what": "shell"}\n', 0, "unavailable"),
        # Not even a line, for ten seconds.
        (b'{"what"', 1, "bad_request"),
    ],
)
async def test_what_cannot_be_started_is_told_by_its_code(
    tmp_path: Path, autojump_clock: object, line: bytes, room: int, code: str
) -> None:
    async with connected(make(tmp_path), room) as stream:
        await stream.send_all(line)
        ((kind, content),) = await said(stream)
    assert kind == terminal.FAILED
    assert terminal.failure_of(content)[0] == code


async def test_who_says_nothing_any_more_is_given_up_and_who_does_is_waited_for(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = make(tmp_path)
    async with connected(rig) as stream:
        # Nobody runs the loop, so that this chat waits for ever.
        await stream.send_all(json.dumps(CHAT).encode() + b"\n")
        await until(lambda: rig.harness.desk.chat)
        for _ in range(5):
            await trio.sleep(terminal.SILENCE_S - 20)
            await stream.send_all(terminal.frame(terminal.PING))
            assert rig.harness.desk.chat is not None
        heard = trio.current_time()
        frames = await said(stream)
        assert rig.harness.desk.chat is None
        assert trio.current_time() - heard >= terminal.SILENCE_S - 1
        # Meanwhile the harness has said that it is there.
        assert {kind for kind, _ in frames} == {terminal.PING}
        assert len(frames) > 5 * (terminal.SILENCE_S - 20) / terminal.PING_S - 2


async def test_nonsense_ends_a_connection(tmp_path: Path, autojump_clock: object) -> None:
    rig = make(tmp_path)
    async with connected(rig) as stream:
        await stream.send_all(json.dumps(CHAT).encode() + b"\nnonsense")
        assert await said(stream) == []
        assert rig.harness.desk.chat is None
