"""What containers see of the host's /etc: copied once, and mounted as one.

A mount for each file costs bwrap some 0.1 ms, on a host with many mounts more. A copy is kept for
as long as the host's files are the same, which is looked at before every start; what lies in a tree
that every container sees anyway is a link to it. Containers that run keep the copy they have.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import threading  # noqa: TID251 - a lock among the threads that starts run in
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from hive.errors import Unavailable
from hive.host import sandbox

HOST = Path("/etc")
UNUSED_S = 3600.0
"""A copy that no container was started from for so long, and that none has, is removed."""
_Signature = tuple[int, ...]


class EtcTrees:
    """The copies below one directory of the daemon's own."""

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float],
        in_use: Callable[[], Iterable[str]],
        host: Path = HOST,
    ) -> None:
        """`in_use` returns the tables of mounts of the containers that run."""
        self._folder = folder
        self._clock = clock
        self._in_use = in_use
        self._host = host
        self._known: tuple[dict[str, _Signature], str] | None = None
        self._lock = threading.Lock()

    def ready(self, points: Mapping[str, bool]) -> Path:
        """Return a copy of the present state that has these mount points, made if there is none.

        `points` says of each path below /etc whether it is a directory. Blocks for a millisecond,
        or for some ten when it has to be made. Several threads may ask at once, for containers
        that start together: one makes it, the others wait. Raises `Unavailable`.
        """
        try:
            with self._lock:
                return self._ready(points)
        except OSError as error:
            raise Unavailable(
                f"cannot copy {self._host} for containers: {error.filename}: {error.strerror};"
                f" make room at {self._folder}, or give the daemon's user the right to read it"
            ) from error

    def _ready(self, points: Mapping[str, bool]) -> Path:
        said = f"{self._state()} {sorted(points.items())}"
        place = self._folder / hashlib.sha256(said.encode()).hexdigest()[:16]
        if not place.is_dir():
            self._make(place, points)
            self._remove_unused()
        os.utime(place, (self._clock(),) * 2)
        return place

    def _sources(self) -> dict[str, Path]:
        """Return what is there of the host's, links followed, by its name below /etc."""
        named = {name: Path(os.path.realpath(self._host / name)) for name in sandbox.ETC}
        return {name: source for name, source in named.items() if source.exists()}

    def _state(self) -> str:
        """Return a word for the host's files as they are."""
        if self._known is not None:
            seen, word = self._known
            if all(_signature(path) == known for path, known in seen.items()):
                return word
        seen = {path: _signature(path) for path in map(str, self._watched())}
        said = repr([*seen.items(), *self._sources().items()])
        self._known = seen, hashlib.sha256(said.encode()).hexdigest()
        return self._known[1]

    def _watched(self) -> Iterator[Path]:
        """Tell each path by which a change would show; a link is changed by its directory alone."""
        yield from (self._host / name for name in sandbox.ETC)
        waiting = [source for source in self._sources().values() if not sandbox.is_visible(source)]
        while waiting:
            path = waiting.pop()
            yield path
            waiting += _inner(path) if path.is_dir() else ()

    def _make(self, place: Path, points: Mapping[str, bool]) -> None:
        _make_folder(self._folder, 0o711)
        new = place.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        _make_folder(new)
        for name, source in self._sources().items():
            target = new / name
            _make_folder(target.parent)
            if sandbox.is_visible(source):
                target.symlink_to(source)
            else:
                _copy(source, target)
        for name, is_directory in points.items():
            target = new / name
            # Never through a link, to where it would be made on the host.
            if not os.path.lexists(target) and target.parent.resolve().is_relative_to(new):
                _make_folder(target if is_directory else target.parent)
                if not is_directory:
                    target.touch(0o444)
        new.rename(place)

    def _remove_unused(self) -> None:
        since = self._clock() - UNUSED_S
        mounts = list(self._in_use())
        if not all(mounts):
            return  # one that cannot be read may have any of them
        for tree in self._folder.iterdir():
            if tree.stat().st_mtime < since and not any(tree.name in each for each in mounts):
                shutil.rmtree(tree)


def _signature(path: str) -> _Signature:
    try:
        about = Path(path).stat()
    except OSError:
        return ()
    return (about.st_dev, about.st_ino, about.st_mode, about.st_size, about.st_mtime_ns)


def _make_folder(path: Path, mode: int = 0o755) -> None:
    if not path.is_dir():
        path.mkdir(parents=True)
        path.chmod(mode)


def _inner(folder: Path) -> list[Path]:
    """Return what in a directory can change without the directory itself, as a link cannot."""
    if not os.access(folder, os.R_OK | os.X_OK):
        return []
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if not entry.is_symlink())


def _copy(source: Path, target: Path) -> None:
    """Copy files, directories and links, each as readable as it is."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    mode = stat.S_IMODE(source.stat().st_mode)
    if source.is_dir() and os.access(source, os.R_OK | os.X_OK):
        target.mkdir()
        for entry in source.iterdir():
            _copy(entry, target / entry.name)
        target.chmod(mode & 0o755 | 0o700)
    elif source.is_file() and os.access(source, os.R_OK):
        shutil.copyfile(source, target)
        target.chmod(mode & 0o555)
