"""What a search finds, as it travels; and where the next page of it begins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

import attrs

from hive.errors import BadRequest
from hive.wire.names import agent_name
from hive.wire.search_query import Chip, Term

HITS = 50
HITS_MOST = 100
CURSOR_MOST = 16_000
FIRST = 2**62
"""The place in front of everything."""
_BAD_CURSOR = "cursor is not one that a search gave: look for it again from the first page"


@attrs.frozen
class Hit:
    """One thing that was found."""

    kind: str
    """`message`, `event` or `turn`."""
    id: int
    """Of an event its row on the agent's page."""
    at: float
    """Unix seconds."""
    text: str
    """The part around what was looked for."""
    marks: tuple[tuple[int, int], ...]
    """Where in `text` that is: from and to, counted in characters."""
    href: str
    """Where it stands, on the dashboard."""
    agent: str | None = None
    """Whose event or turn it is."""
    from_: str | None = None
    to: str | None = None
    in_reply_to: int | None = None
    origin: str | None = None
    label: str | None = None
    """What sort of an event it is; how a turn ended."""


@attrs.frozen
class Fault:
    """Somewhere that could not be looked, or not to the end."""

    where: str
    """An agent, or `messages`."""
    why: str
    back_to: float | None = None
    """What is not older than this was looked at."""


@attrs.frozen
class Answer:
    """What a search came to."""

    hits: tuple[Hit, ...]
    """Newest first."""
    next: str | None
    """The cursor of what follows; None when everything was looked at."""
    faults: tuple[Fault, ...] = ()
    unindexed: int = 0
    """So many messages the index does not know yet."""
    terms: tuple[Term, ...] = ()
    """What was looked for, as it was read."""
    chips: tuple[Chip, ...] = ()
    """The filters."""


@attrs.frozen
class Place:
    """How far a search has come: only what has a smaller number is looked at."""

    messages: int | None = None
    """None when there are none left."""
    agents: Mapping[str, tuple[int | None, int | None]] = attrs.field(factory=dict)
    """Of every agent that is not looked through: its events, its turns."""


def to_cursor(place: Place) -> str:
    """Return a place as a word for an address."""
    agents = {name: [_short(each) for each in at] for name, at in place.agents.items()}
    said = json.dumps({"m": _short(place.messages), "a": agents}, separators=(",", ":"))
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def from_cursor(word: str) -> Place:
    """Return the place that a word stands for; raises `BadRequest`."""
    if len(word) > CURSOR_MOST:
        raise BadRequest(_BAD_CURSOR)
    try:
        padded = word.encode("ascii") + b"=" * (-len(word) % 4)
        said = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        agents = {str(agent_name(name)): _pair(at) for name, at in said["a"].items()}
        return Place(_checked(said["m"]), agents)
    except (
        binascii.Error,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as error:
        raise BadRequest(_BAD_CURSOR) from error


def _short(place: int | None) -> int | None:
    return -1 if place == FIRST else place


def _pair(value: object) -> tuple[int | None, int | None]:
    if not isinstance(value, list) or len(value) != 2:
        raise TypeError
    return _checked(value[0]), _checked(value[1])


def _checked(value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not -1 <= value <= FIRST:
        raise TypeError
    return FIRST if value == -1 else value
