"""The question queue; each change of state stores the message that tells of it.

The table keeps its old name although it holds questions between agents too: `target` NULL is the
operator.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs

from hive.errors import Conflict, NotFound
from hive.store import messages
from hive.wire import questions
from hive.wire.limits import QUESTIONS_OPEN
from hive.wire.messages import Question, QuestionPage
from hive.wire.names import MANAGER, OPERATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hive.store.database import Connection, Database
    from hive.store.messages import Draft

_CANCELLED = (
    f"answerer = '{OPERATOR}' AND answer = '{questions.CANCELLED_ANSWER}'"
    f" OR answerer IN (asker, '{MANAGER}')"
    f" AND answer = replace('{questions.cancelled_by('?')}', '?', answerer)"
)
_HOW = (
    "CASE WHEN answered_at IS NULL THEN NULL"
    f" WHEN answerer = '{questions.WATCHDOG}' THEN '{questions.EXPIRED}'"
    f" WHEN {_CANCELLED} THEN '{questions.CANCELLED}'"
    f" WHEN answerer = '{OPERATOR}' AND target IS NOT NULL THEN '{questions.OVERRIDDEN}'"
    f" ELSE '{questions.ANSWERED}' END"
)
_COLUMNS = (
    "id, asker, target, question, options_json, multi, asked_at, deadline_at, answered_at, answer,"
    f" answerer, {_HOW} AS how"
)


@attrs.frozen
class Told:
    """A change that was committed: the question, and the message stored with it, if any."""

    question: Question
    draft: Draft | None = None
    message_ids: tuple[int, ...] = ()
    is_new: bool = True
    """False when a question with the same key was stored before."""


class QuestionStore:
    """The questions of one database."""

    def __init__(self, database: Database) -> None:
        """Uses an open broker database."""
        self._database = database

    async def add(
        self,
        question: Question,
        dedupe_key: str | None,
        notice: Callable[[Question], Draft | None],
    ) -> Told:
        """Store a question under a new id with the notice made from it.

        The same key of the same asker stores nothing and returns the first question. Raises
        `Conflict` when the asker has `QUESTIONS_OPEN` open ones.
        """
        row = _to_row(question)

        def work(connection: Connection) -> Told:
            if dedupe_key is not None:
                where = "asker = ? AND dedupe_key = ?"
                known = _select(connection, where, (question.asker, dedupe_key))
                if known:
                    return Told(known[0], is_new=False)
            _check_room(connection, question.asker)
            cursor = connection.execute(
                "INSERT INTO operator_questions (asker, target, question, options_json, multi,"
                " asked_at, deadline_at, dedupe_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, dedupe_key),
            )
            return _tell(connection, attrs.evolve(question, id=cursor.lastrowid or 0), notice)

        return await self._database.write(work)

    async def resolve(
        self,
        id_: int,
        answer: str,
        answerer: str,
        now: float,
        *,
        allow: Callable[[Question], None],
        notice: Callable[[Question], Draft],
    ) -> Told:
        """Answer an open question and store the notice for its asker.

        `allow` raises when the answerer may not. Raises `NotFound`, or `Conflict` when somebody
        answered first.
        """

        def work(connection: Connection) -> Told:
            found = _select(connection, "id = ?", (id_,))
            if not found:
                raise NotFound(
                    f"no question {id_}: get_loose_ends or `hive.pyz questions` lists those open"
                )
            allow(found[0])
            if found[0].answered_at is not None:
                raise Conflict(f"question {id_} was answered by {found[0].answerer} already")
            connection.execute(
                "UPDATE operator_questions SET answer = ?, answerer = ?, answered_at = ?"
                " WHERE id = ?",
                (answer, answerer, now, id_),
            )
            return _tell(connection, _select(connection, "id = ?", (id_,))[0], notice)

        return await self._database.write(work)

    async def open(self) -> list[Question]:
        """Return every question that waits for an answer, oldest first."""
        return await self._read("answered_at IS NULL ORDER BY id", ())

    async def history(self, limit: int) -> list[Question]:
        """Return the newest answered ones, newest first."""
        where = "answered_at IS NOT NULL ORDER BY answered_at DESC, id DESC LIMIT ?"
        return await self._read(where, (limit,))

    async def closed(
        self,
        limit: int,
        *,
        before: int | None = None,
        to: str | None = None,
        name: str | None = None,
        how: str | None = None,
    ) -> QuestionPage:
        """Return those closed before the question `before`, the last of them first.

        `to` is `operator` or `peer`; `name` is who asked, was asked or answered.
        """
        where = ["answered_at IS NOT NULL"]
        values: list[object] = []
        if before is not None:
            where.append(
                "(answered_at, id) < (SELECT answered_at, id FROM operator_questions WHERE id = ?)"
            )
            values.append(before)
        if to is not None:
            where.append(f"target IS {'NULL' if to == questions.TO_OPERATOR else 'NOT NULL'}")
        if name is not None:
            where.append(f"? IN (asker, coalesce(target, '{OPERATOR}'), answerer)")
            values.append(name)
        if how is not None:
            where.append("how = ?")
            values.append(how)
        condition = f"{' AND '.join(where)} ORDER BY answered_at DESC, id DESC LIMIT ?"
        found = await self._read(condition, (*values, limit + 1))
        return QuestionPage(tuple(found[:limit]), is_end=len(found) <= limit)

    async def some(self, ids: Sequence[int]) -> list[Question]:
        """Return those questions of these that are there, oldest first."""
        where = "id IN (SELECT value FROM json_each(?)) ORDER BY id"
        return await self._read(where, (json.dumps(list(ids)),))

    async def due(self, now: float, limit: int) -> list[Question]:
        """Return open questions whose time is over, the longest overdue first."""
        where = "answered_at IS NULL AND deadline_at <= ? ORDER BY deadline_at, id LIMIT ?"
        return await self._read(where, (now, limit))

    async def _read(self, where: str, values: tuple[object, ...]) -> list[Question]:
        return await self._database.read(lambda connection: _select(connection, where, values))


def _check_room(connection: Connection, asker: str) -> None:
    query = "SELECT count(*) FROM operator_questions WHERE asker = ? AND answered_at IS NULL"
    if connection.execute(query, (asker,)).fetchone()[0] >= QUESTIONS_OPEN:
        raise Conflict(
            f"{QUESTIONS_OPEN} of your questions are open, which is the limit: wait for answers, or"
            " withdraw what is no longer wanted (get_loose_ends lists them)"
        )


def _tell(
    connection: Connection, question: Question, notice: Callable[[Question], Draft | None]
) -> Told:
    draft = notice(question)
    ids = messages.insert(connection, draft) if draft is not None else []
    return Told(question, draft, tuple(ids))


def _select(connection: Connection, where: str, values: tuple[object, ...]) -> list[Question]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM operator_questions WHERE {where}", values)
    return [_question(row) for row in rows.fetchall()]


def _to_row(question: Question) -> tuple[object, ...]:
    return (
        question.asker,
        question.target,
        question.question,
        json.dumps(question.options, ensure_ascii=False),
        question.multi,
        question.asked_at,
        question.deadline_at,
    )


def _question(row: tuple[Any, ...]) -> Question:
    id_, asker, target, question, options, multi, *times_and_answer = row
    return Question(
        id_, asker, target, question, tuple(json.loads(options)), bool(multi), *times_and_answer
    )
