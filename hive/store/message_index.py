"""The index that messages are searched by, and the search itself.

It is filled a little behind the sends, never by them: a row costs a fraction of its indexing, and a
sender would wait for it. What it knows is one number, kept in the transaction that fills it, so a
killed daemon goes on exactly there. Where sqlite cannot index there is none, and who searches is
told so.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from hive.errors import Unavailable
from hive.store import threads
from hive.store.agent_databases import TOKENS, excerpt

if TYPE_CHECKING:
    from hive.store.database import Connection, Database
    from hive.wire.search_query import Query

STEP_ROWS = 250
"""Indexed in one transaction: senders wait for it no longer than some milliseconds."""
INTERRUPT_OPS = 10_000
NO_INDEX = (
    "messages cannot be searched: the sqlite of this Python was built without FTS5;"
    " run hive with a Python whose sqlite has it"
)
_DAMAGED = "the index of the messages was damaged and is made anew: search again in a few minutes"


class IndexDamaged(Unavailable):
    """The index is not what it should be; the messages are."""


@attrs.frozen
class Found:
    """A message that was found."""

    id: int
    sender: str
    recipient: str
    sent_at: float
    in_reply_to: int | None
    origin: str
    text: str
    marks: tuple[tuple[int, int], ...]


@attrs.frozen
class Page:
    """Messages that were found, newest first."""

    found: list[Found]
    is_end: bool
    """Whether there are none behind these."""


def is_possible(connection: Connection) -> bool:
    """Whether this sqlite can index."""
    row = connection.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()
    return bool(row[0])


def can_be_made() -> bool:
    """Whether this Python's sqlite can index."""
    connection = sqlite3.connect(":memory:")
    try:
        return is_possible(connection)
    finally:
        connection.close()


def forget(connection: Connection, where: str, values: tuple[object, ...]) -> None:
    """Take messages out of the index, inside the transaction that deletes them."""
    upto = _upto(connection)
    if upto == 0:
        return
    if not is_possible(connection):
        # The index would keep what is gone: it is made anew when there is one again.
        connection.execute("UPDATE search_index SET upto = 0")
        return
    with _undamaged():
        connection.execute(
            "INSERT INTO message_words (message_words, rowid, body)"
            f" SELECT 'delete', id, body FROM messages WHERE {where} AND id <= ?",
            (*values, upto),
        )


class MessageIndex:
    """The index of one broker database."""

    def __init__(self, database: Database) -> None:
        """Uses an open broker database; nothing is indexed before the first `step`."""
        self._database = database

    async def check(self) -> None:
        """Raise `Unavailable` where sqlite cannot index."""
        if not await self._database.read(is_possible):
            raise Unavailable(NO_INDEX)

    async def behind(self) -> int:
        """How many messages are not indexed."""
        query = "SELECT count(*) FROM messages WHERE id > (SELECT upto FROM search_index)"
        return await self._database.read(
            lambda connection: int(connection.execute(query).fetchone()[0])
        )

    async def step(self) -> bool:
        """Index some more messages; returns whether there were as many as one step takes.

        The disk is not waited for: what a power cut takes away is indexed again. Raises
        `Unavailable` where there can be none, `IndexDamaged`.
        """
        if not await self._database.read(_is_behind):
            return False
        await self.check()
        return await self._database.write(_index_some, is_synced=False)

    async def make_anew(self) -> None:
        """Throw the index away; the next steps make it again."""
        await self._database.write(
            lambda connection: connection.execute("UPDATE search_index SET upto = 0")
        )

    async def search(self, query: Query, *, before: int | None, limit: int, seconds: float) -> Page:
        """Return the newest messages with ids below `before` that a query means.

        Raises `NotFound` for the thread of a message that is not there, `Unavailable` when there
        is no index or the time was over, `IndexDamaged`.
        """
        if query.match is not None:
            await self.check()

        def work(connection: Connection) -> Page:
            with _bounded(connection, seconds), _undamaged():
                return _search(connection, query, before, limit)

        return await self._database.read(work, is_large=True)


