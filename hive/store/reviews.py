"""Comments on proposed commits: drafts while a proposal waits, and then part of its decision.

What becomes of them is decided in the transaction that decides the approval, and the message that
tells of them is made there of the rows as they are then: none is told twice, and none that was
written at the same moment is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from hive.errors import Conflict, NotFound
from hive.wire.approvals import PENDING, Approval
from hive.wire.reviews import SEND, Comment, NewComment

if TYPE_CHECKING:
    from hive.store.database import Clock, Connection, Database
    from hive.store.messages import Draft

COMMENTS_MOST = 100
"""Of one proposal; more than anybody would answer."""

_COLUMNS = "id, approval_id, path, side, line, quote, text, base_ref, base_sha, written_at, sent_at"


@attrs.frozen
class Review:
    """What a decision does with the comments that were written on a proposal."""

    told: Callable[[Approval, tuple[Comment, ...]], Draft | None]
    """The message that goes out with the decision, of the comments that are sent."""
    fate: str | None = None
    """One of `FATES`; without one a decision with comments is refused."""
    given: tuple[NewComment, ...] = ()
    """Comments that come with the decision."""


class ReviewStore:
    """The comments of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Uses an open broker database; `clock` stamps what is written."""
        self._database = database
        self._clock = clock

    async def of(self, approval_id: int) -> list[Comment]:
        """Return the comments on a proposal, in the order in which they were written."""
        return await self._database.read(lambda connection: _of(connection, approval_id))

    async def add(self, approval_id: int, new: NewComment) -> Comment:
        """Keep a draft; raises `Conflict` when the proposal is decided or has too many."""
        now = self._clock()

        def work(connection: Connection) -> Comment:
            _need_pending(connection, approval_id)
            return _add(connection, approval_id, new, now)

        return await self._database.write(work)

    async def edit(self, id_: int, text: str) -> Comment:
        """Change the text of a draft; raises `NotFound`, or `Conflict` when it is none any more."""

        def work(connection: Connection) -> Comment:
            found = _get(connection, id_)
            _need_pending(connection, found.approval_id)
            connection.execute("UPDATE review_comments SET text = ? WHERE id = ?", (text, id_))
            return attrs.evolve(found, text=text)

        return await self._database.write(work)

    async def drop(self, id_: int) -> Comment:
        """Forget a draft and return it; raises as `edit` does."""

        def work(connection: Connection) -> Comment:
            found = _get(connection, id_)
            _need_pending(connection, found.approval_id)
            connection.execute("DELETE FROM review_comments WHERE id = ?", (id_,))
            return found

        return await self._database.write(work)


def decide(connection: Connection, approval: Approval, review: Review, now: float) -> Draft | None:
    """Do what a decision does with the comments, inside its transaction.

    Returns the message that tells of it. Raises `Conflict` when there are comments and it is not
    said what is to become of them.
    """
    for new in review.given:
        _add(connection, approval.id, new, now)
    found = _of(connection, approval.id)
    if found and review.fate is None:
        raise Conflict(
            f"{len(found)} comments were written on approval {approval.id}: say whether they are to"
            f" be sent or dropped, as in `hive.pyz approve {approval.id} --comments send`"
        )
    if review.fate == SEND:
        query = "UPDATE review_comments SET sent_at = ? WHERE approval_id = ?"
        connection.execute(query, (now, approval.id))
    else:
        connection.execute("DELETE FROM review_comments WHERE approval_id = ?", (approval.id,))
        found = []
    sent = tuple(attrs.evolve(each, sent_at=now) for each in found)
    return review.told(approval, sent)


def _add(connection: Connection, approval_id: int, new: NewComment, now: float) -> Comment:
    query = "SELECT count(*) FROM review_comments WHERE approval_id = ?"
    (count,) = connection.execute(query, (approval_id,)).fetchone()
    if count >= COMMENTS_MOST:
        raise Conflict(
            f"approval {approval_id} has {COMMENTS_MOST} comments already: put the rest into its"
            " note, or deny it with these"
        )
    cursor = connection.execute(
        "INSERT INTO review_comments (approval_id, path, side, line, quote, text, base_ref,"
        " base_sha, written_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            approval_id,
            new.path,
            new.side,
            new.line,
            new.quote,
            new.text,
            new.base_ref,
            new.base_sha,
            now,
        ),
    )
    return _get(connection, cursor.lastrowid or 0)


def _need_pending(connection: Connection, approval_id: int) -> None:
    query = "SELECT status FROM approvals WHERE id = ?"
    row = connection.execute(query, (approval_id,)).fetchone()
    if row is None:
        raise NotFound(f"there is no approval {approval_id}: `hive.pyz pending` lists them")
    if row[0] != PENDING:
        raise Conflict(f"approval {approval_id} is {row[0]} already: its comments stay as they are")


def _get(connection: Connection, id_: int) -> Comment:
    query = f"SELECT {_COLUMNS} FROM review_comments WHERE id = ?"
    row = connection.execute(query, (id_,)).fetchone()
    if row is None:
        raise NotFound(f"there is no comment {id_}: it was removed, or never written")
    return _comment(row)


def _of(connection: Connection, approval_id: int) -> list[Comment]:
    query = f"SELECT {_COLUMNS} FROM review_comments WHERE approval_id = ? ORDER BY id"
    return [_comment(row) for row in connection.execute(query, (approval_id,))]


def _comment(row: tuple[Any, ...]) -> Comment:
    return Comment(*row)
