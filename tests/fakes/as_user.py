"""Connecting to a unix socket as another user, from a process of root's."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import trio

from hive.errors import Unavailable
from hive.wire import codec

_CALLS = {
    # setgroups, setresgid, setresuid, setfsuid
    "x86_64": (116, 119, 117, 122),
    "aarch64": (159, 149, 147, 151),
    "riscv64": (159, 149, 147, 151),
}
_DUMPABLE = 4


def connect(path: Path, user: int, *, walks: bool = True) -> socket.socket:
    """Return a connection that the other side takes for that user's; raises `OSError`.

    With `walks` root walks the way to the socket, without it the user.
    """
    stream = socket.socket(socket.AF_UNIX)
    failed: list[OSError] = []

    def work() -> None:
        try:
            _become(user, walks=walks)
            stream.connect(os.fspath(path))
        except OSError as error:
            failed.append(error)

    # A thread of its own: who it is, it alone is.
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    ctypes.CDLL(None).prctl(_DUMPABLE, 1, 0, 0, 0)
    if failed:
        stream.close()
        raise failed[0]
    return stream


async def call(path: Path, request: dict[str, Any], user: int, timeout_s: float) -> Any:
    """Make one request on a socket as that user; for our own `calls.call` is enough."""
    stream = await connected(path, user)
    with trio.fail_after(timeout_s):
        async with stream:
            with suppress(trio.BrokenResourceError):
                # Who is refused is so at once, and what was said to them can be read all the same.
                await stream.send_all(codec.dumps(request))
            said = b""
            async for chunk in stream:
                said += chunk
                if said.endswith(b"\n"):
                    return codec.loads(said, limit=None)
    raise Unavailable(f"no reply on {path}")


async def connected(path: Path, user: int) -> trio.SocketStream:
    """Return a connection as that user."""
    if user == os.geteuid():
        return await trio.open_unix_socket(path)
    sock = connect(path, user)
    sock.setblocking(False)
    return trio.SocketStream(trio.socket.from_stdlib_socket(sock))


def _become(user: int, *, walks: bool) -> None:
    groups, gids, uids, fsuid = _CALLS[os.uname().machine]
    libc = ctypes.CDLL(None, use_errno=True)
    keep = ctypes.c_uint(-1)
    for words in ((groups, 0, None), (gids, user, user, user), (uids, keep, user, keep)):
        if libc.syscall(*words) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    if walks:
        libc.syscall(fsuid, 0)
