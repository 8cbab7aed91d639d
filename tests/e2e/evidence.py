"""What a hive leaves behind that says why a test failed: logs, histories, and the model's calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from tests.fakes.messages_api import Request

NEWEST = 60
"""Lines of a log, frames of an agent."""
LINE_CHARACTERS = 400


def of(root: Path, requests: list[Request]) -> str:
    """Return what is below a hive's directory, and what its model was asked."""
    parts = [f"the model was asked {len(requests)} times, the last time:"]
    parts += [f"  {_cut(str(each))}" for each in requests[-1]["messages"][-6:]] if requests else []
    for where, read in _READ.items():
        for file in sorted(root.glob(where)):
            parts += [f"{file.relative_to(root)}:", *read(file)]
    return "\n".join(parts)


def _lines(log: Path) -> Iterator[str]:
    try:
        text = log.read_text(errors="replace")
    except OSError as error:
        text = f"cannot be read: {error}"
    for line in text.splitlines()[-NEWEST:]:
        yield f"  {_cut(line)}"


def _frames(history: Path) -> Iterator[str]:
    query = "SELECT ts, payload_json FROM events ORDER BY seq DESC LIMIT ?"
    try:
        with closing(sqlite3.connect(f"file:{history}?mode=ro", uri=True)) as database:
            rows = database.execute(query, (NEWEST,)).fetchall()
    except sqlite3.Error as error:
        rows = [(0.0, f"cannot be read: {error}")]
    for at, payload in reversed(rows):
        yield f"  {at:.3f} {_cut(payload)}"


_READ: dict[str, Callable[[Path], Iterator[str]]] = {
    "daemon.log": _lines,
    "state/containers/*/log": _lines,
    "state/agents/*/state/hyperhive-events.sqlite": _frames,
}


def _cut(text: str) -> str:
    return text if len(text) <= LINE_CHARACTERS else f"{text[:LINE_CHARACTERS]}…"
