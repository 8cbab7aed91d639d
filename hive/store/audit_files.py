"""The files of the audit log: appended to by one writer, read by anybody who may.

`STATE/audit/<number of its first line>.jsonl`, one behind the other; nothing is ever written anew.
A line whose writing was broken off is the last one, was promised to nobody, and is taken away at
the next start. Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from hive.errors import Unavailable
from hive.store import audit_chain
from hive.store.audit_chain import Checker, Link
from hive.wire.audit import AuditEntry, AuditHead, AuditReport, AuditRow

SEGMENT_BYTES = 4 * 1024 * 1024
"""A file that is longer is not appended to any more."""
_CHUNK = 256 * 1024
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
NEWEST = 200
_NAME = re.compile(r"([0-9]{12})\.jsonl")


@attrs.frozen
class Opened:
    """What was found at the start."""

    head: AuditHead
    """What the next line is to follow."""
    mended: str | None = None
    """What was taken away of a line that was never finished."""
    broken: str | None = None
    """Why the log does not end as it was left, if it does not."""


class AuditFiles:
    """The writer's side; one daemon holds it."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Nothing is touched before `open`."""
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._handle = -1
        self._size = 0
        self._head = audit_chain.START
        self._is_torn = False
        self.newest: deque[Link] = deque(maxlen=NEWEST)
        """The last lines, for who looks."""

    @property
    def head(self) -> AuditHead:
        """The last line that is on disk."""
        return self._head

    def open(self, anchor: AuditHead | None) -> Opened:
        """Find the end, mend a torn line, and be ready to append; raises `Unavailable`.

        `anchor` is the head as it is known elsewhere: a log that ends before it was cut.
        """
        try:
            return self._open(anchor or audit_chain.START)
        except OSError as error:
            raise self._failed(error) from error

    def append(self, entries: Sequence[AuditEntry]) -> list[Link]:
        """Write entries as one and return their lines once they are on disk.

        Raises `Unavailable` with none of them in the log.
        """
        links: list[Link] = []
        head = self._head
        for entry in entries:
            links.append(audit_chain.make(entry, head))
            head = links[-1].head
        try:
            self._repair()
            if self._handle < 0 or self._size >= self._segment_bytes:
                self._begin_segment(head=self._head)
            self._write(b"".join(link.data + b"\n" for link in links))
        except OSError as error:
            raise self._failed(error) from error
        self._head = head
        self.newest.extend(links)
        return links

    def close(self) -> None:
        """Let go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _open(self, anchor: AuditHead) -> Opened:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        segments = list_segments(self._folder)
        good = 0
        for path in reversed(segments):
            # The end of the last good line; in the files before it only lines are looked for.
            found = self._take_newest(path)
            good = found if path == segments[-1] else good
            if self.newest:
                break
        mended = None
        if segments:
            self._handle = os.open(segments[-1], _FLAGS)
            self._size = os.fstat(self._handle).st_size
            mended = self._mend(segments[-1], good, anchor)
        broken = self._find_end(anchor)
        return Opened(self._head, mended, broken)

    def _take_newest(self, path: Path) -> int:
        """Take the good lines of a file; returns where the last of them ends."""
        at = good = 0
        for line in _lines(path):
            at += len(line)
            link = audit_chain.read(line[:-1]) if line.endswith(b"\n") else None
            if link is not None:
                self.newest.append(link)
                good = at
        return good

    def _mend(self, path: Path, good: int, anchor: AuditHead) -> str | None:
        """Take away what stands behind the last good line when it was promised to nobody."""
        torn = self._size - good
        last = self.newest[-1].n if self.newest else 0
        # What was known to be there and is not any more is no accident, and stays as it is found.
        if torn == 0 or anchor.n > last:
            return None
        with path.open("rb") as file:
            file.seek(good)
            digest = hashlib.sha256(file.read()).hexdigest()
        os.ftruncate(self._handle, good)
        os.fsync(self._handle)
        self._size = good
        return f"{torn} bytes of a line that was never finished (sha256 {digest[:16]}...)"

    def _find_end(self, anchor: AuditHead) -> str | None:
        """Set what the next line follows; returns what is wrong with the end, if anything."""
        last = self.newest[-1].head if self.newest else audit_chain.START
        self._head = last
        known = next((link for link in self.newest if link.n == anchor.n), None)
        if last.n < anchor.n:
            # Numbers are never given twice: whoever reads on sees the gap.
            self._head = anchor
            self.close()
            return f"it ended with line {last.n}, and line {anchor.n} had been written"
        if known is not None and known.hash != anchor.hash:
            return f"line {anchor.n} is not the one that had been written"
        return None

    def _begin_segment(self, head: AuditHead) -> None:
        self.close()
        path = self._folder / f"{head.n + 1:012d}.jsonl"
        self._handle = os.open(path, _FLAGS | os.O_CREAT, 0o600)
        self._size = os.fstat(self._handle).st_size
        if self._size:
            # Somebody put a file there: what it ends with is not to be part of our line.
            self._write(b"\n")
        directory = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _write(self, data: bytes) -> None:
        self._is_torn = True
        left = memoryview(data)
        while left:
            left = left[os.write(self._handle, left) :]
        os.fdatasync(self._handle)
        self._is_torn = False
        self._size += len(data)

    def _repair(self) -> None:
        """Take away what an earlier failure left half written."""
        if self._is_torn and self._handle >= 0:
            os.ftruncate(self._handle, self._size)
            os.fsync(self._handle)
        self._is_torn = False

    def _failed(self, error: OSError) -> Unavailable:
        return Unavailable(
            f"the audit log in {self._folder} cannot be written ({error.strerror}): mend that, then"
            " try again; nothing is done that cannot be recorded"
        )


def list_segments(folder: Path) -> list[Path]:
    """Return the files of a log in their order; raises `OSError`."""
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def verify(folder: Path, anchors: Sequence[tuple[AuditHead, str]] = ()) -> AuditReport:
    """Check every line; `anchors` are heads that are known, each with who knows it.

    Raises `Unavailable` when the files cannot be read.
    """
    checker = Checker()
    for head, known_by in anchors:
        checker.expect(head, known_by)
    torn = None
    try:
        segments = list_segments(folder) if folder.exists() else []
        for path in segments:
            if int(path.name[:12]) != checker.last.n + 1:
                checker.tell(f"{path.name} does not begin with line {checker.last.n + 1}")
            for line in _lines(path):
                if line.endswith(b"\n"):
                    checker.feed(line[:-1], path.name)
                elif path == segments[-1]:
                    torn = f"{path.name} ends in {len(line)} bytes of a line that is not finished"
                else:
                    checker.tell(f"{path.name} was cut in the middle of a line")
    except OSError as error:
        raise _unreadable(folder, error) from error
    return checker.report((f"{torn}: the daemon's next start takes them away",) if torn else ())


def export(
    folder: Path,
    *,
    since: float | None = None,
    until: float | None = None,
    agent: str | None = None,
    after: int = 0,
) -> Iterator[tuple[AuditRow, bytes]]:
    """Yield the wanted lines behind number `after`, each as it is shown and as it is written.

    Raises `BadRequest` at a line that was damaged, `Unavailable` when a file cannot be read.
    """
    try:
        segments = list_segments(folder) if folder.exists() else []
        for number, path in enumerate(segments):
            following = segments[number + 1 : number + 2]
            if following and int(following[0].name[:12]) <= after + 1:
                continue
            for line in _lines(path):
                if not line.endswith(b"\n"):
                    break
                row = audit_chain.parse(line[:-1], path.name)
                if row.n > after and audit_chain.wanted(
                    row.entry, since=since, until=until, agent=agent
                ):
                    yield row, line[:-1]
    except OSError as error:
        raise _unreadable(folder, error) from error


def _lines(path: Path) -> Iterator[bytes]:
    """Yield lines with their newlines; what others put there is not held whole."""
    rest = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            pieces = (rest + chunk).split(b"\n")
            rest = pieces.pop()
            for piece in pieces:
                yield piece + b"\n"
            if len(rest) > SEGMENT_BYTES:
                yield rest
                rest = b""
    if rest:
        yield rest


def _unreadable(folder: Path, error: OSError) -> Unavailable:
    where = error.filename or folder
    return Unavailable(f"the audit log at {where} cannot be read: {error.strerror}")
