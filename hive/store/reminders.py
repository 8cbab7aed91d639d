"""Reminders: pending, due, delivered in one transaction with their message, given up on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from hive.errors import Conflict, NotFound
from hive.store import messages
from hive.wire.limits import REMINDERS_PENDING
from hive.wire.messages import Reminder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hive.store.database import Connection, Database
    from hive.store.messages import Draft

ATTEMPTS_MAX = 5

_COLUMNS = "id, agent, message, file_path, due_at, created_at, attempt_count, last_error"
_MINE = "sent_at IS NULL AND (? IS NULL OR agent = ?)"


@attrs.frozen
class Delivery:
    """A due reminder and the message it becomes."""

    reminder_id: int
    draft: Draft


class ReminderStore:
    """The reminders of one database."""

    def __init__(self, database: Database) -> None:
        """Uses an open broker database."""
        self._database = database

    async def find(self, agent: str, dedupe_key: str) -> int | None:
        """Return the id stored under an agent's key before."""
        return await self._database.read(lambda connection: _known(connection, agent, dedupe_key))

    async def add(self, reminder: Reminder, dedupe_key: str | None) -> int:
        """Store a reminder and return its id; the same key of the same agent answers the first.

        Raises `Conflict` when the agent has `REMINDERS_PENDING` of them.
        """

        def work(connection: Connection) -> int:
            if dedupe_key is not None:
                known = _known(connection, reminder.agent, dedupe_key)
                if known is not None:
                    return known
            _check_room(connection, reminder.agent)
            cursor = connection.execute(
                "INSERT INTO reminders (agent, message, file_path, due_at, created_at, dedupe_key)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    reminder.agent,
                    reminder.message,
                    reminder.file_path,
                    reminder.due_at,
                    reminder.created_at,
                    dedupe_key,
                ),
            )
            return cursor.lastrowid or 0

        return await self._database.write(work)

    async def check_room(self, agent: str) -> None:
        """Raise what `add` would raise for an agent with too many of them."""
        await self._database.read(lambda connection: _check_room(connection, agent))

    async def pending(self, agent: str | None = None) -> list[Reminder]:
        """Return what is not delivered, the next due first: everybody's, or one agent's."""
        return await self._read(f"{_MINE} ORDER BY due_at, id", (agent, agent))

    async def count_pending(self, agent: str) -> int:
        """How many reminders of an agent are pending."""
        return await self._database.read(lambda connection: _count(connection, agent))

    async def counts(self) -> dict[str, int]:
        """How many are pending, by agent; agents without any are left out."""
        query = "SELECT agent, count(*) FROM reminders WHERE sent_at IS NULL GROUP BY agent"
        return await self._database.read(lambda connection: dict(connection.execute(query)))

    async def due(self, now: float, limit: int) -> list[Reminder]:
        """Return what is due and not given up on, the longest overdue first."""
        where = "sent_at IS NULL AND due_at <= ? AND attempt_count < ? ORDER BY due_at, id LIMIT ?"
        return await self._read(where, (now, ATTEMPTS_MAX, limit))

    async def deliver(
        self, deliveries: Sequence[Delivery], now: float
    ) -> list[tuple[Draft, list[int]]]:
        """Store each message and mark its reminder sent, all in one transaction.

        A reminder that was cancelled or delivered meanwhile is passed over. Returns each stored
        draft with its ids.
        """

        def work(connection: Connection) -> list[tuple[Draft, list[int]]]:
            stored = []
            for delivery in deliveries:
                marked = connection.execute(
                    "UPDATE reminders SET sent_at = ? WHERE id = ? AND sent_at IS NULL",
                    (now, delivery.reminder_id),
                )
                if marked.rowcount == 1:
                    ids = messages.insert(connection, delivery.draft)
                    stored.append((delivery.draft, ids))
            return stored

        return await self._database.write(work)

    async def fail(self, id_: int, error: str) -> None:
        """Count a failed attempt and keep its reason."""
        query = (
            "UPDATE reminders SET attempt_count = attempt_count + 1, last_error = ? WHERE id = ?"
        )
        await self._database.write(lambda connection: connection.execute(query, (error, id_)))

    async def retry(self, id_: int) -> str:
        """Let a reminder that was given up on be tried again; returns whose. Raises `NotFound`."""
        query = (
            "UPDATE reminders SET attempt_count = 0, last_error = NULL"
            " WHERE id = ? AND sent_at IS NULL"
        )
        return await self._change(id_, query, (id_,))

    async def retry_all(self, agent: str) -> int:
        """Let every pending one of an agent that has failed be tried again; return how many."""
        query = (
            "UPDATE reminders SET attempt_count = 0, last_error = NULL"
            " WHERE agent = ? AND sent_at IS NULL AND attempt_count > 0"
        )
        return await self._database.write(
            lambda connection: connection.execute(query, (agent,)).rowcount
        )

    async def cancel(self, id_: int, agent: str | None = None) -> str:
        """Delete a pending reminder: anybody's, or one of `agent`; returns whose.

        Raises `NotFound`.
        """
        return await self._change(
            id_, f"DELETE FROM reminders WHERE id = ? AND {_MINE}", (id_, agent, agent)
        )

    async def _change(self, id_: int, query: str, values: tuple[object, ...]) -> str:
        def work(connection: Connection) -> str:
            rows = connection.execute(f"{query} RETURNING agent", values).fetchall()
            if not rows:
                raise NotFound(
                    f"no reminder {id_} is pending: get_loose_ends, `hive.pyz reminders` list them"
                )
            return str(rows[0][0])

        return await self._database.write(work)

    async def _read(self, where: str, values: tuple[object, ...]) -> list[Reminder]:
        query = f"SELECT {_COLUMNS} FROM reminders WHERE {where}"
        return await self._database.read(
            lambda connection: [_reminder(row) for row in connection.execute(query, values)]
        )


def _known(connection: Connection, agent: str, dedupe_key: str) -> int | None:
    query = "SELECT id FROM reminders WHERE agent = ? AND dedupe_key = ?"
    row = connection.execute(query, (agent, dedupe_key)).fetchone()
    return None if row is None else int(row[0])


def _check_room(connection: Connection, agent: str) -> None:
    if _count(connection, agent) >= REMINDERS_PENDING:
        raise Conflict(f"{REMINDERS_PENDING} reminders are pending, which is the limit: cancel one")


def _count(connection: Connection, agent: str) -> int:
    query = "SELECT count(*) FROM reminders WHERE sent_at IS NULL AND agent = ?"
    return int(connection.execute(query, (agent,)).fetchone()[0])


def _reminder(row: tuple[Any, ...]) -> Reminder:
    return Reminder(*row)
