"""The way to an agent's harness: the sockets it serves, and why nobody may be there.

A socket lies in a directory of the agent's, so what answers is taken for hostile by whoever uses
this; here it is only made sure that it is that agent's, and no other socket.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from hive import lines
from hive.core.hive import Hive
from hive.core.transients import DESTROYING, STOPPING
from hive.errors import HiveError, Unavailable
from hive.wire.names import AgentName

CONNECT_S = 2.0


class ComingUp(Unavailable):
    """The agent is being started, or its harness does not listen yet."""

    code = "coming_up"


class Stopped(Unavailable):
    """The agent does not run and nobody is starting it."""

    code = "stopped"


async def connect(hive: Hive, name: AgentName, path: Path | None = None) -> trio.SocketStream:
    """Connect to a harness, to its page or to another socket of its at `path`.

    Raises `ComingUp` or `Stopped` when none listens.
    """
    path = path or hive.paths.web_socket(name)
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    is_done = False
    try:
        with trio.fail_after(CONNECT_S), _pinned(path) as pinned:
            await sock.connect(pinned)
        # An agent can move one of these there; and we are more than it is, to ourselves.
        if lines.is_daemons(sock.getpeername()):
            raise FileNotFoundError(errno.ENOENT, "a socket of the daemon's", str(path))
        is_done = True
    except (OSError, trio.TooSlowError) as error:
        raise _absence(hive, name) from error
    finally:
        if not is_done:
            sock.close()
    return trio.SocketStream(sock)


def _absence(hive: Hive, name: AgentName) -> HiveError:
    """Return why no harness listens; a page tells the two apart by their codes."""
    row = hive.view.row(name)
    transient = hive.transients.get(name)
    is_ending = transient is not None and transient.kind in {STOPPING, DESTROYING}
    is_coming = row is None or row.running or transient is not None
    if is_coming and not is_ending:
        return ComingUp(f"{name} is coming up: try again in a moment")
    return Stopped(f"{name} is not running: start it")


@contextmanager
def _pinned(path: Path) -> Iterator[str]:
    """Hold the socket that is at `path` now and give an address of just that one.

    The folder belongs to the agent, who could put a link to another socket there. Raises `OSError`.
    """
    handle = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(handle).st_mode):
            raise FileNotFoundError(errno.ENOENT, "not a socket", os.fspath(path))
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def no_screen(name: AgentName) -> str:
    """Return the sentence for an agent that has no screen."""
    return f"{name} has no screen: give it one by [screen] in its agent.toml"
