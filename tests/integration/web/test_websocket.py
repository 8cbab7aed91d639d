"""Websockets over real sockets: what a client can do to one, and that none stays open after it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import trio
import trio.testing

from hive.errors import NotFound
from hive.web import websocket
from hive.web.connection import Limits
from hive.web.websocket import MESSAGE_BYTES, Bytes, Gone
from tests.fakes.http_client import connect, read_reply
from tests.fakes.viewer import viewing
from tests.integration.web.conftest import Serving

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


class Echo:
    """Sends back what it is sent, and keeps with which code each client left."""

    def __init__(self) -> None:
        self.gone: list[int] = []
        self.left = trio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        socket = Bytes(scope, receive, send)
        try:
            if scope["path"] == "/refused":
                raise NotFound("there is nothing here")
            if scope["path"] == "/late":
                await receive()
                await trio.testing.wait_all_tasks_blocked()
            await socket.accept()
            while True:
                data = await socket.receive()
                if data is None:
                    await socket.close(websocket.UNSUPPORTED, "bytes, please")
                    return
                await socket.send(data)
        except Gone as gone:
            self.gone.append(gone.code)
            if gone.is_stop:
                await socket.close(websocket.GOING_AWAY, "see you")
        finally:
            self.left.set()


@pytest.mark.parametrize(
    "asked",
    [HEAD + b"\r\n", HEAD + KEY.replace(b"13", b"8") + b"\r\n"],
    ids=["without a key", "an old version"],
)
async def test_a_handshake_that_is_refused_ends_its_connection(
    serving: Serving, asked: bytes
) -> None:
    async with serving(Echo()) as server, await connect(server.port) as stream:
        await stream.send_all(asked)
        assert (await read_reply(stream)).status == 400
        with trio.fail_after(10):
            assert await stream.receive_some(1) == b""


@pytest.mark.parametrize("path", [b"/", b"/late", b"/refused"])
async def test_a_frame_before_its_time_ends_its_connection(
    serving: Serving, path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    app = Echo()
    async with serving(app) as server, await connect(server.port) as stream:
        await stream.send_all((HEAD + KEY).replace(b"/", path, 1) + b"\r\n\x82\x81\0\0\0\0~")
        said = b""
        with trio.fail_after(10):
            while data := await stream.receive_some(4096):
                said += data
        assert b"~" not in said
        await app.left.wait()
    assert caplog.records == []


async def test_no_extension_is_agreed_to(serving: Serving) -> None:
    offered = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    async with serving(Echo()) as server, await connect(server.port) as stream:
        await stream.send_all(HEAD + KEY + offered + b"\r\n")
        head = bytes(await stream.receive_some(4096))
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"extensions" not in head.lower()


async def test_bytes_come_back_and_text_does_not(serving: Serving) -> None:
    app = Echo()
    async with serving(app) as server:
        async with viewing(server.port, "/") as viewer:
            assert viewer.socket.subprotocol == "binary"
            await viewer.send(b"a" * MESSAGE_BYTES)
            assert await viewer.exactly(MESSAGE_BYTES) == b"a" * MESSAGE_BYTES
        await app.left.wait()
        assert app.gone == [1006]
        async with viewing(server.port, "/") as viewer:
            await viewer.send("text")
            assert await viewer.end() == (1003, "bytes, please")


async def test_a_message_too_long_ends_the_websocket_and_is_not_read_on(serving: Serving) -> None:
    app = Echo()
    async with serving(app) as server, viewing(server.port, "/") as viewer:
        await viewer.send(b"a" * (MESSAGE_BYTES + 1))
        assert (await viewer.end())[0] == 1009
        await app.left.wait()
    assert app.gone == [1006]


async def test_a_stop_is_told_to_who_watches(serving: Serving) -> None:
    async with serving(Echo()) as server, viewing(server.port, "/") as viewer:
        await viewer.send(b"a")
        await viewer.exactly(1)
        server.shutdown.set()
        assert await viewer.end() == (1001, "see you")
        await server.ended.wait()


async def test_a_client_that_answers_no_ping_is_let_go(
    serving: Serving, autojump_clock: Any
) -> None:
    app = Echo()
    async with serving(app) as server, await connect(server.port) as stream:
        await stream.send_all(HEAD + KEY + b"\r\n")
        assert bytes(await stream.receive_some(4096)).startswith(b"HTTP/1.1 101 ")
        begun = trio.current_time()
        said = b""
        while data := await stream.receive_some(4096):
            said += data
        assert said == b"\x89\x00\x89\x00"
        assert trio.current_time() - begun <= websocket.PING_S + websocket.PONG_S + 1
        await app.left.wait()
    assert app.gone == [1006]


async def test_a_client_that_answers_pings_may_be_silent(
    serving: Serving, autojump_clock: Any
) -> None:
    async with serving(Echo()) as server, viewing(server.port, "/") as viewer:
        await trio.sleep(10 * websocket.PONG_S)
        await viewer.send(b"a")
        assert await viewer.exactly(1) == b"a"


async def test_a_client_that_reads_nothing_is_cut(serving: Serving) -> None:
    app = Echo()
    limits = Limits(write_s=0.2)
    async with serving(app, limits=limits) as server, await connect(server.port) as stream:
        await stream.send_all(HEAD + KEY + b"\r\n")
        with suppress(trio.BrokenResourceError):
            while not app.left.is_set():
                # Sixteen empty bytes under an empty mask: they come back, and nobody reads them.
                await stream.send_all((b"\x82\x90" + bytes(20)) * 4096)
        await app.left.wait()
