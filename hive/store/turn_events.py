"""An agent's event history: what its page showed, kept in a file of its own.

Written in batches by the harness's bus, and swept by age by its vacuum. Words are looked for in
what a frame says, without regard to case; names of fields, ids and kinds are no part of that.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs

from hive.store.agent_databases import said

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from hive.store.database import Database

SEARCH_BYTES = 64 * 1024 * 1024
"""So much of a history one search walks over; the next one goes on from there."""
FILE = "hyperhive-events.sqlite"

_VERSION_1 = (
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        seq INTEGER NOT NULL,
        ts REAL NOT NULL,
        kind TEXT NOT NULL,
        payload_json TEXT NOT NULL
    )
    """,
    "CREATE INDEX events_by_ts ON events (ts)",
    "CREATE INDEX events_by_seq ON events (seq)",
)


def _first(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_1:
        connection.execute(statement)


MIGRATIONS = (_first,)


@attrs.frozen
class Event:
    """One frame as it is kept."""

    seq: int
    ts: float
    """Unix seconds."""
    kind: str
    payload_json: str
    """The whole frame as JSON, its `seq` and `kind` included."""


@attrs.frozen
class Wanted:
    """Which frames are looked for."""

    words: str = ""
    """Part of what it says; "" for any."""
    kinds: frozenset[str] = frozenset()
    """One of these; none for any."""

    def has(self, event: Event) -> bool:
        """Whether this is one."""
        if self.kinds and event.kind not in self.kinds:
            return False
        return not self.words or _says(event.payload_json, self.words.lower())


@attrs.frozen
class Found:
    """What a search came to."""

    events: list[Event]
    """Oldest first."""
    next_before: int | None
    """From where the next search goes on; None when nothing older is left."""


class TurnEvents:
    """The table `events` of one open database."""

    def __init__(self, database: Database) -> None:
        """Use a database that was opened with `MIGRATIONS`."""
        self._database = database

    async def append(self, events: Sequence[Event]) -> None:
        """Store a batch at once; a power cut may cost the newest. Raises `Unavailable`."""
        rows = [(each.seq, each.ts, each.kind, each.payload_json) for each in events]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO events (seq, ts, kind, payload_json) VALUES (?, ?, ?, ?)", rows
            )

        await self._database.write(work, is_synced=False)

    async def following(self, *, after: int, limit: int) -> list[Event]:
        """Return the oldest `limit` events with a `seq` above `after`, oldest first.

        Raises `Unavailable`.
        """

        def work(connection: sqlite3.Connection) -> list[Event]:
            rows = connection.execute(
                "SELECT seq, ts, kind, payload_json FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, limit),
            ).fetchall()
            return [Event(*row) for row in rows]

        return await self._database.read(work, is_large=True)

    async def newest(self, *, before: int | None, limit: int) -> list[Event]:
        """Return the newest `limit` events with a `seq` below `before`, oldest first.

        Raises `Unavailable`.
        """

        def work(connection: sqlite3.Connection) -> list[Event]:
            rows = connection.execute(
                "SELECT seq, ts, kind, payload_json FROM events WHERE seq < ?"
                " ORDER BY seq DESC LIMIT ?",
                (2**62 if before is None else before, limit),
            ).fetchall()
            return [Event(*row) for row in reversed(rows)]

        return await self._database.read(work, is_large=True)

    async def search(self, wanted: Wanted, *, before: int | None, limit: int) -> Found:
        """Return the newest `limit` that are wanted and have a `seq` below `before`.

        Fewer when the search has walked over `SEARCH_BYTES`. Raises `Unavailable`.
        """

        def work(connection: sqlite3.Connection) -> Found:
            found: list[Event] = []
            walked = 0
            for row in connection.execute(
                "SELECT seq, ts, kind, payload_json FROM events WHERE seq < ? ORDER BY seq DESC",
                (2**62 if before is None else before,),
            ):
                event = Event(*row)
                walked += len(event.payload_json)
                if wanted.has(event):
                    found.append(event)
                if len(found) == limit or walked > SEARCH_BYTES:
                    return Found(found[::-1], event.seq)
            return Found(found[::-1], None)

        return await self._database.read(work, is_large=True)

    async def sweep(self, older_than: float) -> int:
        """Delete what is older than this moment in Unix seconds; returns how many rows went."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute("DELETE FROM events WHERE ts < ?", (older_than,)).rowcount

        return await self._database.write(work)


def events_file(state: Path) -> Path:
    """Return the file in an agent's state directory."""
    return state / FILE


def _says(payload: str, words: str) -> bool:
    """Whether some text in a frame has these words, which are in small letters."""
    if words.isascii() and json.dumps(words)[1:-1] not in payload.lower():
        # The cheap look: what is not in the frame at all is not in a text of it.
        return False
    return any(words in text.lower() for text in said(json.loads(payload)))
