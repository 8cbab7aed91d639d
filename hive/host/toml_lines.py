"""On which line of a TOML text a key stands, for whoever has to mend it there.

The text is one that tomllib has read. Lines of strings, arrays and inline tables that go on over
several are passed over: what stands in them is no key, whatever it looks like.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|[A-Za-z0-9_-]+"
    r"|\#[^\n]*"
    r"|.",
    re.DOTALL,
)
_OPENING, _CLOSING = "[{", "]}"


def find(text: str, keys: tuple[str, ...]) -> int:
    """Return the line of the deepest of these keys that has one; 0 when none has."""
    known = list(_keys(text))
    for depth in range(len(keys), 0, -1):
        for path, number in known:
            if path[:depth] == keys[:depth]:
                return number
    return 0


def _keys(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the whole path of every table and of every key outside of inline tables."""
    table: tuple[str, ...] = ()
    parts: list[str] = []
    number, depth = 1, 0
    is_header = is_value = False
    for word in TOKEN.findall(f"{text}\n"):
        if word == "\n" and not (is_value and depth):
            if is_header:
                table = tuple(parts)
                yield table, number
            parts, is_header, is_value = [], False, False
        elif is_value:
            depth += (word in _OPENING) - (word in _CLOSING)
        elif word == "=":
            yield (*table, *parts), number
            is_value, depth = True, 0
        elif word == "[":
            is_header = True
        elif word[0] in "\"'":
            parts.append(tomllib.loads(f"word = {word}")["word"])
        elif re.fullmatch("[A-Za-z0-9_-]+", word):
            parts.append(word)
        number += word.count("\n")
