"""The screen of the agent: bytes between a websocket and the VNC server in the container.

Who may look, and who may do more than look, the daemon has decided before it connects here. Nothing
is gathered on the way: what one side does not take is not read from the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs
import trio

from hive.errors import NotFound, Unavailable
from hive.web.agent_page import table
from hive.web.exchange import Receive, Scope, Send
from hive.web.websocket import FAILED, GOING_AWAY, UNSUPPORTED, Bytes, Gone

PATH = table.SCREEN
LOOPBACK = "127.0.0.1"
CONNECT_S = 5.0
WRITE_S = 10.0
"""A VNC server that takes none of a message for so long is given up."""
NORMAL = 1000
_READ_BYTES = 32 * 1024


class Source(Protocol):
    """Where a harness finds its screen."""

    async def find(self) -> int | None:
        """Return the VNC server's port on loopback; raises `HiveError`."""
        ...


async def answer(source: Source, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one websocket; raises hive's errors until it has taken the client on."""
    port = await source.find()
    if port is None:
        raise NotFound("there is no screen here")
    try:
        with trio.fail_after(CONNECT_S):
            stream = await trio.open_tcp_stream(LOOPBACK, port)
    except (OSError, trio.TooSlowError) as error:
        raise Unavailable(f"no VNC server answers on port {port}") from error
    relay = _Relay(Bytes(scope, receive, send), stream)
    try:
        await relay.run()
    finally:
        stream.socket.close()


@attrs.define
class _Relay:
    """One viewer and the VNC server."""

    _viewer: Bytes
    _server: trio.SocketStream
    _end: tuple[int, str] | None = None

    async def run(self) -> None:
        """Pass bytes on in both directions until one side ends."""
        try:
            await self._viewer.accept()
        except Gone:
            return
        async with trio.open_nursery() as nursery:
            for way in (self._to_server, self._to_viewer):
                nursery.start_soon(self._until_end, way, nursery.cancel_scope)
        if self._end is not None:
            await self._viewer.close(*self._end)

    async def _until_end(
        self, way: Callable[[], Awaitable[tuple[int, str] | None]], scope: trio.CancelScope
    ) -> None:
        self._end = await way()
        scope.cancel()

    async def _to_server(self) -> tuple[int, str] | None:
        while True:
            try:
                data = await self._viewer.receive()
            except Gone as gone:
                return (GOING_AWAY, "the harness stops") if gone.is_stop else None
            if data is None:
                return UNSUPPORTED, "a screen takes bytes, not text"
            try:
                with trio.fail_after(WRITE_S):
                    await self._server.send_all(data)
            except trio.TooSlowError:
                return FAILED, "the VNC server takes nothing"
            except trio.BrokenResourceError:
                return NORMAL, "the VNC server has hung up"

    async def _to_viewer(self) -> tuple[int, str] | None:
        try:
            while data := await self._server.receive_some(_READ_BYTES):
                await self._viewer.send(bytes(data))
        except trio.BrokenResourceError:
            return NORMAL, "the VNC server has broken off"
        return NORMAL, "the VNC server has hung up"
