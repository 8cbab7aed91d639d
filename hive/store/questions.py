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
from hive.wire.messages import Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from hive.store.database import Connection, Database
    from hive.store.messages import Draft

_COLUMNS = (
    "id, asker, target, question, options_json, multi, asked_at, deadline_at, answered_at, answer,"
    " answerer"
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

        The same key of the same asker stores nothing and returns the first question.
        """
        row = _to_row(question)

        def work(connection: Connection) -> Told:
            if dedupe_key is not None:
                where = "asker = ? AND dedupe_key = ?"
                known = _select(connection, where, (question.asker, dedupe_key))
                if known:
                    return Told(known[0], is_new=False)
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
            question = attrs.evolve(found[0], answer=answer, answerer=answerer, answered_at=now)
            return _tell(connection, question, notice)

        return await self._database.write(work)

    async def open(self) -> list[Question]:
        """Return every question that waits for an answer, oldest first."""
        return await self._read("answered_at IS NULL ORDER BY id", ())

    async def history(self, limit: int) -> list[Question]:
        """Return the newest answered ones, newest first."""
        where = "answered_at IS NOT NULL ORDER BY answered_at DESC, id DESC LIMIT ?"
        return await self._read(where, (limit,))

    async def due(self, now: float, limit: int) -> list[Question]:
        """Return open questions whose time is over, the longest overdue first."""
        where = "answered_at IS NULL AND deadline_at <= ? ORDER BY deadline_at, id LIMIT ?"
        return await self._read(where, (now, limit))

    async def _read(self, where: str, values: tuple[object, ...]) -> list[Question]:
        return await self._database.read(lambda connection: _select(connection, where, values))


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
    id_, asker, target, question, options, multi, asked, deadline, answered, answer, answerer = row
    return Question(
        id=id_,
        asker=asker,
        target=target,
        question=question,
        options=tuple(json.loads(options)),
        multi=bool(multi),
        asked_at=asked,
        deadline_at=deadline,
        answered_at=answered,
        answer=answer,
        answerer=answerer,
    )
