"""A unified diff of git, read line by line: which line of which file each one is.

Pure. The page reads the same text by the same rules (`assets/dashboard/diff_text.js`); a comment
counts only where both agree. What a file says always has a sign before it, and a hunk holds as many
lines as its head says, so nothing in a file can begin another file or hunk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from hive.wire.reviews import NEW, OLD

_FILE = "diff --git "
_HUNK = re.compile(r"@@ -([0-9]+)(?:,([0-9]+))? \+([0-9]+)(?:,([0-9]+))? @@")
_ESCAPED = re.compile(r'\\(["\\])')


@attrs.frozen
class DiffLine:
    """One line of a file as a diff shows it; of a context line there are two."""

    path: str
    side: str
    line: int
    """Counted from 1."""
    text: str
    is_changed: bool


def lines_of(text: str) -> Iterator[DiffLine]:
    """Return every line of every file in a diff, in its order; the end may be cut off."""
    path = ""
    old = new = old_left = new_left = 0
    for line in text.split("\n"):
        if old_left > 0 or new_left > 0:
            sign, said = line[:1], line[1:]
            is_changed = sign in {"+", "-"}
            if sign in {"-", " "}:
                yield DiffLine(path, OLD, old, said, is_changed)
                old, old_left = old + 1, old_left - 1
            if sign in {"+", " "}:
                yield DiffLine(path, NEW, new, said, is_changed)
                new, new_left = new + 1, new_left - 1
        elif line.startswith(_FILE):
            path = path_of(line)
        elif found := _HUNK.match(line):
            old, new = int(found[1]), int(found[3])
            old_left, new_left = int(found[2] or 1), int(found[4] or 1)


def path_of(line: str) -> str:
    """Return the path in a line that begins a file.

    Both halves are the same, as nothing is shown as renamed: no place in between is looked for,
    because a path may hold whatever would stand there.
    """
    rest = line.removeprefix(_FILE)
    half = rest[(len(rest) + 1) // 2 :]
    if half.startswith("b/"):
        return half[2:]
    return _ESCAPED.sub(r"\1", half[3:-1]) if half.startswith('"b/') else rest
