"""Seeing that what was meant to be mounted is what is mounted, wherever a manager can swap it.

The manager may write above what other agents' containers are mounted from. What is to be mounted is
held open before a start, and compared with what stands in the container after it.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from hive.errors import Unavailable
from hive.host import folders
from hive.host.runtime import Bind

Held = dict[Path, tuple[str, int]]
"""Target and descriptor by source."""


def hold(stack: ExitStack, agents: Path, binds: tuple[Bind, ...]) -> Held:
    """Hold what is bound from below the agents' directory until the stack is left.

    Raises `Unavailable` for what is reached through a link.
    """
    held: Held = {}
    for bind in binds:
        if bind.source != agents and bind.source.is_relative_to(agents):
            try:
                handle = folders.pin(agents, bind.source.relative_to(agents).parts)
            except OSError as error:
                raise Unavailable(f"cannot open {bind.source}: {error.strerror}") from error
            stack.callback(os.close, handle)
            held[bind.source] = (bind.target, handle)
    return held


def strange(process: int, meant: Held) -> list[Path]:
    """Return the sources of which something else is mounted where that process looks.

    None for a process that has ended: nothing is mounted there any more.
    """
    found = [
        source
        for source, (target, handle) in meant.items()
        if not _is_mounted(Path(f"/proc/{process}/root{target}"), handle)
    ]
    # Asked last: while it ends, the places are still there and what was mounted on them is gone.
    return found if found and _has_mounts(process) else []


def _has_mounts(process: int) -> bool:
    try:
        Path(f"/proc/{process}/ns/mnt").readlink()
    except FileNotFoundError:
        return False
    return True


def _is_mounted(place: Path, handle: int) -> bool:
    try:
        return os.path.samestat(place.stat(), os.fstat(handle))
    except FileNotFoundError:
        return True
