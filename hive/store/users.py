"""Which number each agent's user has, counted from the first; what was given out is never again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hive.wire.names import AgentName

if TYPE_CHECKING:
    from hive.store.database import Connection, Database


class UserStore:
    """The users of one database."""

    def __init__(self, database: Database) -> None:
        """Uses an open broker database."""
        self._database = database

    async def all(self) -> dict[AgentName, int]:
        """Return the number of every name that ever got one."""
        query = "SELECT name, number FROM users"
        return await self._database.read(
            lambda connection: {
                AgentName(name): number for name, number in connection.execute(query)
            }
        )

    async def allot(self, name: AgentName) -> int:
        """Return a name's number, the next one where it has none."""

        def work(connection: Connection) -> int:
            connection.execute(
                "INSERT OR IGNORE INTO users (name, number)"
                " VALUES (?, (SELECT coalesce(max(number) + 1, 0) FROM users))",
                (name,),
            )
            query = "SELECT number FROM users WHERE name = ?"
            return int(connection.execute(query, (name,)).fetchone()[0])

        return await self._database.write(work)
