"""What others cause as often as they like, counted, so that nobody floods the audit log.

The same event again within a while is one line with a count; of many different ones of a cause the
later are lumped together, and so are causes beyond `CAUSES_MOST`. Whoever goes on is written down
less and less often. Each surface has room of its own, so that an agent's thousand refused
connections hide no word of the operator's that it tried on its socket.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import trio

from hive.wire.audit import Scalar

FIRST_S = 1.0
"""How long the first of an actor are gathered."""
PAUSE_S = 60.0
PAUSE_MOST_S = 600.0
EVENTS_MOST = 8
"""How many different events of a cause on one surface stand by themselves at a time."""
CAUSES_MOST = 512
"""Each on one surface."""
OTHERS = "(others)"
AGENT_SOCKET = "agent socket"
EGRESS_SOCKET = "egress socket"
APART = frozenset({AGENT_SOCKET, EGRESS_SOCKET})
"""Surfaces with room of their own; all others share one."""


@attrs.frozen
class Event:
    """What may happen again and again; the same one is counted."""

    actor: str
    surface: str
    action: str
    subject: str
    outcome: str
    why: str


@attrs.define
class _Count:
    first_at: float
    count: int = 1


@attrs.define
class _Gathered:
    """What one of them caused since the last time it was written down."""

    due_at: float
    """On Trio's clock."""
    pause_s: float = 0.0
    events: dict[Event, _Count] = attrs.field(factory=dict)


class Gathering:
    """Events by their cause, until their time has come."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives the times that are written down."""
        self._clock = clock
        self._gathered: dict[tuple[str, str], _Gathered] = {}
        self._news = trio.Event()

    def add(self, cause: str, event: Event) -> None:
        """Count an event; never waits and never raises."""
        surface = event.surface if event.surface in APART else OTHERS
        if (cause, surface) not in self._gathered and len(self._gathered) >= CAUSES_MOST:
            cause, event = OTHERS, attrs.evolve(event, actor=OTHERS)
        due_at = trio.current_time() + FIRST_S
        known = self._gathered.setdefault((cause, surface), _Gathered(due_at))
        if event not in known.events and len(known.events) >= EVENTS_MOST:
            event = Event(event.actor, surface, OTHERS, "", event.outcome, "")
        count = known.events.get(event)
        if count is None:
            known.events[event] = _Count(self._clock())
            self._news.set()
        else:
            count.count += 1

    async def wait_due(self) -> None:
        """Wait until `take` may have something."""
        due = min((each.due_at for each in self._gathered.values()), default=math.inf)
        self._news = trio.Event()
        with trio.move_on_at(due):
            await self._news.wait()

    def take(self, *, all_of_it: bool) -> list[tuple[Event, dict[str, Scalar]]]:
        """Return what is due, or everything, each event with its count; it begins anew."""
        now = trio.current_time()
        found: list[tuple[Event, dict[str, Scalar]]] = []
        for key, gathered in list(self._gathered.items()):
            if gathered.due_at > now and not all_of_it:
                continue
            for event, count in gathered.events.items():
                detail: dict[str, Scalar] = {"why": event.why or None, "count": count.count}
                found.append((event, {**detail, "first_at": round(count.first_at, 3)}))
            if not gathered.events:
                del self._gathered[key]
                continue
            gathered.events.clear()
            gathered.pause_s = min(max(PAUSE_S, 2 * gathered.pause_s), PAUSE_MOST_S)
            gathered.due_at = now + gathered.pause_s
        return found
