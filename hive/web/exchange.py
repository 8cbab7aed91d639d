"""One request and its answer: the ASGI channel between protocol and application.

hypercorn's own channel waits for ever for an application that has stopped reading its body, and
says "disconnect" in the middle of the last chunk; this one does neither.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

import trio
from hypercorn.config import Config

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

RAW = "hive.raw"
"""Extension of an HTTP scope: the `RawWriter` of its connection."""
STAYS = "hive.stays"
"""In a scope behind the door: a function that says whether its caller would still be let in."""

_QUEUED_CHUNKS = 8
_GOING_AWAY = 1001


class RawWriter(Protocol):
    """Writes bytes of an answer that has begun, past the protocol that frames them."""

    def write_nowait(self, data: bytes) -> int:
        """Write what the kernel takes at once and return how much; 0 while others write."""

    async def write(self, data: bytes) -> None:
        """Write all of `data` within the server's deadline, or cut the connection."""


class Exchange:
    """One request and its answer: the ASGI channel between the protocol and the application."""

    def __init__(self, kind: str, send: Callable[[Message | None], Awaitable[None]]) -> None:
        self._protocol_send = send
        self._put, self._take = trio.open_memory_channel[Message](_QUEUED_CHUNKS)
        self._last: Message = {"type": f"{kind}.disconnect", "code": _GOING_AWAY}
        self._is_finishing = False

    async def put(self, message: Message) -> None:
        """Take a message of the protocol; never waits once the application is gone."""
        if message["type"].endswith(".disconnect"):
            self._last = message
            self._put.close()
            return
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._put.send(message)

    def hang_up(self) -> None:
        """Tell the application that its client is gone, behind what already waits for it."""
        self._put.close()

    async def receive(self) -> Message:
        try:
            return await self._take.receive()
        except trio.EndOfChannel:
            # hypercorn says "disconnect" from inside the send of the last chunk; an application
            # that cancels itself on it would cancel the tail of that very send.
            if self._is_finishing:
                await trio.sleep_forever()
            return self._last

    async def send(self, message: Message) -> None:
        if message["type"].endswith(".body") and not message.get("more_body", False):
            self._is_finishing = True
        await self._protocol_send(message)

    async def run(self, app: App, scope: Scope) -> None:
        """Run the application, then let the protocol clean up after it."""
        try:
            await app(scope, self.receive, self.send)
        finally:
            self._take.close()
        await self._protocol_send(None)


class Exchanges:
    """hypercorn's task group: starts the application for each request of one connection."""

    def __init__(self, nursery: trio.Nursery, raw: RawWriter) -> None:
        self._nursery = nursery
        self._raw = raw
        self.current: Exchange | None = None

    async def spawn_app(
        self,
        app: App,
        config: Config,
        scope: Scope,
        send: Callable[[Message | None], Awaitable[None]],
    ) -> Callable[[Message], Awaitable[None]]:
        scope["extensions"][RAW] = self._raw
        self.current = Exchange(scope["type"], send)
        self._nursery.start_soon(self.current.run, app, scope)
        return self.current.put

    def spawn(self, task: Callable[..., Awaitable[None]], *args: object) -> None:
        self._nursery.start_soon(task, *args)