def _index_some(connection: Connection) -> bool:
    upto = _upto(connection)
    with _undamaged():
        if upto == 0:
            connection.execute("DROP TABLE IF EXISTS message_words")
            # The words alone, over the messages' own text; how long each is nobody asks.
            connection.execute(
                "CREATE VIRTUAL TABLE message_words USING fts5(body, content='messages',"
                f" content_rowid='id', columnsize=0, tokenize='{TOKENS}')"
            )
        last = connection.execute(
            "SELECT max(id), count(*) FROM"
            " (SELECT id FROM messages WHERE id > ? ORDER BY id LIMIT ?)",
            (upto, STEP_ROWS),
        ).fetchone()
        if last[0] is None:
            return False
        connection.execute(
            "INSERT INTO message_words (rowid, body)"
            " SELECT id, body FROM messages WHERE id > ? AND id <= ? ORDER BY id",
            (upto, last[0]),
        )
    connection.execute("UPDATE search_index SET upto = ?", (last[0],))
    return bool(last[1] == STEP_ROWS)


def _is_behind(connection: Connection) -> bool:
    query = "SELECT max(id) > (SELECT upto FROM search_index) FROM messages"
    return bool(connection.execute(query).fetchone()[0])


def _upto(connection: Connection) -> int:
    return int(connection.execute("SELECT upto FROM search_index").fetchone()[0])


def _search(connection: Connection, query: Query, before: int | None, limit: int) -> Page:
    where, values = _conditions(connection, query)
    mark = os.urandom(12).hex()
    source, body = "messages AS m", "m.body"
    given: list[object] = []
    if query.match is not None:
        if _upto(connection) == 0:
            return Page([], is_end=True)
        # The index first: it gives its rows by number, the newest first, and no more than wanted.
        source = "message_words CROSS JOIN messages AS m ON m.id = message_words.rowid"
        body = "highlight(message_words, 0, ?, ?)"
        given = [mark, mark]
        where = ["message_words MATCH ?", *where]
        values = [query.match, *values]
    number = "m.id" if query.match is None else "message_words.rowid"
    where.append(f"{number} < ?")
    rows = connection.execute(
        f"SELECT m.id, m.sender, m.recipient, m.sent_at, m.in_reply_to, m.origin, {body}"
        f" FROM {source} WHERE {' AND '.join(where)} ORDER BY {number} DESC LIMIT ?",
        (*given, *values, 2**62 if before is None else before, limit + 1),
    ).fetchall()
    found = [_found(row, mark, query.parts) for row in rows[:limit]]
    return Page(found, is_end=len(rows) <= limit)


def _conditions(connection: Connection, query: Query) -> tuple[list[str], list[Any]]:
    """Return what else a message must be, and the values of it."""
    where: list[str] = []
    values: list[Any] = []
    for condition, value in (
        ("m.sender = ?", query.sender),
        ("m.recipient = ?", query.recipient),
        ("m.sent_at >= ?", query.after),
        ("m.sent_at < ?", query.before),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    if query.agent is not None:
        where.append("(m.sender = ? OR m.recipient = ?)")
        values += [query.agent, query.agent]
    if query.thread is not None:
        where.append("m.id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(threads.ids_of(connection, query.thread)))
    for part in query.parts:
        where.append("instr(m.body, ?) > 0")
        values.append(part)
    return where, values


def _found(row: tuple[Any, ...], mark: str, parts: tuple[str, ...]) -> Found:
    text, marks = excerpt(row[-1], mark, parts)
    return Found(*row[:-1], text=text, marks=tuple(marks))  # type: ignore[misc]


@contextmanager
def _bounded(connection: Connection, seconds: float) -> Iterator[None]:
    """Let the block end after so many seconds, wherever it is; raises `Unavailable` then."""
    until = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > until, INTERRUPT_OPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        raise Unavailable(
            f"this took longer than {seconds:g} s: look for more words, or add after: and before:"
        ) from error


@contextmanager
def _undamaged() -> Iterator[None]:
    """Raise `IndexDamaged` for an index that is; of the database itself nothing is wrong then."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # Nothing but the index has a constraint that what is done here can break.
        if error.sqlite_errorcode not in {sqlite3.SQLITE_CORRUPT_VTAB, sqlite3.SQLITE_CONSTRAINT}:
            raise
        raise IndexDamaged(_DAMAGED) from error
