"""The approval queue: what waits for the operator, decided exactly once, kept for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hive.errors import Conflict, NotFound
from hive.wire.approvals import PENDING, Approval

if TYPE_CHECKING:
    from hive.store.database import Clock, Connection, Database

_COLUMNS = (
    "id, agent, kind, commit_ref, requested_at, status, fetched_sha, resolved_at, note,"
    " description, resolved_by,"
    " (SELECT count(*) FROM review_comments WHERE approval_id = approvals.id)"
)
_DECIDE = (
    "UPDATE approvals SET status = :status, resolved_at = :now,"
    " resolved_by = coalesce(:by, resolved_by),"
    # What was noted while it waited was for whoever decides, and no reason of theirs.
    f" note = CASE status WHEN '{PENDING}' THEN :note ELSE coalesce(:note, note) END"
    " WHERE id = :id AND status = :expected"
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

    async def history(
        self,
        limit: int,
        *,
        agent: str | None = None,
        status: str | None = None,
        before: int | None = None,
    ) -> list[Approval]:
        """Return the newest that were decided, newest first.

        Of one agent, with one outcome, and decided before the approval `before`, where these are
        given. Raises `NotFound` for an approval that is not there.
        """
        where = "WHERE resolved_at IS NOT NULL AND status <> :pending"
        given: dict[str, object] = {
            "pending": PENDING,
            "agent": agent,
            "status": status,
            "limit": limit,
        }
        if agent is not None:
            where += " AND agent = :agent"
        if status is not None:
            where += " AND status = :status"
        if before is not None:
            last = await self.get(before)
            where += " AND (resolved_at, id) < (:at, :before)"
            given |= {"at": last.resolved_at, "before": before}
        return await self._select(f"{where} ORDER BY resolved_at DESC, id DESC LIMIT :limit", given)

    async def count_on(self, number: int) -> None:
        """Give no approval that number or a smaller one any more; they were given."""
        query = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'approvals'"
        last = await self._database.read(lambda connection: connection.execute(query).fetchone()[0])
        if last >= number:
            return

        def work(connection: Connection) -> None:
            connection.execute("DELETE FROM sqlite_sequence WHERE name = 'approvals'")
            connection.execute("INSERT INTO sqlite_sequence VALUES ('approvals', ?)", (number,))

        await self._database.write(work)

    async def set_fetched(self, id_: int, sha: str, note: str | None = None) -> Approval:
        """Note the commit that was pinned for an approval, and return it; raises `NotFound`.

        `note` says what is wrong with the commit, if that can be seen before it is built.
        """
        query = "UPDATE approvals SET fetched_sha = ?, note = coalesce(note, ?) WHERE id = ?"
        await self._database.write(lambda connection: connection.execute(query, (sha, note, id_)))
        return await self.get(id_)

    async def resolve(
        self,
        id_: int,
        *,
        status: str,
        note: str | None = None,
        expected: str = PENDING,
        by: str | None = None,
    ) -> bool:
        """Move an approval from `expected` to `status`; False when it was no longer there.

        Whoever gets True, and nobody else, does what follows from the decision.
        """
        values = _decision(id_, status, note, self._clock(), expected, by)
        return await self._database.write(
            lambda connection: connection.execute(_DECIDE, values).rowcount == 1
        )

    async def _select(
        self, where: str, values: tuple[object, ...] | dict[str, object]
    ) -> list[Approval]:
        query = f"SELECT {_COLUMNS} FROM approvals {where}"
        return await self._database.read(
            lambda connection: [_approval(row) for row in connection.execute(query, values)]
        )


def _approval(row: tuple[Any, ...]) -> Approval:
    return Approval(*row)


def _decision(
    id_: int, status: str, note: str | None, now: float, expected: str, by: str | None
) -> dict[str, object]:
    fields = {"id": id_, "status": status, "note": note, "now": now, "expected": expected}
    return {**fields, "by": by}


def move(
    connection: Connection,
    id_: int,
    status: str,
    note: str | None,
    now: float,
    *,
    expected: str,
    by: str | None = None,
) -> Approval:
    """Move an approval from `expected` to `status` inside a running transaction; return it.

    Raises `NotFound`, or `Conflict` when it is in another state.
    """
    values = _decision(id_, status, note, now, expected, by)
    moved = connection.execute(_DECIDE, values).rowcount == 1
    approval = read(connection, id_)
    if not moved:
        raise Conflict(f"approval {id_} for {approval.agent} is {approval.status} already")
    return approval


def read(connection: Connection, id_: int) -> Approval:
    """Return one approval inside a running transaction; raises `NotFound`."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM approvals WHERE id = ?", (id_,)).fetchone()
    if row is None:
        raise NotFound(f"there is no approval {id_}: `hive.pyz pending` lists those that wait")
    return _approval(row)
