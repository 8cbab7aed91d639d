"""The approval queue: what waits for the operator, decided exactly once, kept for ever."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hive.wire.approvals import FAILED, PENDING, Approval

if TYPE_CHECKING:
    from hive.store.database import Connection, Database

_COLUMNS = (
    "id, agent, kind, commit_ref, requested_at, status, fetched_sha, resolved_at, note, description"
)
_DECIDE = (
    "UPDATE approvals SET status = ?, note = coalesce(?, note), resolved_at = ?"
    " WHERE id = ? AND status = ?"
)


class ApprovalStore:
    """The approvals of one database."""

    def __init__(self, database: Database) -> None:
        """Uses an open broker database; times are Unix seconds."""
        self._database = database

    async def add(
        self,
        agent: str,
        kind: str,
        *,
        requested_at: float,
        commit_ref: str = "",
        description: str | None = None,
    ) -> Approval:
        """Queue a request and return it."""

        def work(connection: Connection) -> int:
            cursor = connection.execute(
                "INSERT INTO approvals (agent, kind, commit_ref, requested_at, status, description)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (agent, kind, commit_ref, requested_at, PENDING, description),
            )
            return cursor.lastrowid or 0

        id_ = await self._database.write(work)
        return Approval(
            id_, agent, kind, commit_ref, requested_at, PENDING, description=description
        )

    async def get(self, id_: int) -> Approval | None:
        """Return one approval, or None when there is none of that id."""
        rows = await self._select("WHERE id = ?", (id_,))
        return rows[0] if rows else None

    async def pending(self, agent: str | None = None) -> list[Approval]:
        """Return what waits, oldest first: everything, or what concerns one agent."""
        where = "WHERE status = ? AND (? IS NULL OR agent = ?) ORDER BY id"
        return await self._select(where, (PENDING, agent, agent))

    async def history(self, limit: int) -> list[Approval]:
        """Return the newest that were decided, newest first."""
        where = "WHERE status <> ? ORDER BY resolved_at DESC, id DESC LIMIT ?"
        return await self._select(where, (PENDING, limit))

    async def resolve(
        self,
        id_: int,
        *,
        status: str,
        resolved_at: float,
        note: str | None = None,
        expected: str = PENDING,
    ) -> bool:
        """Move an approval from `expected` to `status`; False when it was no longer there.

        Whoever gets True, and nobody else, does what follows from the decision.
        """
        values = (status, note, resolved_at, id_, expected)
        return await self._database.write(
            lambda connection: connection.execute(_DECIDE, values).rowcount == 1
        )

    async def set_fetched_sha(self, id_: int, sha: str) -> None:
        """Pin what an approval will build."""
        query = "UPDATE approvals SET fetched_sha = ? WHERE id = ?"
        await self._database.write(lambda connection: connection.execute(query, (sha, id_)))

    async def fail_all(self, agent: str, note: str, resolved_at: float) -> list[Approval]:
        """Fail whatever waits for an agent that is gone; return the failed."""

        def work(connection: Connection) -> list[int]:
            query = "SELECT id FROM approvals WHERE agent = ? AND status = ?"
            ids = [row[0] for row in connection.execute(query, (agent, PENDING)).fetchall()]
            connection.executemany(
                _DECIDE, [(FAILED, note, resolved_at, id_, PENDING) for id_ in ids]
            )
            return ids

        failed = await self._database.write(work)
        among = "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
        return await self._select(among, (json.dumps(failed),))

    async def _select(self, where: str, values: tuple[object, ...]) -> list[Approval]:
        query = f"SELECT {_COLUMNS} FROM approvals {where}"
        return await self._database.read(
            lambda connection: [_approval(row) for row in connection.execute(query, values)]
        )


def _approval(row: tuple[Any, ...]) -> Approval:
    return Approval(*row)
