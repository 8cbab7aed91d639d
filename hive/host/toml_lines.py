"""On which line of a TOML text a key stands, for whoever has to mend it there.

The text is one that tomllib has read. Lines of strings, arrays and inline tables that go on over
several are passed over: what stands in them is no key, whatever it looks like.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
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
    """Yield the whole path of every table and of every key outside of inline tables.

    One of several tables of a name is there twice: by the name alone, and by its number behind it,
    the first being 1.
    """
    tables: tuple[tuple[str, ...], ...] = ((),)
    parts: list[str] = []
    several: Counter[tuple[str, ...]] = Counter()
    number, depth, brackets = 1, 0, 0
    is_value = False
    for word in TOKEN.findall(f"{text}\n"):
        if word == "\n" and not (is_value and depth):
            if brackets:
                table = tuple(parts)
                several[table] += 1
                tables = ((*table, str(several[table])), table)[2 - brackets :]
                yield from ((each, number) for each in tables)
            parts, brackets, is_value = [], 0, False
        elif is_value:
            depth += (word in _OPENING) - (word in _CLOSING)
        elif word == "=":
            yield from (((*each, *parts), number) for each in tables)
            is_value, depth = True, 0
        elif word == "[":
            brackets += 1
        elif word[0] in "\"'":
            parts.append(tomllib.loads(f"word = {word}")["word"])
        elif re.fullmatch("[A-Za-z0-9_-]+", word):
            parts.append(word)
        number += word.count("\n")
