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

    async def _pass_on(self, browser: trio.SocketStream) -> None:
        self.connections += 1
        while self.is_silent:
            # A connection that is opened now is not even refused.
            await self._changed.wait()
        server = await trio.open_tcp_stream("127.0.0.1", self.target)
        async with browser, server, trio.open_nursery() as nursery:
            nursery.start_soon(self._pump, browser, server, nursery.cancel_scope)
            nursery.start_soon(self._pump, server, browser, nursery.cancel_scope, self._count)

    def _count(self, piece: bytes) -> None:
        self.answered_bytes += len(piece)

    async def _pump(
        self,
        source: trio.SocketStream,
        sink: trio.SocketStream,
        both: trio.CancelScope,
        count: Callable[[bytes], object] = len,
    ) -> None:
        try:
            async for piece in source:
                if self.is_silent:
                    # Dead for good: its bytes were lost, so nothing may follow them.
                    await trio.sleep_forever()
                count(piece)
                await sink.send_all(piece)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        both.cancel()
