"""Searching the hive: messages by their index, what agents did by their files, in one list.

The newest come first. Whatever could not be looked at, or not to the end, stands in the answer as
a fault: an empty list always means that there is nothing. A page ends where its cursor says, apart
for every source, so the next one neither misses nor repeats anything.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import attrs

from hive.core import agent_search
from hive.core.agent_search import Looked
from hive.errors import BadRequest, Unavailable
from hive.wire import search_query
from hive.wire.names import agent_name
from hive.wire.search import (
    FIRST,
    HITS,
    HITS_MOST,
    Answer,
    Fault,
    Hit,
    Place,
    from_cursor,
    to_cursor,
)
from hive.wire.search_query import EVENT, MESSAGE, TURN, Query

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hive.core.hive import Hive
    from hive.store.message_index import Found, MessageIndex

MESSAGES_S = 2.0
"""The search in the messages is interrupted then."""
FOLLOW_STEPS = 8
"""So often the index is brought on before it is asked."""
MESSAGES = "messages"


@attrs.define
class _Source:
    """Hits of one kind from one place, and how far the looking went there."""

    hits: list[Hit]
    """The newest first."""
    start: int | None
    end: int | None
    """What follows when all of them are shown."""
    shown: int = 0

    def next(self) -> int | None:
        """Where the next page goes on."""
        if self.shown == len(self.hits):
            return self.end
        return self.hits[self.shown - 1].id if self.shown else self.start


async def search(hive: Hive, text: str, *, cursor: str | None = None, limit: int = HITS) -> Answer:
    """Return what is found behind a cursor, or from the newest on.

    Raises `BadRequest` for what is no query, `NotFound` for the thread of a message that is not
    there, `Conflict` when earlier searches still run.
    """
    query = search_query.parse(text, hive.clock())
    if not 1 <= limit <= HITS_MOST:
        raise BadRequest(f"limit must be from 1 to {HITS_MOST}")
    place = _first_place(hive, query) if cursor is None else from_cursor(cursor)
    async with hive.searches.one():
        faults: list[Fault] = []
        messages = await _messages(hive.searches.index, query, place.messages, limit, faults)
        looked = await agent_search.look(hive, query, place.agents, limit)
        behind = await hive.searches.index.behind() if MESSAGE in query.kinds else 0
    agents = {name: _sources(looked[name], at) for name, at in place.agents.items()}
    faults += [each.fault for each in looked.values() if each.fault is not None]
    hits = _merged([messages, *(one for pair in agents.values() for one in pair)], limit)
    return Answer(
        tuple(hits),
        _next(messages, agents),
        tuple(faults),
        behind,
        query.terms,
        query.chips,
    )


def _first_place(hive: Hive, query: Query) -> Place:
    at = tuple(FIRST if kind in query.kinds else None for kind in (EVENT, TURN))
    names: Iterable[str] = hive.agents.names()
    if query.agent is not None:
        # Also one that was destroyed, of which its state is kept.
        try:
            names = [agent_name(query.agent)]
        except BadRequest:
            names = []
    return Place(
        FIRST if MESSAGE in query.kinds else None,
        {name: (at[0], at[1]) for name in names if at != (None, None)},
    )


async def _messages(
    index: MessageIndex, query: Query, before: int | None, limit: int, faults: list[Fault]
) -> _Source:
    if before is None:
        return _Source([], None, None)
    try:
        if query.match is not None:
            await _follow(index)
        page = await index.search(query, before=before, limit=limit, seconds=MESSAGES_S)
    except Unavailable as error:
        faults.append(Fault(MESSAGES, error.message))
        return _Source([], before, before)
    hits = [_message_hit(found) for found in page.found]
    return _Source(hits, before, None if page.is_end else hits[-1].id)


async def _follow(index: MessageIndex) -> None:
    """Bring the index up to what was sent a moment ago."""
    for _ in range(FOLLOW_STEPS):
        if not await index.step():
            return


def _message_hit(found: Found) -> Hit:
    return Hit(
        MESSAGE,
        found.id,
        found.sent_at,
        found.text,
        found.marks,
        f"/#message-{found.id}",
        from_=found.sender,
        to=found.recipient,
        in_reply_to=found.in_reply_to,
        origin=found.origin,
    )


def _sources(looked: Looked, place: tuple[int | None, int | None]) -> tuple[_Source, _Source]:
    events, turns = (
        _Source(looked.hits[kind], at, looked.ends[kind] if looked.is_read else at)
        for kind, at in zip(agent_search.KINDS, place, strict=True)
    )
    return events, turns


def _merged(sources: list[_Source], limit: int) -> list[Hit]:
    """Return the newest of all, each source in its own order, and count what is shown of each."""
    tagged = [[(-hit.at, at, hit) for hit in each.hits] for at, each in enumerate(sources)]
    hits: list[Hit] = []
    for _, at, hit in heapq.merge(*tagged, key=lambda each: each[:2]):
        if len(hits) == limit:
            break
        sources[at].shown += 1
        hits.append(hit)
    return hits


def _next(messages: _Source, agents: dict[str, tuple[_Source, _Source]]) -> str | None:
    left = {name: (events.next(), turns.next()) for name, (events, turns) in agents.items()}
    left = {name: at for name, at in left.items() if at != (None, None)}
    place = Place(messages.next(), left)
    return None if place == Place() else to_cursor(place)
