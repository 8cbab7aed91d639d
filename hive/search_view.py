"""The verb `search`: its words and options as one query, and what was found as lines for people.

Standard library only. Whoever prints the lines makes them safe for a terminal.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from typing import Any

Reply = dict[str, Any]

MOST = 100
"""What a page of a search holds at most."""
FILTERS = {
    "agent": "agent",
    "from_": "from",
    "to": "to",
    "thread": "in",
    "since": "after",
    "before": "before",
    "kind": "kind",
}
"""The filter of the query that each option is."""


def request(arguments: argparse.Namespace) -> Reply:
    """Return the request for what was written; a word with spaces in it is a phrase."""
    words = [_phrase(word) for word in arguments.words]
    for option, key in FILTERS.items():
        value = getattr(arguments, option)
        if value is not None:
            words.append(f'{key}:"{value}"')
    return {"cmd": "search", "query": " ".join(words), "limit": arguments.limit}


def _phrase(word: str) -> str:
    is_bare = any(map(str.isspace, word)) and '"' not in word
    return f'"{word}"' if is_bare else word


def lines(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    """Show what was found, then what could not be looked at."""
    found = reply["search"]
    for hit in found["hits"]:
        yield _line(hit)
    if not found["hits"] and found["next"] is None and not found["faults"]:
        yield "Nothing was found."
    for fault in found["faults"]:
        back = fault["back_to"]
        yield f"! {fault['where']}: {fault['why']}{f' than {_local(back)}' if back else ''}"
    if found["unindexed"]:
        yield f"! {found['unindexed']} messages are not indexed yet: search again in a minute"
    if found["next"] is not None:
        how = "add --before" if arguments.limit >= MOST else "give a higher --limit, or --before"
        yield f"There may be more: {how}."


def _line(hit: dict[str, Any]) -> str:
    if hit["kind"] == "message":
        what = f"message {hit['id']}"
        who = f"{hit['from']} -> {hit['to']}"
    else:
        what = f"{hit['kind']} {hit['id']}"
        who = hit["agent"]
    text = " ".join(hit["text"].split())
    return f"{_local(hit['at'])}  {what:<14} {who:<22} {text}".rstrip()


def _local(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
