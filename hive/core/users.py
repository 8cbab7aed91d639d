"""Whose the processes of each agent are: a user of its own where the runtime can do that.

A name keeps its user for ever, also when it was purged: a file of it that is left somewhere never
becomes another agent's.
"""

from __future__ import annotations

from hive.errors import Unavailable
from hive.host import users
from hive.store.users import UserStore
from hive.wire.names import MANAGER, AgentName


class Users:
    """The users of this hive's agents."""

    def __init__(self, store: UserStore, first: int, *, are_shared: bool, each: int = 1) -> None:
        """Each gets `each` numbers, the manager the first ones; where they are shared nobody does.

        `first` is where they may begin.
        """
        self._store = store
        self._each = each
        self._first = users.beginning(first, each)
        self._are_shared = are_shared
        self._numbers: dict[AgentName, int] = {}

    async def load(self) -> None:
        """Read what was allotted, and see that the manager has one."""
        self._numbers = await self._store.all()
        await self.allot(MANAGER)

    def of(self, name: AgentName) -> int | None:
        """Return an agent's user; None where it has none of its own."""
        number = self._numbers.get(name)
        if self._are_shared or number is None:
            return None
        return self._first + number * self._each

    async def allot(self, name: AgentName) -> int | None:
        """Return an agent's user, a new one where it has none; None where they are shared.

        Raises `Unavailable` when all numbers were given out.
        """
        if not self._are_shared and name not in self._numbers:
            self._numbers[name] = await self._store.allot(name)
        user = self.of(name)
        if user is not None and user + self._each > users.END:
            raise Unavailable(
                f"there is no user left for {name}: its number would be {user}, and those from"
                f" {users.END} on are not hive's; set agent_uids lower"
            )
        return user
