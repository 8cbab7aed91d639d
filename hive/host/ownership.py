"""Giving whole directories to a user, whatever was put into them.

What is given may hold links, also hard links to what is elsewhere, and be nested deeper than any
path or stack: nothing here follows what it finds, and what has another name outside is copied
instead of given. Everything here blocks.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

from hive.errors import Unavailable

GIVE_S = 600.0
"""A directory that takes longer is given on by the next start."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_Id = tuple[int, int]
_Visit = Callable[[int, str, os.stat_result], None]
"""Takes the directory, the name in it and what is known of it."""


def give(folder: int, user: int, mode: int) -> None:
    """Make a directory and all that is in it belong to a user and the group of the same number.

    `folder` is a descriptor that can be read. The directory itself comes last, with its mode, so
    that one that belongs to the user is known to be done. Raises `Unavailable`, `OSError`.
    """
    about = os.fstat(folder)
    if (about.st_uid, about.st_gid) == (user, user):
        return
    _Gift(folder, user).run()
    os.fchown(folder, user, user)
    os.fchmod(folder, mode)


def open_up(folder: Path) -> None:
    """Let everybody read what is in a directory of the daemon's own, who can get as far as that.

    The directory itself comes last, so that one that is open is known to be done. Raises `OSError`.
    """
    if folder.stat().st_mode & stat.S_IXOTH:
        return
    for at, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(at, name)
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode):
                path.chmod(stat.S_IMODE(mode) | (mode & 0o500) >> 6 | (mode & 0o500) >> 3)
    folder.chmod(0o755)


class _Gift:
    """One directory that is given away."""

    def __init__(self, folder: int, user: int) -> None:
        self._folder = folder
        self._user = user
        self._until = time.monotonic() + GIVE_S
        self._left: dict[_Id, int] = {}
        """How many names of a file with several were not found yet."""

    def run(self) -> None:
        self._walk(self._first)
        if self._left:
            self._walk(self._linked)

    def _first(self, folder: int, name: str, about: os.stat_result) -> None:
        if about.st_nlink > 1:
            here = _id(about)
            self._left[here] = self._left.get(here, about.st_nlink) - 1
        else:
            self._give(folder, name)

    def _linked(self, folder: int, name: str, about: os.stat_result) -> None:
        left = self._left.get(_id(about))
        if left is None:
            return
        if left <= 0:
            self._give(folder, name)
        elif stat.S_ISREG(about.st_mode):
            self._copy(folder, name, about)

    def _give(self, folder: int, name: str) -> None:
        os.chown(name, self._user, self._user, dir_fd=folder, follow_symlinks=False)

    def _copy(self, folder: int, name: str, about: os.stat_result) -> None:
        """Put a file of its own in the place of one that is also somewhere else."""
        new = f".hive-{secrets.token_hex(8)}"
        with os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as source:
            if _id(os.fstat(source.fileno())) != _id(about):
                return
            with os.fdopen(os.open(new, _NEW, 0o600, dir_fd=folder), "wb") as target:
                shutil.copyfileobj(source, target)
                os.fchown(target.fileno(), self._user, self._user)
                os.fchmod(target.fileno(), about.st_mode & 0o777)
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)

    def _walk(self, visit: _Visit) -> None:
        """Visit everything but directories, and give those; with one descriptor at any depth."""
        device = os.fstat(self._folder).st_dev
        here = os.dup(self._folder)
        above: list[tuple[_Id, list[str]]] = []
        names = os.listdir(here)  # noqa: PTH208 - of a descriptor
        try:
            while names or above:
                if time.monotonic() > self._until:
                    raise Unavailable(
                        "it holds too much to be given at once: start the agent again"
                    )
                if not names:
                    known, names = above.pop()
                    here = _replace(here, os.open("..", _FOLDER, dir_fd=here))
                    if _id(os.fstat(here)) != known:
                        raise Unavailable(
                            "a directory was moved while it was given: start it again"
                        )
                    continue
                name = names.pop()
                try:
                    about = os.stat(name, dir_fd=here, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if not stat.S_ISDIR(about.st_mode):
                    visit(here, name, about)
                elif about.st_dev == device:
                    # What is mounted there by somebody else is no part of it.
                    above.append((_id(os.fstat(here)), names))
                    here = _replace(here, os.open(name, _FOLDER, dir_fd=here))
                    os.fchown(here, self._user, self._user)
                    names = os.listdir(here)  # noqa: PTH208 - as above
        finally:
            os.close(here)


def _id(about: os.stat_result) -> _Id:
    return about.st_dev, about.st_ino


def _replace(old: int, new: int) -> int:
    os.close(old)
    return new
