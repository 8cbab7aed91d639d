"""An agent's turns as CSV and as JSON, piece by piece: for a download and for the command line.

Standard library only. What others chose to be called (senders, models, tools) is written so that no
spreadsheet takes it for a formula.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

COLUMNS = (
    "started_at",
    "ended_at",
    "duration_ms",
    "wake",
    "wake_from",
    "result",
    "model",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_creation_tokens",
    "context_tokens",
    "context_window",
    "cost_usd",
    "messages",
    "tool_calls",
    "tools",
    "note",
)
"""Of a row; `hive.wire.stats.Turn` has the same fields, and says what they mean."""
NAMED = {"cost_usd": "cost_usd_list_price"}
"""What a column is called where that says more."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_head() -> str:
    """Return the line of column names."""
    return _line([NAMED.get(name, name) for name in COLUMNS])


def csv_lines(turns: Iterable[Mapping[str, Any]]) -> str:
    """Return one line for each turn."""
    return "".join(_line([_cell(turn[name]) for name in COLUMNS]) for turn in turns)


def json_head(about: Mapping[str, Any]) -> str:
    """Return the begin of an object that holds `about` and the turns."""
    return json.dumps(about)[:-1] + ', "turns": ['


def json_rows(turns: Iterable[Mapping[str, Any]], *, is_first: bool) -> Iterator[str]:
    """Return the turns as they stand in the list, a line each."""
    for turn in turns:
        yield ("\n" if is_first else ",\n") + json.dumps(dict(turn))
        is_first = False


def json_end(about: Mapping[str, Any]) -> str:
    """Return the end of the list and of the object, with what is known only then."""
    return "\n], " + json.dumps(about)[1:] + "\n"


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, str):
        # One turn is one line, and none of it steers a terminal.
        plain = "".join(each if each.isprintable() else repr(each)[1:-1] for each in value)
        return "'" + plain if value.startswith(_FORMULA) else plain
    return value


def _line(cells: list[object] | list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()
