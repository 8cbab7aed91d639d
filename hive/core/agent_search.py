"""Searching what agents did: their events and turns, in the files that are theirs.

As their turns are read, see `core/kept_turns`: by a fenced program, whether the agent runs or not,
within its share of the search's time. What it prints is the agent's, and checked here once more.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import trio

from hive.core import kept_turns
from hive.errors import BadRequest, HiveError, Unavailable
from hive.store.agent_databases import MARKS_MOST, TEXT_MOST
from hive.wire import codec
from hive.wire.names import AgentName, agent_name
from hive.wire.search import Fault, Hit
from hive.wire.search_query import EVENT, TURN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hive.core.hive import Hive
    from hive.wire.search_query import Query

AGENTS_S = 4.0
"""For all agents of one search."""
AGENT_S = 1.5
"""For one of them; a longer history is looked through page by page."""
AT_ONCE = 2
KINDS = (EVENT, TURN)
_LABEL_MOST = 40
_EVER = 1e15
_LAST = 253_402_300_800
"""The end of the year 9999: what is later no page could write down."""


@attrs.define
class Looked:
    """How one agent's files were looked through."""

    hits: dict[str, list[Hit]] = attrs.field(factory=lambda: {kind: [] for kind in KINDS})
    """By kind, newest first."""
    ends: dict[str, int | None] = attrs.field(factory=lambda: dict.fromkeys(KINDS))
    """By kind, where the next search goes on; None when nothing older is left."""
    fault: Fault | None = None
    is_read: bool = True


async def look(
    hive: Hive, query: Query, places: Mapping[str, tuple[int | None, int | None]], limit: int
) -> dict[str, Looked]:
    """Return what every agent has; one that could not be asked says so, and holds up no other."""
    found: dict[str, Looked] = {}
    room = trio.CapacityLimiter(AT_ONCE)
    with trio.move_on_after(AGENTS_S):
        async with trio.open_nursery() as nursery:
            for name in places:
                nursery.start_soon(_look_at, hive, query, name, places[name], limit, room, found)
    late = "was not looked through in time: go on with what follows, or look there alone"
    return {name: found.get(name) or _unread(name, late) for name in places}


async def _look_at(
    hive: Hive,
    query: Query,
    name: str,
    place: tuple[int | None, int | None],
    limit: int,
    room: trio.CapacityLimiter,
    found: dict[str, Looked],
) -> None:
    async with room:
        try:
            checked = agent_name(name)
            found[name] = await _ask(hive, query, checked, place, limit)
        except HiveError as error:
            # It is one of many: what it has not said stands in the answer.
            found[name] = _unread(name, error.message)


def _unread(name: str, why: str) -> Looked:
    return Looked(fault=Fault(name, why), is_read=False)


async def _ask(
    hive: Hive, query: Query, name: AgentName, place: tuple[int | None, int | None], limit: int
) -> Looked:
    wanted = {
        **dict(zip(KINDS, place, strict=True)),
        "match": query.match,
        "parts": query.parts,
        "plain": query.plain_words,
        "after": -_EVER if query.after is None else query.after,
        "before": _EVER if query.before is None else query.before,
        "most": limit,
        "seconds": AGENT_S,
    }
    done = await kept_turns.ask(hive, "find", name, input_text=json.dumps(wanted))
    return await trio.to_thread.run_sync(read, name, done.raw, limit)


def read(name: AgentName, said: bytes, limit: int) -> Looked:
    """Return what the program printed; raises `Unavailable` for what it never prints."""
    looked = Looked()
    try:
        for line in said.splitlines():
            first, kind, *rest = codec.loads(line)
            if first == "end":
                _take_end(looked, name, kind, rest, limit)
            else:
                looked.hits[first].append(_hit(name, first, kind, rest))
    except (BadRequest, TypeError, ValueError, KeyError) as error:
        raise Unavailable(f"the files of {name} hold what is no event and no turn") from error
    if any(len(hits) > limit for hits in looked.hits.values()):
        raise Unavailable(f"the reader of {name}'s files said more than it was asked")
    return looked


def _take_end(looked: Looked, name: AgentName, kind: str, rest: list[Any], limit: int) -> None:
    number, at = rest
    if number is None:
        return
    looked.ends[kind] = _number(number)
    if len(looked.hits[kind]) < limit:
        looked.fault = Fault(name, "was looked through in part: go on for what is older", _time(at))


def _hit(name: AgentName, kind: str, number: object, rest: list[Any]) -> Hit:
    at, label, text, marks = rest
    if type(label) is not str or type(text) is not str or len(text) > TEXT_MOST:
        raise TypeError
    checked = tuple((_number(first), _number(end)) for first, end in marks)
    if len(checked) > MARKS_MOST or any(not a < b <= len(text) for a, b in checked):
        raise ValueError
    where = "stats" if kind == TURN else f"#row-{_number(number)}"
    return Hit(
        kind,
        _number(number),
        _time(at),
        text,
        checked,
        f"/agent/{name}/{where}",
        agent=name,
        label=label[:_LABEL_MOST],
    )


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**62:
        raise TypeError
    return value


def _time(value: object) -> float:
    if type(value) not in (int, float) or not 0 <= value < _LAST:  # type: ignore[operator]
        raise TypeError
    return float(value)  # type: ignore[arg-type]
