"""What a job of the build queue said: a file per job, bounded, with lines that are safe to show."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

LOG_BYTES = 1024 * 1024
"""A log that grows beyond this is cut to the newer half of it."""
LINE_CHARS = 2000
KEEP_LOGS = 200

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> list[str]:
    """Return what a program said as lines without anything a terminal would act upon."""
    lines = re.split(r"\r\n|\r|\n", _ESCAPES.sub("", text))
    if lines and not lines[-1]:
        lines.pop()
    return [_CONTROLS.sub("", line)[:LINE_CHARS] for line in lines]


class JobLog:
    """The log of one job while it runs; every method that names the file blocks."""

    def __init__(self, path: Path, *, is_new: bool = True) -> None:
        """Begin the file at `path`, or go on with it; older jobs' files go when they are many."""
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_new:
            path.unlink(missing_ok=True)
            _prune(path.parent)
        self.count = len(read(path))
        """How many lines were written, those that were cut off included."""
        self._cut = 0

    def write(self, lines: Sequence[str]) -> int:
        """Append lines to the file; return how many there were before them."""
        before = self.count
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
            size = file.tell()
        self.count += len(lines)
        if size > LOG_BYTES:
            self._halve()
        return before

    def read(self, after: int = 0) -> list[str]:
        """Return the lines behind the first `after` that are not cut off."""
        return read(self._path)[max(after - self._cut, 0) :]

    def _halve(self) -> None:
        with self._path.open("rb") as file:
            file.seek(-LOG_BYTES // 2, os.SEEK_END)
            kept = file.read().split(b"\n", 1)[-1]
        left = kept.count(b"\n")
        # The line that says so stands for the last of those that were cut off.
        self._cut = self.count - left - 1
        new = self._path.with_name(self._path.name + ".new")
        new.write_bytes(b"(%d earlier lines were left out)\n" % (self._cut + 1) + kept)
        new.replace(self._path)


def read(path: Path) -> list[str]:
    """Return the lines of a job's log, none when there is no such file; blocks."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return text.split("\n")[:-1]


def _prune(directory: Path) -> None:
    """Make room for one more."""
    logs = [path for path in directory.glob("*.log") if path.stem.isdecimal()]
    logs.sort(key=lambda path: int(path.stem))
    for path in logs[: max(len(logs) + 1 - KEEP_LOGS, 0)]:
        path.unlink(missing_ok=True)
