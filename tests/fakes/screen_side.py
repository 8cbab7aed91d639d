"""The screen's side of a scripted page: tickets, and a websocket onto a VNC server's port.

It passes bytes as they come and keeps nothing from anybody: what a page in view-only mode does not
send, it does not send by itself.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import attrs
import trio

Json = dict[str, Any]
_MOST = 64 * 1024


@attrs.define
class ScreenSide:
    """What `/screen/ticket` and `/screen/ws` do."""

    port: int | None = None
    """Of a VNC server on loopback; without one a connection stays silent."""
    refusal: tuple[int, str] | None = None
    """The code and reason that a websocket is closed with at once."""
    tickets: dict[str, bool] = attrs.field(factory=dict)
    """Which were given, and whether each is for viewing only."""
    joined: list[str] = attrs.field(factory=list)
    open: int = 0
    """How many websockets there are."""
    _cut: trio.Event = attrs.field(factory=trio.Event)
    _why: tuple[int, str] = (1000, "")

    def ticket(self, fields: dict[str, str]) -> Json:
        """Give one more ticket."""
        name = f"ticket-{len(self.tickets) + 1}"
        self.tickets[name] = fields["view_only"] == "true"
        return {"ticket": name, "view_only": self.tickets[name], "expires_in": 30}

    def cut(self, code: int, reason: str) -> None:
        """Close every open websocket."""
        self._why = (code, reason)
        self._cut.set()
        self._cut = trio.Event()

    async def join(self, ticket: str, receive: Any, send: Any) -> None:
        """Serve one websocket with a ticket that was given."""
        assert ticket in self.tickets
        assert ticket not in self.joined, "a ticket is good once"
        self.joined.append(ticket)
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        if self.refusal is not None:
            await _close(send, *self.refusal)
            return
        self.open += 1
        try:
            await self._relay(receive, send)
        finally:
            self.open -= 1

    async def _relay(self, receive: Any, send: Any) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end, self._cut, send, nursery.cancel_scope)
            if self.port is None:
                await _until_gone(receive)
            else:
                await _pass_on(self.port, receive, send)
            nursery.cancel_scope.cancel()

    async def _end(self, cut: trio.Event, send: Any, scope: trio.CancelScope) -> None:
        await cut.wait()
        await _close(send, *self._why)
        scope.cancel()


async def _pass_on(port: int, receive: Any, send: Any) -> None:
    async with (
        await trio.open_tcp_stream("127.0.0.1", port) as server,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_from_server, server, send)
        await _to_server(server, receive)
        nursery.cancel_scope.cancel()


async def _from_server(server: trio.SocketStream, send: Any) -> None:
    with suppress(trio.BrokenResourceError):
        async for data in server:
            await send({"type": "websocket.send", "bytes": bytes(data)})
    await _close(send, 1000, "")


async def _to_server(server: trio.SocketStream, receive: Any) -> None:
    with suppress(trio.BrokenResourceError):
        while (message := await receive())["type"] == "websocket.receive":
            await server.send_all(message["bytes"])


async def _until_gone(receive: Any) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _close(send: Any, code: int, reason: str) -> None:
    await send({"type": "websocket.close", "code": code, "reason": reason})
