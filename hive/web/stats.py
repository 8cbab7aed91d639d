"""Statistics of one agent over HTTP: the sums of a window, and its turns as a download.

The harness answers so while it runs; the daemon does, from the agent's file, when it does not.
"""

from __future__ import annotations

from typing import Any, Protocol

import attrs

from hive import turn_export
from hive.web import replies
from hive.web.exchange import Scope, Send
from hive.wire.stats import COST_BASIS, DEFAULT_WINDOW, EXPORT_MOST, Turn, window_of

SUMS = "/api/stats"
CSV = "/api/stats/export.csv"
JSON = "/api/stats/export.json"
PATHS = frozenset({SUMS, CSV, JSON})
PAGE = 1000
"""Turns that are read and sent at once."""
NEWEST = 2**62
_TYPES = {CSV: b"text/csv; charset=utf-8", JSON: b"application/json"}


class Source(Protocol):
    """Where the turns of one agent are read."""

    def now(self) -> float:
        """Return Unix seconds."""
        ...

    async def statistics(self, window: str) -> dict[str, Any]:
        """Return the sums of a window as JSON data; raises `HiveError`."""
        ...

    async def turns(self, since: float, before: int, limit: int) -> list[tuple[int, Turn]]:
        """Return turns that ended since then with ids below `before`, newest first, with ids."""
        ...

    def faults(self) -> list[str]:
        """Return what is wrong with the statistics, in sentences."""
        ...


async def answer(source: Source, path: str, scope: Scope, send: Send) -> None:
    """Answer one of `PATHS`; raises `HiveError`, so long as nothing was sent."""
    replies.need_method(scope, *replies.READING)
    name = replies.query(scope, "window").get("window", DEFAULT_WINDOW)
    window = window_of(name)
    if path == SUMS:
        await replies.send_json(scope, send, await source.statistics(name))
        return
    now = source.now()
    export = _Export(source, now - window.span_s, is_csv=path == CSV)
    first = await export.page()
    headers = [(b"content-type", _TYPES[path]), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    about = {"window": name, "from": now - window.span_s, "now": now, "cost_basis": COST_BASIS}
    text = export.head(about) + export.rows(first)
    while first:
        await _send(send, text, is_last=False)
        first = await export.page()
        text = export.rows(first)
    await _send(send, text + export.end(), is_last=True)


@attrs.define
class _Export:
    """The turns of a window, newest first, some at a time and never more than `EXPORT_MOST`."""

    _source: Source
    _since: float
    _is_csv: bool = attrs.field(kw_only=True, alias="is_csv")
    _before: int = NEWEST
    _count: int = 0
    _is_cut: bool = False

    async def page(self) -> list[dict[str, Any]]:
        """Return the next turns, none at the end."""
        room = min(PAGE, EXPORT_MOST - self._count)
        rows = await self._source.turns(self._since, self._before, max(room, 1))
        if room == 0:
            self._is_cut = bool(rows)
            return []
        if rows:
            self._before = rows[-1][0]
            self._count += len(rows)
        return [attrs.asdict(turn, recurse=False) for _, turn in rows]

    def head(self, about: dict[str, Any]) -> str:
        return turn_export.csv_head() if self._is_csv else turn_export.json_head(about)

    def rows(self, turns: list[dict[str, Any]]) -> str:
        if self._is_csv:
            return turn_export.csv_lines(turns)
        return "".join(turn_export.json_rows(turns, is_first=self._count == len(turns)))

    def end(self) -> str:
        if self._is_csv:
            return ""
        about = {"turns_most": EXPORT_MOST, "is_cut": self._is_cut, "faults": self._source.faults()}
        return turn_export.json_end(about)


async def _send(send: Send, text: str, *, is_last: bool) -> None:
    body = text.encode()
    await send({"type": "http.response.body", "body": body, "more_body": not is_last})
