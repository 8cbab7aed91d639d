"""A TCP relay on loopback that counts what passes, and can fall silent without closing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs
import trio

_PIECE_BYTES = 65536


@attrs.define
class Relay:
    """Passes connections on to `target`."""

    target: int
    port: int = 0
    answered_bytes: int = 0
    """What the server behind it has said."""
    connections: int = 0
    """How many were opened."""
    is_silent: bool = False
    """Nothing passes and nothing is closed, as when a cable is pulled."""
    _open: set[trio.CancelScope] = attrs.field(factory=set)
    _changed: trio.Event = attrs.field(factory=trio.Event)

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(
                partial(trio.serve_tcp, self._pass_on, 0, host="127.0.0.1")
            )
            self.port = listeners[0].socket.getsockname()[1]
            task_status.started()

    def set_silent(self, *, is_silent: bool) -> None:
        """Pull the cable, or put it in again: what was open then stays dead, what is new works."""
        self.is_silent = is_silent
        self._changed.set()
        self._changed = trio.Event()

    def cut(self) -> None:
        """Close every connection that is open, at both ends."""
        for scope in self._open:
            scope.cancel()
        self._open.clear()

    async def _pass_on(self, browser: trio.SocketStream) -> None:
        self.connections += 1
        while self.is_silent:
            # A connection that is opened now is not even refused.
            await self._changed.wait()
        try:
            server = await trio.open_tcp_stream("127.0.0.1", self.target)
        except OSError:
            await browser.aclose()
            return
        async with browser, server, trio.open_nursery() as nursery:
            line = _Line(self, nursery.cancel_scope)
            self._open.add(nursery.cancel_scope)
            nursery.start_soon(line.pump, browser, server)
            nursery.start_soon(line.pump, server, browser, self._count)

    def _count(self, piece: bytes) -> None:
        self.answered_bytes += len(piece)


@attrs.define
class _Line:
    """One connection."""

    _relay: Relay
    _ending: trio.CancelScope
    _is_dead: bool = False
    """Something that was said on it is lost, so nothing may follow."""

    async def pump(
        self,
        source: trio.SocketStream,
        sink: trio.SocketStream,
        count: Callable[[bytes], object] = len,
    ) -> None:
        try:
            async for piece in source:
                self._is_dead |= self._relay.is_silent
                if not self._is_dead:
                    count(piece)
                    await sink.send_all(piece)
                elif not self._relay.is_silent:
                    # Whoever speaks into a connection that the other side has given up is told so.
                    break
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        if self._relay.is_silent:
            # That it was closed is not heard either.
            await trio.sleep_forever()
        self._ending.cancel()
