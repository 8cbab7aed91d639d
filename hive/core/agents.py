"""Who exists: the registry of agents, held in memory and kept in the store.

The sockets follow it: `open_names` says whose socket can be connected to, and a container is only
started once its socket is open.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

from hive.errors import Conflict, NotFound
from hive.store.agents import RUNNING, STOPPED, AgentRecord, AgentStore, Deployed
from hive.wire.names import MANAGER, AgentName

SOCKET_S = 10.0


class Agents:
    """Every agent of this hive, the manager included, by name."""

    def __init__(self, store: AgentStore, clock: Callable[[], float]) -> None:
        """Empty until `load`."""
        self._store = store
        self._clock = clock
        self._records: dict[AgentName, AgentRecord] = {}
        self._changed = trio.Event()
        self.open_names: set[AgentName] = set()
        self._opened = trio.Event()

    async def load(self) -> None:
        """Read the registry."""
        self._records = {record.name: record for record in await self._store.all()}

    def names(self) -> list[AgentName]:
        """Return every name, the manager first, the others in alphabetical order."""
        return sorted(self._records, key=lambda name: (name != MANAGER, name))

    def get(self, name: AgentName) -> AgentRecord:
        """Return what is kept of that agent; raises `NotFound` naming those that exist."""
        record = self._records.get(name)
        if record is None:
            known = ", ".join(self.names()) or "none yet"
            raise NotFound(f"there is no agent {name!r}; there are: {known}")
        return record

    def __contains__(self, name: object) -> bool:
        """Whether that agent exists."""
        return name in self._records

    def known_names(self) -> list[str]:
        """Return everybody but the operator a message can be sent to."""
        return list(self._records)

    def allowed_recipients(self, sender: str) -> tuple[str, ...]:
        """Return whom the sender's deployed agent.toml lists; empty: it may write to everybody."""
        record = self._records.get(AgentName(sender))
        return () if record is None or record.config is None else record.config.allowed_recipients

    async def add(self, name: AgentName) -> None:
        """Register a new agent, wanted running; raises `Conflict` when it exists."""
        if name in self._records:
            raise Conflict(f"there is an agent {name!r} already: choose another name")
        record = AgentRecord(name=name, created_at=self._clock(), wanted=RUNNING)
        await self._store.add(record)
        self._put(record)

    async def remove(self, name: AgentName) -> None:
        """Forget an agent."""
        await self._store.remove(name)
        self._records.pop(name, None)
        self._notify()

    async def set_deployed(self, deployed: Deployed) -> None:
        """Remember what an agent runs, outside of a job."""
        self.took(await self._store.set_deployed(deployed, self._clock()))

    def took(self, record: AgentRecord) -> None:
        """Take over what the end of a job made of an agent's record."""
        self._put(record)

    async def set_wanted(self, name: AgentName, *, is_running: bool) -> None:
        """Remember whether that agent is to run."""
        wanted = RUNNING if is_running else STOPPED
        await self._store.set_wanted(name, wanted)
        self._put(attrs.evolve(self.get(name), wanted=wanted))

    async def set_paused(self, name: AgentName, *, paused: bool) -> None:
        """Remember whether that agent is paused."""
        await self._store.set_paused(name, paused=paused)
        self._put(attrs.evolve(self.get(name), paused=paused))

    async def set_status(self, name: AgentName, text: str | None) -> None:
        """Set that agent's own status line."""
        now = self._clock()
        await self._store.set_status(name, text, now)
        self._put(attrs.evolve(self.get(name), status_text=text, status_set_at=now))

    def is_wanted(self, name: AgentName) -> bool:
        """Whether that agent exists and is to run."""
        record = self._records.get(name)
        return record is not None and record.wanted == RUNNING

    async def wait_changed(self) -> None:
        """Wait until the registry changes."""
        await self._changed.wait()

    def set_open(self, name: AgentName) -> None:
        """Say that an agent's socket is open; called by the task that keeps them."""
        self.open_names.add(name)
        self._opened.set()
        self._opened = trio.Event()

    async def wait_open(self, name: AgentName) -> None:
        """Wait until that agent's socket is open; raises `Conflict` after `SOCKET_S`."""
        with trio.move_on_after(SOCKET_S) as late:
            while name not in self.open_names:
                await self._opened.wait()
        if late.cancelled_caught:
            raise Conflict(f"the socket of {name} does not open: look at hive.pyz doctor")

    def _put(self, record: AgentRecord) -> None:
        self._records[record.name] = record
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
