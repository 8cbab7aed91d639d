"""An agent's event history: what its page showed, kept in a file of its own.

Written in batches by the harness's bus, and swept by age by its vacuum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from hive.store.database import Database

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

    async def sweep(self, older_than: float) -> int:
        """Delete what is older than this moment in Unix seconds; returns how many rows went."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute("DELETE FROM events WHERE ts < ?", (older_than,)).rowcount

        return await self._database.write(work)


def events_file(state: Path) -> Path:
    """Return the file in an agent's state directory."""
    return state / FILE
