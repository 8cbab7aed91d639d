"""The registry of agents: who exists, and what is to be so again after a reboot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs

from hive.errors import Conflict, NotFound
from hive.wire import codec
from hive.wire.agent_config import AgentConfig
from hive.wire.names import AgentName

if TYPE_CHECKING:
    from hive.store.database import Connection, Database

RUNNING = "running"
STOPPED = "stopped"

_COLUMNS = (
    "name, created_at, wanted, paused, status_text, status_set_at, parent, deployed_sha,"
    " deployed_tag, system, config_json, hive_rev"
)
_DEPLOY = (
    "INSERT INTO agents (name, created_at, wanted, deployed_sha, deployed_tag, system, config_json,"
    " hive_rev) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET deployed_sha = excluded.deployed_sha,"
    " deployed_tag = excluded.deployed_tag, system = excluded.system,"
    " config_json = excluded.config_json, hive_rev = excluded.hive_rev"
)


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
    deployed_sha: str | None = None
    """The commit of its applied repository that it runs, 40 hex digits; None: none yet."""
    deployed_tag: str | None = None
    """`deployed/<id>` of that commit."""
    system: str | None = None
    """What the runtime built of it; None where it builds nothing of its own."""
    config: AgentConfig | None = None
    """What its `agent.toml` said in that commit."""
    hive_rev: str | None = None
    """The installation of hive it was last set up by."""


@attrs.frozen
class Deployed:
    """What a job left an agent with; an agent that is not registered yet is, wanted running."""

    name: AgentName
    sha: str | None = None
    tag: str | None = None
    system: str | None = None
    config: AgentConfig | None = None
    hive_rev: str | None = None


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
                f"INSERT INTO agents ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                _row(record),
            )

        await self._database.write(work)

    async def remove(self, name: AgentName) -> None:
        """Forget an agent; one that is not there is no error."""
        query = "DELETE FROM agents WHERE name = ?"
        await self._database.write(lambda connection: connection.execute(query, (name,)))

    async def set_deployed(self, deployed: Deployed, now: float) -> AgentRecord:
        """Record what an agent runs, see `put_deployed`; returns its record.

        For what is no job: a migration from an older layout.
        """
        return await self._database.write(
            lambda connection: put_deployed(connection, deployed, now)
        )

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


def put_deployed(connection: Connection, deployed: Deployed, now: float) -> AgentRecord:
    """Record inside a running transaction what an agent runs.

    An unknown agent is registered at `now`, wanted running; of a known one nothing but its
    deployment changes. Returns the whole record.
    """
    name = deployed.name
    values = (deployed.sha, deployed.tag, deployed.system, _to_text(deployed.config))
    connection.execute(_DEPLOY, (name, now, RUNNING, *values, deployed.hive_rev))
    query = f"SELECT {_COLUMNS} FROM agents WHERE name = ?"
    return _record(connection.execute(query, (name,)).fetchone())


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no agent {name!r}: `hive.pyz list` names those that exist")


def _row(record: AgentRecord) -> tuple[Any, ...]:
    *others, config, hive_rev = attrs.astuple(record, recurse=False)
    return (*others, _to_text(config), hive_rev)


def _to_text(config: AgentConfig | None) -> str | None:
    return None if config is None else json.dumps(codec.to_json(config), ensure_ascii=False)


def _record(row: tuple[Any, ...]) -> AgentRecord:
    name, created_at, wanted, paused, status_text, status_set_at, parent, *deployed = row
    sha, tag, system, config, hive_rev = deployed
    return AgentRecord(
        name=AgentName(name),
        created_at=created_at,
        wanted=wanted,
        paused=bool(paused),
        status_text=status_text,
        status_set_at=status_set_at,
        parent=None if parent is None else AgentName(parent),
        deployed_sha=sha,
        deployed_tag=tag,
        system=system,
        config=None if config is None else codec.from_json(AgentConfig, json.loads(config)),
        hive_rev=hive_rev,
    )
