"""A view of the host in which other users reach what the daemon gives them, seen by no one else.

An agent's user cannot walk through root's home to what its sandbox is made from. So one thread
lives in a mount namespace of its own, where the directories in question are also mounted on a place
that everybody reaches, and starts the sandboxes; the daemon and the host never see it. A mount
namespace belongs to a thread, hence none of this touches the rest of the daemon.
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from hive.errors import Unavailable

T = TypeVar("T")
PLACES = (Path("/run/hyperhive-mounts"), Path("/tmp/hyperhive-mounts"))
"""An empty directory that is mounted on; it is left there, for every hive of this host."""
_NEW_NAMESPACE = 0x00020000
_NOSUID, _NODEV, _BIND, _RECURSIVE, _SLAVE, _DETACH = 2, 4, 4096, 16384, 1 << 19, 2
_SMALL = "mode=0711,size=256k"


class PrivateMounts:
    """The thread and what it has mounted; made at the first call, gone with this object."""

    def __init__(self, tops: Sequence[Path]) -> None:
        """`tops` are directories of which much is mounted; each is shown as a whole."""
        self._tops = tuple(Path(os.path.realpath(top)) for top in tops)
        self._thread = ThreadPoolExecutor(1, "mounts")
        self._place: Path | None = None
        self._shown: dict[Path, Path] = {}

    def seen(self, sources: Sequence[Path]) -> list[Path]:
        """Return the paths by which other users reach these, for programs started by `start`.

        What is not there is returned as it is. Raises `Unavailable`.
        """
        return self._do(lambda: [self._seen(source) for source in sources])

    def start(
        self,
        argv: Sequence[str],
        **options: Any,  # noqa: ANN401 - as Popen has them
    ) -> subprocess.Popen[bytes]:
        """Start a program that has this view; raises as `subprocess.Popen` does."""
        return self._do(lambda: subprocess.Popen(argv, **options))

    def _do(self, work: Callable[[], T]) -> T:
        """Let the thread do something that takes a millisecond at most, and wait for it."""
        return self._thread.submit(self._work, work).result()

    # In the thread:

    def _work(self, work: Callable[[], T]) -> T:
        if self._place is None:
            self._place = _enter()
        return work()

    def _seen(self, source: Path) -> Path:
        real = Path(os.path.realpath(source))
        for top in self._tops:
            if real.is_relative_to(top):
                return self._show(top) / real.relative_to(top)
        return real if is_reachable(real) else self._show(real)

    def _show(self, source: Path) -> Path:
        """Mount something where everybody reaches it; anew where another has taken its place."""
        try:
            about = source.stat()
        except FileNotFoundError:
            return source
        assert self._place is not None
        place = self._shown.get(source)
        try:
            if place is not None:
                if os.path.samestat(about, place.stat()):
                    return place
                _unmount(place)
            else:
                place = self._place / str(len(self._shown))
                place.touch(0o644) if source.is_file() else place.mkdir(0o711)
            _mount(str(source), place, None, _BIND | _RECURSIVE)
        except OSError as error:
            raise Unavailable(
                f"cannot show {source} to the users of agents: {error.strerror}"
            ) from error
        self._shown[source] = place
        return place


def is_reachable(path: Path) -> bool:
    """Whether every user gets as far as what that path names; false for what is not there."""
    try:
        return all(above.stat().st_mode & 0o001 for above in path.parents)
    except OSError:
        return False


def _enter() -> Path:
    """Give this thread a mount namespace with a small place of its own, and return that."""
    try:
        _check(_libc().unshare(_NEW_NAMESPACE))
        # What the host mounts from now on still comes in, and nothing goes out.
        _mount(None, Path("/"), None, _RECURSIVE | _SLAVE)
        place = _make_place()
        _mount("hive", place, "tmpfs", _NOSUID | _NODEV, _SMALL)
    except OSError as error:
        raise Unavailable(
            f"cannot make a mount namespace for the users of agents: {error.strerror}"
        ) from error
    return place


def _make_place() -> Path:
    failed: OSError | None = None
    for place in PLACES:
        try:
            place.mkdir(0o755, exist_ok=True)
            about = place.lstat()
        except OSError as error:
            failed = error
            continue
        if about.st_uid == 0 and not place.is_symlink() and is_reachable(place):
            return place
    raise failed or PermissionError(errno.EPERM, "no place for it belongs to root")


def _mount(
    source: str | None, target: Path, kind: str | None, flags: int, data: str | None = None
) -> None:
    words = (source, str(target), kind)
    encoded = [None if word is None else os.fsencode(word) for word in words]
    _check(_libc().mount(*encoded, flags, None if data is None else data.encode()))


def _unmount(target: Path) -> None:
    _check(_libc().umount2(os.fsencode(target), _DETACH))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
