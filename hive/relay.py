"""Bytes from one socket to the other and back, as fast as Python can, until both ends are done.

One buffer serves every connection: what it holds is written before anybody else runs, and what the
other side does not take at once is copied. An idle connection therefore costs two small tasks.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import trio

CHUNK = 64 * 1024
IDLE_S = 3600.0
"""After so long without a byte in either direction a connection is given up."""
CLOSING_S = 60.0
"""The same once one side has ended its half."""

_buffer = memoryview(bytearray(CHUNK))


async def relay(
    near: trio.SocketStream,
    far: trio.SocketStream,
    count: Callable[[int, int], None] = lambda _sent, _received: None,
) -> None:
    """Pass bytes on in both directions; `count` is told of each portion sent and received.

    Returns once both sides have ended, one of them broke, or nothing was said for too long; closes
    neither.
    """
    patience = _Patience()
    with patience.scope:
        async with trio.open_nursery() as nursery:

            async def one(source: trio.SocketStream, sink: trio.SocketStream, is_up: bool) -> None:
                def told(size: int) -> None:
                    patience.renew()
                    count(size if is_up else 0, 0 if is_up else size)

                if not await _pump(source.socket, sink.socket, told):
                    nursery.cancel_scope.cancel()
                patience.shorten()

            nursery.start_soon(one, near, far, True)
            nursery.start_soon(one, far, near, False)


class _Patience:
    """A deadline that moves on with every byte."""

    def __init__(self) -> None:
        self._idle_s = IDLE_S
        self.scope = trio.CancelScope(deadline=trio.current_time() + self._idle_s)

    def renew(self) -> None:
        now = trio.current_time()
        # Moving a deadline is not free, and a second more or less does not matter.
        if self.scope.deadline - now < self._idle_s - 1:
            self.scope.deadline = now + self._idle_s

    def shorten(self) -> None:
        self._idle_s = CLOSING_S
        self.scope.deadline = trio.current_time() + self._idle_s


async def _pump(
    source: trio.socket.SocketType, sink: trio.socket.SocketType, told: Callable[[int], None]
) -> bool:
    """Pass bytes on in one direction; False when one of the two broke."""
    try:
        while True:
            # Others run between two portions, however fast this one is.
            await trio.lowlevel.checkpoint()
            try:
                size = os.readv(source.fileno(), [_buffer])
            except BlockingIOError:
                await trio.lowlevel.wait_readable(source)
                continue
            if size == 0:
                sink.shutdown(socket.SHUT_WR)
                return True
            told(size)
            await _write(sink, _buffer[:size])
    except (OSError, trio.ClosedResourceError):
        return False


async def _write(sink: trio.socket.SocketType, data: memoryview) -> None:
    try:
        written = os.write(sink.fileno(), data)
    except BlockingIOError:
        written = 0
    if written == len(data):
        return
    # The buffer belongs to whoever runs next.
    rest = memoryview(bytes(data[written:]))
    while rest:
        await trio.lowlevel.wait_writable(sink)
        try:
            rest = rest[os.write(sink.fileno(), rest) :]
        except BlockingIOError:
            continue
