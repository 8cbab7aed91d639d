"""Run a program as an ordinary user from a process of root's, in the same process.

    python run_as_user.py USER PLACE... -- PROGRAM WORD...

Root's home, and whatever else an ordinary user cannot walk through, shows that user the PLACEs in
it and nothing more, in a mount namespace of the program's own.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_NEW_NAMESPACE = 0x00020000
_BIND, _RECURSIVE, _SLAVE = 4096, 16384, 1 << 19


def main(words: list[str]) -> None:
    """Become the user and then the program; does not return."""
    at = words.index("--")
    user, places, command = int(words[0]), words[1:at], words[at + 1 :]
    _check(ctypes.CDLL(None, use_errno=True).unshare(_NEW_NAMESPACE))
    _mount(None, "/", None, _RECURSIVE | _SLAVE)
    _show([Path(place).absolute() for place in places])
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    # Who changed its user is not to be looked at by it, until it runs something else.
    os.execv(command[0], command)


def _show(places: list[Path]) -> None:
    """Cover each directory that others cannot walk through, with the places below it on top."""
    closed = {top for place in places for top in (_closed(place),) if top is not None}
    for top in closed:
        below = [each for each in places if each.is_relative_to(top)]
        held = {each: os.open(each, os.O_PATH) for each in below}
        _mount("shown", str(top), "tmpfs", 0, "mode=0755")
        for place, handle in held.items():
            place.mkdir(parents=True, exist_ok=True)
            _mount(f"/proc/self/fd/{handle}", str(place), None, _BIND | _RECURSIVE)
            os.close(handle)


def _closed(place: Path) -> Path | None:
    """Return the topmost directory on the way to a place that is closed to others."""
    for above in reversed(place.parents):
        if not above.stat().st_mode & 0o001:
            return above
    return None


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str | None = None
) -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    mount = ctypes.CDLL(None, use_errno=True).mount
    _check(mount(*words, flags, None if data is None else data.encode()))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(sys.argv[1:])
