"""Looking at and removing whole directories that an agent filled, however it filled them.

An agent can nest directories deeper than any path or stack, take its own rights from them, and
leave links; so nothing here recurses, builds a long path, or follows what it finds.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from pathlib import Path

import attrs

ENTRIES_MAX = 100_000
"""A measure looks at no more, so that it ends."""
REMOVE_S = 300.0
"""A removal ends then, whoever goes on filling what it empties."""
_PINNED = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@attrs.frozen
class Measure:
    """What was found in a directory, up to `ENTRIES_MAX` entries."""

    size: int
    """Bytes of its files."""
    newest: float
    """Unix seconds of the last change of a file, or 0."""
    looked_at: int = 0
    """How many entries that took."""


def measure(path: Path, most: int | None = None) -> Measure:
    """Return how much is in a directory; what vanishes or cannot be read counts as nothing.

    What is there beyond `most` entries, `ENTRIES_MAX` without it, is left out.
    """
    most = ENTRIES_MAX if most is None else most
    size, newest, left = 0, 0.0, most
    waiting = [os.fspath(path)]
    while waiting and left > 0:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        break
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                        continue
                    status = entry.stat(follow_symlinks=False)
                    size += status.st_size
                    # Its owner may set the one to any time, and the other to none.
                    newest = max(newest, min(status.st_mtime, status.st_ctime))
        except OSError:
            continue
    return Measure(size, newest, most - max(left, 0))


def remove(path: Path) -> None:
    """Remove a directory and everything in it; one that is not there is no error.

    What is nested is moved up until nothing is nested. Raises `OSError`, also for a link, and when
    it is not over within `REMOVE_S`.
    """
    until = time.monotonic() + REMOVE_S
    try:
        root = _open(os.fspath(path), None)
    except FileNotFoundError:
        return
    try:
        while names := os.listdir(root):  # noqa: PTH208 - of a descriptor
            for name in names:
                if not _unlink(name, root):
                    _flatten(name, root)
                if time.monotonic() > until:
                    raise OSError(errno.EBUSY, "somebody keeps writing to it", str(path))
    finally:
        os.close(root)
    path.rmdir()


def _flatten(name: str, root: int) -> None:
    """Remove a directory of `root`; those in it become directories of `root`."""
    folder = _open(name, root)
    try:
        for inner in os.listdir(folder):  # noqa: PTH208 - as above
            if not _unlink(inner, folder):
                # Moving a directory takes the right to write in it.
                os.close(_open(inner, folder))
                new = secrets.token_hex(8)
                os.rename(inner, new, src_dir_fd=folder, dst_dir_fd=root)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=root)


def _unlink(name: str, folder: int) -> bool:
    """Remove what is not a directory; False for one."""
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        return False
    return True


def _open(name: str, folder: int | None) -> int:
    """Open a directory to be emptied, after giving its owner all rights to it."""
    pinned = os.open(name, _PINNED, dir_fd=folder)
    try:
        here = Path(f"/proc/self/fd/{pinned}")
        here.chmod(0o700)
        return os.open(here, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(pinned)
