"""A VNC server of a few lines: shakes hands as RFB 3.8 does, and keeps what it is told after."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import attrs
import trio

VERSION = b"RFB 003.008\n"
NAME = b"a scripted screen"
SERVER_INIT = (
    struct.pack(">HHBBBBHHHBBBxxxI", 4, 3, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0, len(NAME)) + NAME
)
PICTURE = b"\x00\x00\x00\x01" + struct.pack(">HHHHi", 0, 0, 4, 3, 0) + b"\x10\x20\x30\x00" * 12
"""An update of the whole screen, in raw pixels."""
ASK = b"\x03\x00" + struct.pack(">HHHH", 0, 0, 4, 3)
KEY = b"\x04\x01\x00\x00\x00\x00\x00a"


@attrs.define
class RfbServer:
    """Where it listens, and what it was told behind the handshakes."""

    port: int
    told: bytearray = attrs.field(factory=bytearray)
    shared: list[bytes] = attrs.field(factory=list)
    """What each viewer said of sharing."""
    open: int = 0
    _scopes: set[trio.CancelScope] = attrs.field(factory=set)

    def hang_up(self) -> None:
        """Leave every viewer."""
        for scope in self._scopes:
            scope.cancel()

    async def serve(self, stream: trio.SocketStream) -> None:
        """Speak to one viewer until it has left."""
        self.open += 1
        scope = trio.CancelScope()
        self._scopes.add(scope)
        try:
            with scope, suppress(trio.BrokenResourceError, EOFError):
                await self._serve(stream)
        finally:
            self.open -= 1
            self._scopes.discard(scope)
            await trio.aclose_forcefully(stream)

    async def _serve(self, stream: trio.SocketStream) -> None:
        await stream.send_all(VERSION)
        assert await exactly(stream, 12) == VERSION
        await stream.send_all(b"\x01\x01")
        assert await exactly(stream, 1) == b"\x01"
        await stream.send_all(bytes(4))
        self.shared.append(await exactly(stream, 1))
        await stream.send_all(SERVER_INIT)
        while data := await stream.receive_some(65536):
            self.told += data
            for _ in range(data.count(ASK)):
                await stream.send_all(PICTURE)


async def exactly(stream: trio.abc.ReceiveStream, size: int) -> bytes:
    """Read so many bytes; raises `EOFError` when fewer come."""
    data = b""
    while len(data) < size:
        more = await stream.receive_some(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


@asynccontextmanager
async def rfb_server() -> AsyncIterator[RfbServer]:
    """Serve on a free port of loopback for as long as the block lasts."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server = RfbServer(listener.socket.getsockname()[1])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, server.serve, [listener])
        yield server
        nursery.cancel_scope.cancel()
