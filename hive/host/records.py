"""What the daemon keeps of one container: a lock, the run, what the monitor told, the log.

The lock is the truth about life: the process that keeps a container together inherits it and the
kernel lets go of it when that process ends, whatever happened to the daemon. The monitor (bwrap, or
a shell) itself writes the file `status`, before the container's command runs and after it ended, so
nothing needs to be written by a daemon that may be killed in between.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from hive.errors import BadRequest, Unavailable
from hive.wire import codec

LOG_BYTES = 4 * 1024 * 1024
"""A log longer than this is moved aside; one older part is kept."""
_READ_BYTES = 1024 * 1024
_LINE_CHARS = 4096


@attrs.frozen
class Run:
    """One run of a container, written before it is started."""

    kind: str
    """The runtime that started it."""
    boot_id: str
    started_at: float
    """Unix seconds."""
    marker: str
    """An assignment in the environment of everything it starts; empty when it has a namespace."""
    user: int | None = None
    """Whose its processes are; None: the user's who started it, as with every older hive."""


@attrs.frozen
class Told:
    """What the monitor wrote so far."""

    anchor: int | None = None
    """The process that keeps the container together."""
    pid_namespace: int | None = None
    exit_code: int | None = None


@contextmanager
def writing() -> Iterator[None]:
    """Turn what the disk refuses into `Unavailable`: a job fails by that, and goes no further."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"cannot write {error.filename}: {error.strerror}") from error


class Record:
    """The directory of one container's records; only the daemon's user can enter it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock = directory / "lock"
        self.status = directory / "status"
        self.log = directory / "log"
        self._run = directory / "run.json"
        self._swept = directory / "swept"
        self._old_log = directory / "log.1"

    def make(self) -> None:
        """Make the directory; raises `Unavailable`."""
        try:
            self.directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"cannot make {self.directory}: {error.strerror}") from error

    def take_lock(self) -> int | None:
        """Return a descriptor that holds the lock, or None when something else holds it."""
        handle = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.lock.stat().st_ino == os.fstat(handle).st_ino:
                return handle
        except (BlockingIOError, FileNotFoundError):
            pass  # held, or the record was destroyed under us: not ours either way
        os.close(handle)
        return None

    def leave_lock(self) -> None:
        """Leave the lock to whoever holds it; the next run gets a file of its own."""
        self.lock.unlink(missing_ok=True)

    def is_locked(self) -> bool:
        """Whether anything that could be this container is alive, its monitor included."""
        return _is_locked(self.lock) or _is_locked(self.status)

    @writing()
    def begin(self, run: Run) -> None:
        """Forget what was told of the last run and write this one down; raises `Unavailable`."""
        # First: a file system may wait for the disk when a file is written over another.
        self._run.unlink(missing_ok=True)
        # A new file: what a monitor of the last run may still write goes to the old one.
        temporary = self.status.with_suffix(".tmp")
        temporary.write_bytes(b"")
        temporary.replace(self.status)
        self._swept.unlink(missing_ok=True)
        temporary = self._run.with_suffix(".tmp")
        temporary.write_text(json.dumps(attrs.asdict(run)))
        temporary.replace(self._run)

    def open_status(self) -> int:
        """Return a locked descriptor to append to the status, for a monitor to inherit."""
        handle = os.open(self.status, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return handle

    def run(self) -> Run | None:
        """Return the newest run, if there was one."""
        try:
            return codec.from_json(Run, codec.loads(self._run.read_bytes()))
        except (FileNotFoundError, BadRequest):
            # A power cut can leave it empty, and nothing that ran survives one.
            return None

    def is_swept(self) -> bool:
        """Whether nothing of the newest run can be left."""
        return self._swept.exists()

    def note_swept(self) -> None:
        """Write down that everything of the newest run was ended."""
        self._swept.touch()

    def told(self) -> Told:
        """Return what the monitor wrote of the newest run."""
        try:
            lines = self.status.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return Told()
        merged: dict[str, int] = {}
        for line in lines:
            # bwrap writes a line in several pieces; an unfinished one will be whole the next time.
            if line.endswith(b"}\n"):
                merged |= _numbers(line)
        return Told(merged.get("child-pid"), merged.get("pid-namespace"), merged.get("exit-code"))

    @writing()
    def add_line(self, line: str) -> None:
        """Add a line of hive's own to the log; raises `Unavailable`."""
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def log_size(self) -> int:
        """Return the length of the log in bytes."""
        return self.log.stat().st_size if self.log.exists() else 0

    def log_from(self, offset: int) -> str:
        """Return what was printed since the log had that length."""
        with self.log.open("rb") as file:
            file.seek(offset)
            return file.read(_READ_BYTES).decode(errors="replace")

    def trim_log(self) -> None:
        """Move a log that is too long aside; what is printed in that instant is lost.

        On a full disk it stays as it is until there is room: whoever looks whether a container runs
        comes by here, and so does who stops the one that fills the disk.
        """
        if self.log_size() <= LOG_BYTES:
            return
        temporary = self._old_log.with_suffix(".tmp")
        try:
            with self.log.open("rb") as file:
                file.seek(-LOG_BYTES, os.SEEK_END)
                temporary.write_bytes(file.read(LOG_BYTES))
            temporary.replace(self._old_log)
            # Its writers append, so they go on at the new end.
            os.truncate(self.log, 0)
        except OSError:
            temporary.unlink(missing_ok=True)

    def log_lines(self, count: int) -> list[str]:
        """Return the newest lines of the log, oldest first; blocks on the disk."""
        text = b"".join(_tail(part) for part in (self._old_log, self.log))
        lines = text[-_READ_BYTES:].decode(errors="replace").splitlines()
        return [line[:_LINE_CHARS] for line in lines[-count:]] if count > 0 else []

    @writing()
    def remove(self) -> None:
        """Remove everything; blocks on the disk. Raises `Unavailable`."""
        shutil.rmtree(self.directory)


def _numbers(line: bytes) -> dict[str, int]:
    """Return the numbers that a line of the status tells; a damaged one tells none."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    found = told.items() if isinstance(told, dict) else ()
    return {key: value for key, value in found if type(value) is int}


def _is_locked(file: Path) -> bool:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _tail(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, os.fstat(opened.fileno()).st_size - _READ_BYTES))
            return opened.read(_READ_BYTES)
    except FileNotFoundError:
        return b""
