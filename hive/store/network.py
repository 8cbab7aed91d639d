"""What agents reached and were refused, and their newest connections: a few rows per agent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from hive.wire.names import AgentName
from hive.wire.network import Connection, Reached

if TYPE_CHECKING:
    from hive.store import database
    from hive.store.database import Database

CONNECTIONS = 100
"""The newest that are kept of one agent."""

_REACHED = "host, port, verdict, count, sent, received, first_at, last_at, why"
_CONNECTION = "host, port, verdict, at, ended_at, sent, received, address, why"
_TRIM = (
    "DELETE FROM connections WHERE agent = ? AND id <= (SELECT id FROM connections"
    f" WHERE agent = ? ORDER BY id DESC LIMIT 1 OFFSET {CONNECTIONS})"
)


class NetworkStore:
    """The accounts of one database."""

    def __init__(self, database: Database) -> None:
        """Uses an open broker database."""
        self._database = database

    async def reached(self) -> dict[AgentName, tuple[Reached, ...]]:
        """Return every agent's account, the longest unused row first."""
        query = f"SELECT agent, {_REACHED} FROM destinations ORDER BY last_at"
        found: dict[AgentName, list[Reached]] = {}
        rows = await self._database.read(lambda connection: list(connection.execute(query)))
        for agent, *fields in rows:
            found.setdefault(AgentName(agent), []).append(Reached(*fields))
        return {name: tuple(each) for name, each in found.items()}

    async def connections(self) -> dict[AgentName, tuple[Connection, ...]]:
        """Return every agent's newest connections, the oldest first."""
        query = f"SELECT agent, {_CONNECTION} FROM connections ORDER BY id"
        found: dict[AgentName, list[Connection]] = {}
        rows = await self._database.read(lambda connection: list(connection.execute(query)))
        for agent, *fields in rows:
            found.setdefault(AgentName(agent), []).append(Connection(*fields))
        return {name: tuple(each) for name, each in found.items()}

    async def save(
        self,
        name: AgentName,
        reached: Iterable[Reached],
        gone: Iterable[tuple[str, int, str]],
        connections: Iterable[Connection],
    ) -> None:
        """Put what is new of one agent; a power cut may undo the newest of it."""
        rows = [(name, *attrs.astuple(row)) for row in reached]
        dropped = [(name, *key) for key in gone]
        newest = [(name, *attrs.astuple(each)) for each in connections]

        def work(connection: database.Connection) -> None:
            marks = ", ".join("?" * 10)
            connection.executemany(
                "DELETE FROM destinations WHERE agent = ? AND host = ? AND port = ?"
                " AND verdict = ?",
                dropped,
            )
            connection.executemany(
                f"INSERT OR REPLACE INTO destinations (agent, {_REACHED}) VALUES ({marks})", rows
            )
            connection.executemany(
                f"INSERT INTO connections (agent, {_CONNECTION}) VALUES ({marks})", newest
            )
            connection.execute(_TRIM, (name, name))

        await self._database.write(work, is_synced=False)

    async def forget(self, name: AgentName) -> None:
        """Drop everything of one agent."""

        def work(connection: database.Connection) -> None:
            for table in ("destinations", "connections"):
                connection.execute(f"DELETE FROM {table} WHERE agent = ?", (name,))

        await self._database.write(work)
