"""What an agent reached and what it was refused: counted by host, port and verdict, bounded.

Kept in memory and told to whoever stores it as changes since the last time; an agent that asks for
a million hosts costs no more than one that asks for `DESTINATIONS`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import attrs

from hive.wire.destinations import Target
from hive.wire.network import ALLOWED, DENIED, FAILED, Connection, Reached

DESTINATIONS = 200
"""Rows kept of one agent and one verdict; the longest unused one goes first."""
CONNECTIONS = 100
"""The newest connections kept of one agent."""

Key = tuple[str, int, str]


@attrs.define
class _Row:
    count: int
    sent: int
    received: int
    first_at: float
    last_at: float
    why: str | None


@attrs.frozen
class Changes:
    """What is new about one agent since it was asked for last."""

    reached: tuple[Reached, ...]
    gone: tuple[Key, ...]
    connections: tuple[Connection, ...]


class Ledger:
    """The account of one agent."""

    def __init__(
        self,
        clock: Callable[[], float],
        reached: tuple[Reached, ...] = (),
        connections: tuple[Connection, ...] = (),
    ) -> None:
        """`reached` and `connections` are what was stored, oldest first."""
        self._clock = clock
        self._rows: dict[Key, _Row] = {}
        for row in sorted(reached, key=lambda row: row.last_at):
            self._rows[row.host, row.port, row.verdict] = _Row(
                row.count, row.sent, row.received, row.first_at, row.last_at, row.why
            )
        self._recent = deque(connections, maxlen=CONNECTIONS)
        self._new: deque[Connection] = deque(maxlen=CONNECTIONS)
        self._open: dict[int, Passage] = {}
        self._changed: set[Key] = set()
        self._gone: set[Key] = set()

    def denied(self, target: Target, why: str) -> None:
        """Count a connection that was refused, and that no byte went out for."""
        self._end(target, DENIED, self._clock(), 0, 0, why)

    def failed(self, target: Target, why: str) -> None:
        """Count a connection that was allowed and did not come about."""
        self._end(target, FAILED, self._clock(), 0, 0, why)

    def opened(self, target: Target, address: str) -> Passage:
        """Count a connection, or a request on one, from its beginning; close what is returned."""
        passage = Passage(self, target, address, self._clock())
        self._open[id(passage)] = passage
        self._touch((target.host, target.port, ALLOWED), passage.at, None).count += 1
        return passage

    @property
    def denials(self) -> int:
        """How many destinations it was refused, of those that are kept."""
        return sum(verdict == DENIED for _, _, verdict in self._rows)

    def reached(self) -> list[Reached]:
        """Return what is counted, the newest first."""
        found = [_reached(key, row) for key, row in self._rows.items()]
        return sorted(found, key=lambda row: -row.last_at)

    def connections(self) -> list[Connection]:
        """Return the newest connections, those that are open first, then the newest."""
        still = [passage.shown() for passage in self._open.values()]
        return [*reversed(still), *reversed(self._recent)]

    def take_changes(self) -> Changes | None:
        """Return what is new since the last call; None when nothing is."""
        if not (self._changed or self._gone or self._new):
            return None
        found = [_reached(key, self._rows[key]) for key in self._changed]
        changes = Changes(tuple(found), tuple(self._gone), tuple(self._new))
        self._changed.clear()
        self._gone.clear()
        self._new.clear()
        return changes

    def put_back(self, changes: Changes) -> None:
        """Take changes that could not be stored for new again."""
        self._changed |= {(row.host, row.port, row.verdict) for row in changes.reached} & set(
            self._rows
        )
        self._gone |= set(changes.gone) - set(self._rows)
        self._new.extendleft(reversed(changes.connections[: CONNECTIONS - len(self._new)]))

    def add(self, target: Target, sent: int, received: int) -> None:
        """Count bytes of an open connection."""
        row = self._touch((target.host, target.port, ALLOWED), self._clock(), None)
        row.sent += sent
        row.received += received

    def closed(self, passage: Passage) -> None:
        """Take an open connection for one that is over."""
        del self._open[id(passage)]
        self._remember(passage.shown(self._clock()))

    def _end(
        self, target: Target, verdict: str, at: float, sent: int, received: int, why: str
    ) -> None:
        self._touch((target.host, target.port, verdict), at, why).count += 1
        host, port = target.host, target.port
        self._remember(Connection(host, port, verdict, at, at, sent, received, None, why))

    def _remember(self, connection: Connection) -> None:
        self._recent.append(connection)
        self._new.append(connection)

    def _touch(self, key: Key, at: float, why: str | None) -> _Row:
        row = self._rows.pop(key, None)
        if row is None:
            self._make_room(key[2])
            self._gone.discard(key)
            row = _Row(0, 0, 0, at, at, why)
        row.last_at, row.why = at, why
        # Back at the end: the dictionary is in the order of last use.
        self._rows[key] = row
        self._changed.add(key)
        return row

    def _make_room(self, verdict: str) -> None:
        of_it = [key for key in self._rows if key[2] == verdict]
        if len(of_it) >= DESTINATIONS:
            oldest = of_it[0]
            del self._rows[oldest]
            self._changed.discard(oldest)
            self._gone.add(oldest)


class Passage:
    """One open connection of an agent."""

    def __init__(self, ledger: Ledger, target: Target, address: str, at: float) -> None:
        """Made by `Ledger.opened`."""
        self._ledger = ledger
        self._target = target
        self._address = address
        self.at = at
        self._sent = 0
        self._received = 0

    def add(self, sent: int, received: int) -> None:
        """Count bytes."""
        self._sent += sent
        self._received += received
        self._ledger.add(self._target, sent, received)

    def close(self) -> None:
        """Say that it is over."""
        self._ledger.closed(self)

    def shown(self, ended_at: float | None = None) -> Connection:
        """Return it as it is shown."""
        host, port = self._target.host, self._target.port
        counts = (self._sent, self._received)
        return Connection(host, port, ALLOWED, self.at, ended_at, *counts, self._address)


def _reached(key: Key, row: _Row) -> Reached:
    host, port, verdict = key
    return Reached(
        host,
        port,
        verdict,
        row.count,
        row.sent,
        row.received,
        row.first_at,
        row.last_at,
        row.why,
    )
