"""Websockets: hypercorn's protocol where it needs mending, and the bytes an application sees.

hypercorn leaves a connection open whose handshake it has refused, answers a frame that comes too
early in the middle of the application's answer, reads on behind a message that is too long, and
takes a client that answers no ping for one that is there; here each of these ends the connection.
No extension is agreed to, because compression makes much of few bytes, and pictures are compressed
already.
"""

from __future__ import annotations

from typing import Any

import attrs
import h11
import trio
from hypercorn.protocol.events import Body, Data, Event, StreamClosed
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from wsproto.connection import ConnectionState
from wsproto.events import Ping

from hive.web.exchange import Receive, Scope, Send

PING_S = 20.0
PONG_S = 40.0
"""A client that says nothing for so long, pings unanswered, is let go at the next one."""
MESSAGE_BYTES = 64 * 1024
"""The longest message from a client."""
BINARY = "binary"
"""The subprotocol of raw bytes, taken when it is offered."""
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
UNSUPPORTED = 1003
POLICY = 1008
FAILED = 1011
EXTENSIONS = b"sec-websocket-extensions"


def is_wanted(request: h11.Request) -> bool:
    """Whether a request asks for a websocket, as hypercorn sees it."""
    last = {name.strip().lower(): value.strip().lower() for name, value in request.headers}
    tokens = [each.strip() for each in last.get(b"connection", b"").split(b",")]
    is_upgrade = b"upgrade" in tokens and last.get(b"upgrade") == b"websocket"
    return is_upgrade and request.method.upper() == b"GET"


class Stream(WSStream):
    """hypercorn's side of one websocket."""

    def __init__(self, *args: Any) -> None:  # noqa: ANN401 - they are hypercorn's
        """As hypercorn makes it."""
        super().__init__(*args)
        self._heard_at = trio.current_time()
        self._ended = trio.Event()

    async def handle(self, event: Event) -> None:
        """Take what the client says; a handshake that is refused ends the connection."""
        self._heard_at = trio.current_time()
        if isinstance(event, Body | Data) and not self.handshake.accepted:
            # No answer: the application may be in the middle of its own.
            self.closed = True
        else:
            await super().handle(event)
        if not self.closed or self._ended.is_set():
            return
        self._ended.set()
        if not isinstance(event, StreamClosed):
            if self.app_put is not None:
                await self.app_put({"type": "websocket.disconnect", "code": PROTOCOL_ERROR})
            await self._end()

    async def _handle_events(self) -> None:
        await super()._handle_events()
        is_closing = self.connection.state is ConnectionState.LOCAL_CLOSING
        if is_closing and self.state is ASGIWebsocketState.CONNECTED and not self.closed:
            # It has said that the message was too long, and would go on reading it.
            await self._end()

    async def _send_pings(self) -> None:
        while True:
            # Not a sleep: the connection ends with the last of its tasks.
            with trio.move_on_after(PING_S):
                await self._ended.wait()
            if self.closed:
                return
            if trio.current_time() - self._heard_at > PONG_S:
                await self._end()
                return
            await self._send_wsproto_event(Ping())

    async def _end(self) -> None:
        await self.send(StreamClosed(stream_id=self.stream_id))


class Gone(Exception):
    """The client has left, or the server stops."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    @property
    def is_stop(self) -> bool:
        """Whether it is the server that stops, and the client may still be told so."""
        return self.code == GOING_AWAY


@attrs.frozen
class Bytes:
    """A websocket as an application uses it: bytes both ways, in messages of any length."""

    _scope: Scope
    _receive: Receive
    _send: Send

    async def accept(self) -> None:
        """Take the client on; raises `Gone`."""
        message = await self._receive()
        if message["type"] != "websocket.connect":
            raise Gone(message["code"])
        protocol = BINARY if BINARY in self._scope["subprotocols"] else None
        await self._send({"type": "websocket.accept", "subprotocol": protocol, "headers": []})

    async def receive(self) -> bytes | None:
        """Return what comes next, None when it is text; raises `Gone`."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise Gone(message["code"])
        data: bytes | None = message.get("bytes")
        return data

    async def send(self, data: bytes) -> None:
        """Send one message; a client that is gone or reads nothing is noticed by `receive`."""
        await self._send({"type": "websocket.send", "bytes": data, "text": None})

    async def close(self, code: int, reason: str) -> None:
        """Say that this is the end, and why."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason})
