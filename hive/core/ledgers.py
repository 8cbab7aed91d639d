"""Every agent's account of its connections: in memory, stored now and then, dropped with it."""

from __future__ import annotations

from collections.abc import Callable

from hive.egress.ledger import Ledger
from hive.store.network import NetworkStore
from hive.wire.names import AgentName


class Ledgers:
    """The accounts of one hive."""

    def __init__(self, store: NetworkStore, clock: Callable[[], float]) -> None:
        """Empty until `load`."""
        self._store = store
        self._clock = clock
        self._books: dict[AgentName, Ledger] = {}

    async def load(self) -> None:
        """Read what was stored."""
        reached = await self._store.reached()
        connections = await self._store.connections()
        for name in {*reached, *connections}:
            self._books[name] = Ledger(
                self._clock, reached.get(name, ()), connections.get(name, ())
            )

    def of(self, name: AgentName) -> Ledger:
        """Return one agent's account; an empty one when it is new."""
        if name not in self._books:
            self._books[name] = Ledger(self._clock)
        return self._books[name]

    async def store(self) -> None:
        """Store what is new; raises `Unavailable`, and then it is still new."""
        for name, book in list(self._books.items()):
            changes = book.take_changes()
            if changes is None:
                continue
            is_stored = False
            try:
                await self._store.save(name, changes.reached, changes.gone, changes.connections)
                is_stored = True
            finally:
                if not is_stored:
                    book.put_back(changes)

    async def forget(self, name: AgentName) -> None:
        """Drop what is known of an agent."""
        self._books.pop(name, None)
        await self._store.forget(name)
