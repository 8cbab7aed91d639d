"""The registry of agents: who exists, and what is to be so again after a reboot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from hive.errors import Conflict, NotFound
from hive.wire.names import AgentName

if TYPE_CHECKING:
    from hive.store.database import Connection, Database

RUNNING = "running"
STOPPED = "stopped"

_COLUMNS = "name, created_at, wanted, paused, status_text, status_set_at, parent"


@attrs.frozen
class AgentRecord:
    """What is kept of one agent."""

    name: AgentName
    created_at: float
    """Unix seconds."""
    wanted: str
    """`running` or `stopped`: what the operator last asked for."""
    paused: bool = False
    status_text: str | None = None
    status_set_at: float | None = None
    parent: AgentName | None = None


class AgentStore:
    """The agents of one database."""

    def __init__(self, database: Database) -> None:
        """Uses an open broker database."""
        self._database = database

    async def all(self) -> list[AgentRecord]:
        """Return every agent by name."""
        query = f"SELECT {_COLUMNS} FROM agents ORDER BY name"
        return await self._database.read(
            lambda connection: [_record(row) for row in connection.execute(query)]
        )

    async def get(self, name: AgentName) -> AgentRecord:
        """Return one agent; raises `NotFound`."""
        query = f"SELECT {_COLUMNS} FROM agents WHERE name = ?"
        row = await self._database.read(
            lambda connection: connection.execute(query, (name,)).fetchone()
        )
        if row is None:
            raise _unknown(name)
        return _record(row)

    async def add(self, record: AgentRecord) -> None:
        """Register a new agent; raises `Conflict` when its name is taken."""

        def work(connection: Connection) -> None:
            taken = "SELECT 1 FROM agents WHERE name = ?"
            if connection.execute(taken, (record.name,)).fetchone():
                raise Conflict(f"there is an agent {record.name!r} already: choose another name")
            connection.execute(
                f"INSERT INTO agents ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                attrs.astuple(record),
            )

        await self._database.write(work)

    async def remove(self, name: AgentName) -> None:
        """Forget an agent; one that is not there is no error."""
        query = "DELETE FROM agents WHERE name = ?"
        await self._database.write(lambda connection: connection.execute(query, (name,)))

    async def set_wanted(self, name: AgentName, wanted: str) -> None:
        """Remember whether the agent is to run; raises `NotFound`."""
        await self._set(name, "wanted = ?", wanted)

    async def set_paused(self, name: AgentName, *, paused: bool) -> None:
        """Remember whether the agent is paused; raises `NotFound`."""
        await self._set(name, "paused = ?", paused)

    async def set_status(self, name: AgentName, text: str | None, at: float) -> None:
        """Set the agent's own status line; raises `NotFound`."""
        await self._set(name, "status_text = ?, status_set_at = ?", text, at)

    async def _set(self, name: AgentName, change: str, *values: object) -> None:
        query = f"UPDATE agents SET {change} WHERE name = ?"

        def work(connection: Connection) -> None:
            if connection.execute(query, (*values, name)).rowcount == 0:
                raise _unknown(name)

        await self._database.write(work)


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no agent {name!r}: `hive.pyz list` names those that exist")


def _record(row: tuple[Any, ...]) -> AgentRecord:
    name, created_at, wanted, paused, status_text, status_set_at, parent = row
    return AgentRecord(
        name=AgentName(name),
        created_at=created_at,
        wanted=wanted,
        paused=bool(paused),
        status_text=status_text,
        status_set_at=status_set_at,
        parent=None if parent is None else AgentName(parent),
    )
