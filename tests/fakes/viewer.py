"""A viewer of a screen as a browser would open it: a websocket that carries RFB."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio
import trio_websocket

from tests.fakes import rfb_server
from tests.fakes.http_client import connect

Closed = trio_websocket.ConnectionClosed


@attrs.define
class Viewer:
    """An open websocket, read as the stream of bytes it carries."""

    socket: trio_websocket.WebSocketConnection
    _rest: bytes = b""

    async def send(self, data: bytes | str) -> None:
        """Send one message."""
        await self.socket.send_message(data)

    async def exactly(self, size: int) -> bytes:
        """Read so many bytes, whatever messages they come in."""
        while len(self._rest) < size:
            message = await self.socket.get_message()
            assert isinstance(message, bytes)
            self._rest += message
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    async def shake_hands(self) -> None:
        """Come as far as the server's first picture could be asked for, asking to be alone."""
        assert await self.exactly(12) == rfb_server.VERSION
        await self.send(rfb_server.VERSION)
        assert await self.exactly(2) == b"\x01\x01"
        await self.send(b"\x01")
        assert await self.exactly(4) == bytes(4)
        await self.send(b"\x00")
        assert await self.exactly(len(rfb_server.SERVER_INIT)) == rfb_server.SERVER_INIT

    async def picture(self) -> bytes:
        """Ask for a picture and return it."""
        await self.send(rfb_server.ASK)
        return await self.exactly(len(rfb_server.PICTURE))

    async def end(self) -> tuple[int, str]:
        """Wait for the end of it; returns its code and its reason."""
        try:
            while True:
                await self.socket.get_message()
        except Closed as closed:
            reason = closed.reason or trio_websocket.CloseReason(1006, None)
            return reason.code, reason.reason or ""


@asynccontextmanager
async def viewing(
    where: int, target: str, *, headers: dict[str, str] | None = None
) -> AsyncIterator[Viewer]:
    """Open a websocket; raises `trio_websocket.ConnectionRejected` when it is refused."""
    failure: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            stream = await connect(where)
            try:
                with trio.fail_after(10):
                    socket = await trio_websocket.wrap_client_stream(
                        nursery,
                        stream,
                        f"127.0.0.1:{where}",
                        target,
                        subprotocols=["binary"],
                        extra_headers=[
                            (name.encode(), text.encode()) for name, text in (headers or {}).items()
                        ],
                    )
                yield Viewer(socket)
            finally:
                nursery.cancel_scope.cancel()
                stream.socket.close()
    except* trio_websocket.ConnectionRejected as group:
        failure = group.exceptions[0]
    if failure is not None:
        raise failure
