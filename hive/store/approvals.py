"""The approval queue: what waits for the operator, decided exactly once, kept for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hive.errors import Conflict, NotFound
from hive.wire.approvals import FAILED, PENDING, Approval

if TYPE_CHECKING:
    from hive.store.database import Clock, Connection, Database

_COLUMNS = (
    "id, agent, kind, commit_ref, requested_at, status, fetched_sha, resolved_at, note, description"
)
_DECIDE = (
    "UPDATE approvals SET status = ?, note = coalesce(?, note), resolved_at = ?"
    " WHERE id = ? AND status = ?"
)


class ApprovalStore:
    """The approvals of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Uses an open broker database; `clock` stamps requests and decisions."""
        self._database = database
        self._clock = clock

    async def add(
        self, agent: str, kind: str, *, commit_ref: str = "", description: str | None = None
    ) -> Approval:
        """Queue a request and return it."""
        now = self._clock()

        def work(connection: Connection) -> int:
            cursor = connection.execute(
                "INSERT INTO approvals (agent, kind, commit_ref, requested_at, status, description)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (agent, kind, commit_ref, now, PENDING, description),
            )
            return cursor.lastrowid or 0

        id_ = await self._database.write(work)
        return Approval(id_, agent, kind, commit_ref, now, PENDING, description=description)

    async def get(self, id_: int) -> Approval:
        """Return one approval; raises `NotFound`."""
        rows = await self._select("WHERE id = ?", (id_,))
        if not rows:
            raise NotFound(f"there is no approval {id_}: `hive.pyz pending` lists those that wait")
        return rows[0]

    async def pending(self, agent: str | None = None) -> list[Approval]:
        """Return what waits, oldest first: everything, or what concerns one agent."""
        where = "WHERE status = ? AND (? IS NULL OR agent = ?) ORDER BY id"
        return await self._select(where, (PENDING, agent, agent))

    async def history(self, limit: int) -> list[Approval]:
        """Return the newest that were decided, newest first."""
        where = "WHERE status <> ? ORDER BY resolved_at DESC, id DESC LIMIT ?"
        return await self._select(where, (PENDING, limit))

    async def set_fetched(self, id_: int, sha: str) -> Approval:
        """Note the commit that was pinned for an approval, and return it; raises `NotFound`."""
        query = "UPDATE approvals SET fetched_sha = ? WHERE id = ?"
        await self._database.write(lambda connection: connection.execute(query, (sha, id_)))
        return await self.get(id_)

    async def resolve(
        self, id_: int, *, status: str, note: str | None = None, expected: str = PENDING
    ) -> bool:
        """Move an approval from `expected` to `status`; False when it was no longer there.

        Whoever gets True, and nobody else, does what follows from the decision.
        """
        values = (status, note, self._clock(), id_, expected)
        return await self._database.write(
            lambda connection: connection.execute(_DECIDE, values).rowcount == 1
        )

    async def fail_all(self, agent: str, note: str) -> list[Approval]:
        """Fail whatever waits for an agent that is gone; return the failed."""
        now = self._clock()

        def work(connection: Connection) -> list[int]:
            query = "SELECT id FROM approvals WHERE agent = ? AND status = ?"
            ids = [row[0] for row in connection.execute(query, (agent, PENDING)).fetchall()]
            connection.executemany(_DECIDE, [(FAILED, note, now, id_, PENDING) for id_ in ids])
            return ids

        return [await self.get(id_) for id_ in await self._database.write(work)]

    async def _select(self, where: str, values: tuple[object, ...]) -> list[Approval]:
        query = f"SELECT {_COLUMNS} FROM approvals {where}"
        return await self._database.read(
            lambda connection: [_approval(row) for row in connection.execute(query, values)]
        )


def _approval(row: tuple[Any, ...]) -> Approval:
    return Approval(*row)


def move(
    connection: Connection, id_: int, status: str, note: str | None, now: float, *, expected: str
) -> Approval:
    """Move an approval from `expected` to `status` inside a running transaction; return it.

    Raises `NotFound`, or `Conflict` when it is in another state.
    """
    moved = connection.execute(_DECIDE, (status, note, now, id_, expected)).rowcount == 1
    row = connection.execute(f"SELECT {_COLUMNS} FROM approvals WHERE id = ?", (id_,)).fetchone()
    if row is None:
        raise NotFound(f"there is no approval {id_}: `hive.pyz pending` lists those that wait")
    approval = _approval(row)
    if not moved:
        raise Conflict(f"approval {id_} for {approval.agent} is {approval.status} already")
    return approval
