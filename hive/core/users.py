"""Whose the processes of each agent are: a user of its own where the runtime can do that.

A name keeps its user for ever, also when it was purged: a file of it that is left somewhere never
becomes another agent's.
"""

from __future__ import annotations

from hive.store.users import UserStore
from hive.wire.names import MANAGER, AgentName


class Users:
    """The users of this hive's agents."""

    def __init__(self, store: UserStore, first: int, *, are_shared: bool) -> None:
        """`first` is the manager's; where they are shared nobody gets one."""
        self._store = store
        self._first = first
        self._are_shared = are_shared
        self._numbers: dict[AgentName, int] = {}

    async def load(self) -> None:
        """Read what was allotted, and see that the manager has one."""
        self._numbers = await self._store.all()
        await self.allot(MANAGER)

    def of(self, name: AgentName) -> int | None:
        """Return an agent's user; None where it has none of its own."""
        number = self._numbers.get(name)
        return None if self._are_shared or number is None else self._first + number

    async def allot(self, name: AgentName) -> int | None:
        """Return an agent's user, a new one where it has none; None where they are shared."""
        if not self._are_shared and name not in self._numbers:
            self._numbers[name] = await self._store.allot(name)
        return self.of(name)
