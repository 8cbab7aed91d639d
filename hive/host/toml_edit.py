"""Adding strings to a list of a TOML text, with all else in it left as somebody wrote it.

What comes out is to be read again and compared: this looks at signs, not at meanings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import attrs

from hive.host.toml_lines import TOKEN

INDENT = "  "


@attrs.frozen
class _List:
    """Where a list stands in a text."""

    opening: int
    closing: int
    filled: int
    """Behind the last thing in it that is no comment."""


@attrs.define
class _Reader:
    """Goes through what stands before the first table, sign by sign."""

    key: str
    found: _List | None = None
    header: int | None = None
    """Where the line of the first table begins."""
    _line: int = 0
    _before: list[str] = attrs.field(factory=list)
    """Of the line at hand, what is no space, up to `=`."""
    _is_value: bool = False
    _depth: int = 0
    _opening: int = -1
    _filled: int = -1

    def take(self, word: str, at: int) -> bool:
        """Take one sign; False when there is nothing more to look for."""
        if word == "\n" and self._depth == 0:
            self._before, self._is_value, self._line = [], False, at + 1
        elif self._is_value:
            self._value(word, at)
        elif word == "=":
            self._is_value = True
        elif word == "[" and not self._before:
            self.header = self._line
            return False
        elif not word.isspace() and not word.startswith("#"):
            self._before.append(word)
        return self.found is None

    def _value(self, word: str, at: int) -> None:
        is_meant = self._before in ([self.key], [f'"{self.key}"'], [f"'{self.key}'"])
        if word in ("[", "{"):
            self._depth += 1
            if self._depth == 1:
                self._opening = at
        elif word in ("]", "}"):
            self._depth -= 1
            if self._depth == 0 and word == "]" and is_meant:
                self.found = _List(self._opening, at, self._filled)
        if not word.isspace() and not word.startswith("#"):
            self._filled = at + len(word)


def add_strings(text: str, key: str, values: Sequence[str]) -> str:
    """Return a text with strings at the end of the list `key`, which is made if need be.

    `key` is a plain word, and stands before every table.
    """
    quoted = [json.dumps(value) for value in values]
    reader = _Reader(key)
    for match in TOKEN.finditer(f"{text}\n"):
        if not reader.take(match[0], match.start()):
            break
    if reader.found is not None:
        return _extended(text, reader.found, quoted)
    line = f"{key} = [{', '.join(quoted)}]"
    end = _newline(text)
    head = text if reader.header is None else text[: reader.header]
    example = re.search(rf"^# *{re.escape(key)} *=.*(?:\n|\Z)", head, re.MULTILINE)
    if example is not None:
        return _with_end(text[: example.end()], end) + line + end + text[example.end() :]
    if reader.header is None:
        return _with_end(text, end) + line + end
    # What is written above a table belongs to it.
    at = reader.header
    while (before := text.rfind("\n", 0, at - 1) + 1) < at and text[before] == "#":
        at = before
    return text[:at] + line + end + end + text[at:]


def _extended(text: str, found: _List, quoted: list[str]) -> str:
    before, rest = text[: found.filled], text[found.filled : found.closing]
    is_empty = before[-1] == "[" and found.filled == found.opening + 1
    needs_comma = not is_empty and before[-1] != ","
    if "\n" not in rest:
        gap = ", " if needs_comma else "" if is_empty else " "
        return before + gap + ", ".join(quoted) + text[found.filled :]
    end = _newline(text)
    line = before.rfind("\n") + 1
    is_first = line <= found.opening
    indent = INDENT if is_first else before[line : len(before) - len(before[line:].lstrip())]
    cut = found.filled + rest.rfind(end)
    added = "".join(f"{end}{indent}{each}," for each in quoted)
    return before + "," * needs_comma + text[found.filled : cut] + added + text[cut:]


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _with_end(text: str, end: str) -> str:
    return text if not text or text.endswith("\n") else text + end
