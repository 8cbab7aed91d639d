"""One attempt: its name, what it tries, what stops it, and how what came of it is noted."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

CANARY = re.compile(rb"canary-[0-9a-f]{16}")
"""What the test puts wherever this agent must not read."""
STEERING = "\x1b]0;mine\x07\x1b[2J\x1b[31m\x9b31m\r\u202e\u200b\x08 look"
"""Steers a terminal that it is written to."""
SAID_MOST = 12
OUTSIDE = "outside"
"""For what only the test can see, from the host."""


@dataclass
class Trial:
    """What one attempt has tried, and what of it worked."""

    ground: dict[str, Any]
    """What the test tells of the host: paths, ports, process numbers."""
    tried: int = 0
    worked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def fails(self, what: str, way: Callable[[], object]) -> None:
        """Try a way that must end in an `OSError`, or in nothing."""
        self.tried += 1
        try:
            got = way()
        except OSError as error:
            self._say(f"{what}: {errno.errorcode.get(error.errno or 0, type(error).__name__)}")
            return
        if got is not None:
            self.worked.append(f"{what}: {got!r:.300}")

    def holds(self, what: str, is_so: bool, said: object = "") -> None:
        """Note something that must be so."""
        self.tried += 1
        if is_so:
            self._say(f"{what}: {said!s:.200}")
        else:
            self.worked.append(f"{what}: {said!s:.300}")

    def looked(self, what: str, data: bytes) -> None:
        """Look for what must not be readable in what was read."""
        self.tried += 1
        found = CANARY.findall(data)
        if found:
            self.worked.append(f"{what}: {found[0].decode()}")

    def done(self, what: str) -> None:
        """Note what was done, whose effect the test looks for from outside."""
        self.tried += 1
        self._say(f"{what}: {OUTSIDE}")

    def _say(self, text: str) -> None:
        if len(self.said) < SAID_MOST:
            self.said.append(text)


Run = Callable[[Trial], None]


@dataclass(frozen=True)
class Attempt:
    """One line of the list."""

    room: str
    name: str
    tries: str
    stopped_by: str
    where_shared: str
    """What stops it where the daemon is an ordinary user."""
    works_where_shared: bool
    run: Run


class Room:
    """The attempts of one module, in their order."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.attempts: list[Attempt] = []

    def attempt(
        self, name: str, stopped_by: str, *, where_shared: str = "the same", works: bool = False
    ) -> Callable[[Run], Run]:
        """Put a function into the list; its docstring's first line says what it tries.

        `where_shared`: what stops it where agents share the user of a daemon that is not root;
        `works`: nothing does.
        """

        def add(run: Run) -> Run:
            tries = (run.__doc__ or "").strip().splitlines()[0].rstrip(".")
            self.attempts.append(
                Attempt(self.title, name, tries, stopped_by, where_shared, works, run)
            )
            return run

        return add


def read(path: str, most: int = 1 << 20) -> bytes:
    """Return what a file begins with; never waits for a pipe."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(handle, most)
    finally:
        os.close(handle)


def unix(path: str, timeout_s: float = 20.0) -> socket.socket:
    """Return a connection to a unix socket; a leading NUL makes it an abstract one."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(timeout_s)
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock


def until_closed(sock: socket.socket, most: int = 1 << 16) -> bytes:
    """Return what comes until the other side ends, or stops talking."""
    got = b""
    try:
        while len(got) < most and (data := sock.recv(65536)):
            got += data
    except TimeoutError:
        pass
    return got
