"""One JSON value per line on a unix socket: a call, or a connection that is kept for many.

The other side is served by `lines`.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import trio

from hive.errors import DaemonUnreachable, Unavailable
from hive.wire import codec

_CHUNK = 64 * 1024


class Caller:
    """One kept connection to a door: requests one at a time, each with a deadline."""

    def __init__(self, path: Path) -> None:
        """Connects at the first call."""
        self._path = path
        self._stream: trio.SocketStream | None = None
        self._lock = trio.Lock()

    async def call(self, request: dict[str, Any], *, timeout_s: float) -> Any:
        """Send one request and return its reply.

        Raises `DaemonUnreachable` when nobody answers, `Unavailable` when no reply came. Cancelled
        or failed, the connection is let go and the next call makes a new one.
        """
        async with self._lock:
            is_done = False
            try:
                with trio.fail_after(timeout_s):
                    reply = await self._exchange(codec.dumps(request))
                is_done = True
            except trio.TooSlowError as error:
                raise Unavailable(f"no reply on {self._path} within {timeout_s:g} s") from error
            except trio.BrokenResourceError as error:
                raise Unavailable(f"the connection to {self._path} broke") from error
            finally:
                if not is_done:
                    self.close()
        return codec.loads(reply, limit=None)

    def close(self) -> None:
        """Let the connection go."""
        if self._stream is not None:
            self._stream.socket.close()
            self._stream = None

    async def _exchange(self, line: bytes) -> bytes:
        if self._stream is None:
            self._stream = await connect(self._path)
        with suppress(trio.BrokenResourceError):
            # Who is refused at once was told so before the request was read.
            await self._stream.send_all(line)
        buffer = bytearray()
        while not buffer.endswith(b"\n"):
            data = await self._stream.receive_some(_CHUNK)
            if not data:
                raise Unavailable(f"the daemon closed {self._path} without a reply")
            buffer += data
        return bytes(buffer)


async def connect(path: Path) -> trio.SocketStream:
    """Connect to a door; raises `DaemonUnreachable` with the mend."""
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    is_done = False
    try:
        await sock.connect(os.fspath(path))
        is_done = True
    except OSError as error:
        raise DaemonUnreachable(
            f"no hive answers on {path} ({error.strerror}): start one, or name its socket"
            " with --socket"
        ) from error
    finally:
        if not is_done:
            sock.close()
    return trio.SocketStream(sock)


async def call(path: Path, request: dict[str, Any], *, timeout_s: float) -> Any:
    """Make one request on a connection of its own; raises as `Caller.call` does."""
    caller = Caller(path)
    try:
        return await caller.call(request, timeout_s=timeout_s)
    finally:
        caller.close()
