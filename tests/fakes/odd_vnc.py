"""A VNC server as odd as a test wants it: its greeting, security, name and what it says later.

It draws nothing. For pictures and keys there is the real one, `tests.fakes.xvnc`.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio

WAIT_S = 20.0
NONE, PASSWORD, DIFFIE_HELLMAN = 1, 2, 30
WESTON = bytes((129, 5, DIFFIE_HELLMAN))
"""What weston's server offers without TLS, in its order."""
PRIME = (2**255 - 19).to_bytes(32)
REFUSAL = b"wrong password"
_FIXED = {0: 20, 3: 10, 4: 8, 5: 6, 150: 10}
_ENCODINGS, _CUT_TEXT = 2, 6


@attrs.define
class OddVnc:
    """Serves one viewer after the other."""

    greeting: bytes = b"RFB 003.008\n"
    security: bytes = bytes((NONE,))
    name: str = "odd"
    size: tuple[int, int] = (64, 48)
    refusals: int = 0
    """How often it takes an answer to its challenge for a wrong one."""
    port: int = 0
    copied: list[str] = attrs.field(factory=list)
    """What viewers put into the clipboard."""
    _viewer: trio.SocketStream | None = None
    _changed: trio.Event = attrs.field(factory=trio.Event)

    async def copy(self, text: str) -> None:
        """Tell the viewer that a program copied something."""
        await self.say(struct.pack(">BxxxI", 3, len(text)) + text.encode("latin-1"))

    async def say(self, data: bytes) -> None:
        """Send the viewer something."""
        assert self._viewer is not None
        await self._viewer.send_all(data)

    async def wait_copied(self) -> str:
        """Wait until a viewer has put something into the clipboard; returns the last."""
        with trio.fail_after(WAIT_S):
            while not self.copied:
                await self._changed.wait()
        return self.copied[-1]

    async def serve(self, viewer: trio.SocketStream) -> None:
        """Greet a viewer and follow what it says until it leaves."""
        data = _Reader(viewer)
        try:
            await viewer.send_all(self.greeting)
            await data.take(12)
            await viewer.send_all(bytes((len(self.security),)) + self.security)
            chosen = (await data.take(1))[0]
            if chosen == PASSWORD:
                await viewer.send_all(bytes(16))
                await data.take(16)
            if chosen == DIFFIE_HELLMAN:
                # A prime and, as the server's key, the generator itself.
                head = struct.pack(">HH", 2, len(PRIME))
                await viewer.send_all(head + PRIME + (2).to_bytes(len(PRIME)))
                await data.take(128 + len(PRIME))
            if self.refusals:
                self.refusals -= 1
                await viewer.send_all(struct.pack(">II", 1, len(REFUSAL)) + REFUSAL)
                return
            await viewer.send_all(bytes(4))
            await data.take(1)
            name = self.name.encode()
            pixels = struct.pack(">BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
            await viewer.send_all(
                struct.pack(">HH", *self.size) + pixels + struct.pack(">I", len(name)) + name
            )
            self._viewer = viewer
            while True:
                await self._follow(data)
        except (_GoneError, trio.BrokenResourceError):
            return

    async def _follow(self, data: _Reader) -> None:
        kind = (await data.take(1))[0]
        if kind == _ENCODINGS:
            (count,) = struct.unpack(">xH", await data.take(3))
            await data.take(4 * count)
        elif kind == _CUT_TEXT:
            (size,) = struct.unpack(">xxxI", await data.take(7))
            self.copied.append((await data.take(size)).decode("latin-1"))
            self._changed.set()
            self._changed = trio.Event()
        else:
            await data.take(_FIXED[kind] - 1)


class _GoneError(Exception):
    """The viewer has left."""


class _Reader:
    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            more = await self._stream.receive_some(65536)
            if not more:
                raise _GoneError
            self._buffer += more
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


@asynccontextmanager
async def serving(server: OddVnc) -> AsyncIterator[OddVnc]:
    """Run it on a free loopback port for the length of the block."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, server.serve, 0, host="127.0.0.1"))
        server.port = listeners[0].socket.getsockname()[1]
        yield server
        nursery.cancel_scope.cancel()
