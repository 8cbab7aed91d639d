"""Who may open the operator's socket: the daemon's user, and the members of one group.

The socket and the directory it is in are given to that group; nothing else of the hive is. Blocks:
call it in a thread.
"""

from __future__ import annotations

import grp
import os
from pathlib import Path

from hive.errors import BadRequest, Unavailable
from hive.paths import Paths

RUN_MODE = 0o750


def find(name: str | None) -> int | None:
    """Return the number of the group; None for none. Raises `BadRequest` when there is no such."""
    if name is None:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise BadRequest(
            f"operator_group: there is no group {name!r} on this host: make it with"
            f" `groupadd {name}`, or name another"
        ) from error


def open_way(paths: Paths, gid: int | None) -> None:
    """Let the group come as far as the socket; without one, nobody but the daemon's own.

    Raises `Unavailable` when the daemon may not give it to that group.
    """
    group = os.getegid() if gid is None else gid
    _give(paths.run, group)
    paths.run.chmod(RUN_MODE)


def _give(path: Path, gid: int) -> None:
    if path.stat().st_gid == gid:
        return
    try:
        os.chown(path, -1, gid)
    except OSError as error:
        raise Unavailable(
            f"operator_group: {path} cannot be given to group {gid} ({error.strerror}): add the"
            " daemon's user to that group and restart it"
        ) from error
