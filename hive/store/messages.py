"""Messages: insert, lease a batch, acknowledge, give back, sweep.

Open messages are those not acknowledged; of them those with `delivered_at` are held by their
recipient and the others wait. Ids grow with time, so order by id is order of arrival.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs

from hive.errors import BadRequest, NotFound
from hive.store import message_history, message_index, threads
from hive.store.batch import Together
from hive.store.message_rows import delivered, split_marks
from hive.wire.messages import FROM_EXTERNAL, DeliveredMessage, MessageRow, Thread, Wanted
from hive.wire.names import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hive.store.database import Connection, Database

SWEEP_IDS = 1000
SMALL_ROWS = 200
INSERT_ROWS = 128
ALL = Wanted()

_INSERT = (
    "INSERT INTO messages (sender, recipient, body, sent_at, in_reply_to, dedupe_key, broadcast,"
    " origin, via) VALUES "
)
_INSERTS = [
    _INSERT + ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?)"] * count) for count in range(INSERT_ROWS + 1)
]
"""The statement for each number of rows; each is prepared when it is first needed."""
_AMONG = "id IN (SELECT value FROM json_each(?))"
_WAITING = "recipient = ? AND acked_at IS NULL AND delivered_at IS NULL"
_HELD = "recipient = ? AND acked_at IS NULL AND delivered_at IS NOT NULL"


@attrs.frozen
class Draft:
    """A message to be stored, once for each of its recipients."""

    sender: str
    recipients: tuple[str, ...]
    body: str
    sent_at: float
    in_reply_to: int | None = None
    dedupe_key: str | None = None
    is_broadcast: bool = False
    origin: str = "peer"
    via: tuple[str, ...] = ()
    """For whom hive tells this; what it answers comes to it when it is stored."""


@attrs.frozen
class Added:
    """A draft that is stored."""

    ids: list[int]
    """One for each recipient, in order."""
    is_new: bool
    """False when its key was stored before."""
    via: tuple[str, ...] = ()
    """The draft's own, and what came to it from what it answers."""


def insert(connection: Connection, draft: Draft) -> list[int]:
    """Store a draft inside a running transaction; return an id for each recipient, in order."""
    return _insert_rows(connection, _to_rows(draft, draft.via))


class MessageStore:
    """The messages of one database."""

    def __init__(self, database: Database) -> None:
        """Uses an open broker database."""
        self._database = database

    async def add(self, draft: Draft) -> Added:
        """Store a draft, with the marks of what it answers.

        Raises `BadRequest` when `in_reply_to` is no message that the sender may answer.
        """
        return await self._database.write_together(_ADD, draft)

    async def has_waiting(self, recipient: str, origin: str | None = None) -> bool:
        """Whether a lease would find something."""
        where, values = _waiting(recipient, origin)
        query = f"SELECT 1 FROM messages WHERE {where} LIMIT 1"
        return await self._database.read(
            lambda connection: connection.execute(query, values).fetchone() is not None
        )

    async def count_waiting(self, recipient: str) -> int:
        """How many messages a lease could hand out."""
        query = f"SELECT count(*) FROM messages WHERE {_WAITING}"
        return await self._database.read(
            lambda connection: int(connection.execute(query, (recipient,)).fetchone()[0])
        )

    async def count_waiting_each(self) -> dict[str, int]:
        """How many messages wait, by recipient; recipients without any are left out."""
        query = (
            "SELECT recipient, count(*) FROM messages"
            " WHERE acked_at IS NULL AND delivered_at IS NULL GROUP BY recipient"
        )
        return await self._database.read(lambda connection: dict(connection.execute(query)))

    async def lease(
        self, recipient: str, max_count: int, now: float, origin: str | None = None
    ) -> list[DeliveredMessage]:
        """Hand out the oldest waiting messages: from now on the recipient holds them.

        With `origin`, only those that came from there.
        The disk is not waited for. A power cut ends the recipient too, and then they wait again
        either way, at worst without the mark that they were handed out before.
        """
        where, values = _waiting(recipient, origin)
        query = (
            "SELECT id, sender, body, redelivered, in_reply_to, sent_at, broadcast, origin, via"
            f" FROM messages WHERE {where} ORDER BY id LIMIT ?"
        )

        def work(connection: Connection) -> list[DeliveredMessage]:
            rows = connection.execute(query, (*values, max_count)).fetchall()
            connection.executemany(
                "UPDATE messages SET delivered_at = ? WHERE id = ?",
                [(now, row[0]) for row in rows],
            )
            return [delivered(row) for row in rows]

        return await self._database.write(work, is_synced=False)

    async def give_back(self, recipient: str, ids: Sequence[int]) -> list[int]:
        """Undo a lease that was never handed over; the messages wait as they did before it.

        Returns the ids of those that wait again, as every requeue does.
        """
        where, values = f"{_HELD} AND {_AMONG}", (recipient, json.dumps(list(ids)))
        return await self._database.write(
            lambda connection: _wait_again(connection, where, values, "delivered_at = NULL")
        )

    async def acknowledge(
        self, recipient: str, ids: Sequence[int] | None, now: float
    ) -> tuple[list[int], list[int]]:
        """Acknowledge `ids`, or all that is held; return the newly acknowledged, and the requeued.

        With `ids`, whatever else the recipient holds waits again, marked redelivered. Raises
        `BadRequest` for an id of somebody else's message.
        """

        def work(connection: Connection) -> tuple[list[int], list[int]]:
            if ids is None:
                return _ack_where(connection, _HELD, (recipient,), now), []
            wanted = json.dumps(list(ids))
            _check_own(connection, recipient, wanted)
            where = f"recipient = ? AND acked_at IS NULL AND {_AMONG}"
            acked = _ack_where(connection, where, (recipient, wanted), now)
            return acked, _requeue(connection, recipient)

        return await self._database.write(work)

    async def requeue(self, recipient: str) -> list[int]:
        """Let everything the recipient holds wait again, marked redelivered."""
        return await self._database.write(lambda connection: _requeue(connection, recipient))

    async def acknowledge_open(self, recipient: str, now: float) -> list[int]:
        """Acknowledge everything not yet acknowledged, held or waiting; return the ids."""
        where = "recipient = ? AND acked_at IS NULL"
        return await self._database.write(
            lambda connection: _ack_where(connection, where, (recipient,), now)
        )

    async def read_one(self, recipient: str, id_: int, now: float) -> bool:
        """Acknowledge one message, held or waiting; whether it was open.

        Raises `NotFound` when none of that id was sent to the recipient.
        """
        where = "recipient = ? AND id = ?"

        def work(connection: Connection) -> bool:
            query = f"SELECT 1 FROM messages WHERE {where}"
            if connection.execute(query, (recipient, id_)).fetchone() is None:
                raise NotFound(f"no message {id_} was sent to {recipient}: it may have been swept")
            is_open = f"{where} AND acked_at IS NULL"
            return bool(_ack_where(connection, is_open, (recipient, id_), now))

        return await self._database.write(work)

    async def recent(self, recipient: str, limit: int, unread: int = 0) -> list[MessageRow]:
        """The newest messages to a recipient, newest first, and so many that it has not read."""
        return await self._database.read(
            lambda connection: message_history.sent_to(connection, recipient, limit, unread)
        )

    async def newest(self, limit: int) -> list[MessageRow]:
        """The newest messages of everybody, oldest of them first."""
        return await self.near(limit)

    async def near(
        self,
        limit: int,
        *,
        before: int | None = None,
        after: int | None = None,
        wanted: Wanted = ALL,
    ) -> list[MessageRow]:
        """The newest with ids below `before`, or the oldest above `after`, oldest first."""
        return await self._database.read(
            lambda connection: message_history.near(connection, limit, before, after, wanted),
            is_large=limit > SMALL_ROWS or wanted != ALL,
        )

    async def some(self, ids: Sequence[int]) -> list[MessageRow]:
        """Return those messages of these that are there, oldest first."""
        return await self._database.read(lambda connection: threads.some(connection, ids))

    async def thread(self, number: int, after: int, limit: int) -> Thread:
        """Return a page of the thread that a message is in; raises `NotFound`."""
        return await self._database.read(
            lambda connection: threads.page(connection, number, after, limit), is_large=True
        )

    async def sweep(self, acked_before: float) -> int:
        """Delete what was acknowledged before then, in steps that hold the writer shortly.

        The newest row of all stays, so that no id is ever given twice.
        """
        first, last = await self._database.read(_id_range)
        swept = 0
        for start in range(first, last, SWEEP_IDS):
            swept += await self._sweep_range(start, min(start + SWEEP_IDS, last), acked_before)
        return swept

    async def _sweep_range(self, start: int, end: int, acked_before: float) -> int:
        where = "id >= ? AND id < ? AND acked_at < ?"

        def work(connection: Connection) -> int:
            message_index.forget(connection, where, (start, end, acked_before))
            return connection.execute(
                f"DELETE FROM messages WHERE {where}", (start, end, acked_before)
            ).rowcount

        return await self._database.write(work)


def _add(connection: Connection, drafts: list[Draft]) -> list[Added]:
    """Store drafts."""
    rows: list[tuple[object, ...]] = []
    places: list[tuple[int, int, tuple[str, ...]]] = []
    known: dict[int, list[int]] = {}
    keyed: dict[tuple[str, str], int] = {}
    for number, draft in enumerate(drafts):
        start = len(rows)
        via = draft.via
        if draft.dedupe_key is not None:
            key = (draft.sender, draft.dedupe_key)
            first = keyed.setdefault(key, number)
            stored = _of_key(connection, key)
            if stored:
                known[number] = stored
            elif first != number:
                places.append(places[first])
                known[number] = []
                continue
        if number not in known:
            if draft.in_reply_to is not None:
                via = _marks(via, _parent(connection, draft))
            rows += _to_rows(draft, via)
        places.append((start, len(rows), via))
    ids = _insert_rows(connection, rows)
    return [
        Added(known.get(number) or ids[start:end], number not in known, via)
        for number, (start, end, via) in enumerate(places)
    ]


def _fits_one_statement(drafts: list[Draft]) -> bool:
    return sum(len(draft.recipients) for draft in drafts) <= INSERT_ROWS


_ADD = Together(_add, _fits_one_statement)


def _of_key(connection: Connection, key: tuple[str, str]) -> list[int]:
    query = "SELECT id FROM messages WHERE sender = ? AND dedupe_key = ? ORDER BY id"
    return [row[0] for row in connection.execute(query, key).fetchall()]


def _marks(own: tuple[str, ...], parents: tuple[str, ...]) -> tuple[str, ...]:
    """Return each mark once, in order."""
    return tuple(dict.fromkeys((*own, *parents)))


def _to_rows(draft: Draft, via: tuple[str, ...]) -> list[tuple[object, ...]]:
    return [
        (
            draft.sender,
            recipient,
            draft.body,
            draft.sent_at,
            draft.in_reply_to,
            draft.dedupe_key,
            draft.is_broadcast,
            draft.origin,
            ",".join(via),
        )
        for recipient in draft.recipients
    ]


def _insert_rows(connection: Connection, rows: list[tuple[object, ...]]) -> list[int]:
    """Insert rows, `INSERT_ROWS` by a statement.

    Ids are given in the order of the rows, each one more than the last.
    """
    ids: list[int] = []
    for at in range(0, len(rows), INSERT_ROWS):
        some = rows[at : at + INSERT_ROWS]
        values = [value for row in some for value in row]
        last = connection.execute(_INSERTS[len(some)], values).lastrowid or 0
        ids.extend(range(last - len(some) + 1, last + 1))
    return ids


def _parent(connection: Connection, draft: Draft) -> tuple[str, ...]:
    """Return where what a draft answers came from, nearest first.

    Raises `BadRequest` unless that is a message to or from its sender: a free label that reads
    like a name is nobody. The operator, who reads them all, may answer any.
    """
    parent = connection.execute(
        "SELECT origin, via FROM messages"
        " WHERE id = ? AND (? IN (recipient, ?) OR (sender = ? AND origin <> ?))",
        (draft.in_reply_to, draft.sender, OPERATOR, draft.sender, FROM_EXTERNAL),
    ).fetchone()
    if parent is None:
        raise BadRequest(
            f"in_reply_to: {draft.in_reply_to} is not a message to or from {draft.sender};"
            " give the id of one, or leave it out"
        )
    return (parent[0], *split_marks(parent[1]))


def _check_own(connection: Connection, recipient: str, wanted: str) -> None:
    foreign = connection.execute(
        f"SELECT id FROM messages WHERE recipient <> ? AND {_AMONG} LIMIT 1", (recipient, wanted)
    ).fetchone()
    if foreign is not None:
        raise BadRequest(f"message {foreign[0]} was not sent to {recipient}: acknowledge your own")


def _ack_where(
    connection: Connection, where: str, values: tuple[object, ...], now: float
) -> list[int]:
    rows = connection.execute(f"SELECT id FROM messages WHERE {where} ORDER BY id", values)
    ids = [row[0] for row in rows.fetchall()]
    connection.executemany(
        "UPDATE messages SET acked_at = ?, delivered_at = coalesce(delivered_at, ?) WHERE id = ?",
        [(now, now, each) for each in ids],
    )
    return ids


def _requeue(connection: Connection, recipient: str) -> list[int]:
    return _wait_again(connection, _HELD, (recipient,), "delivered_at = NULL, redelivered = 1")


def _wait_again(
    connection: Connection, where: str, values: tuple[object, ...], change: str
) -> list[int]:
    rows = connection.execute(f"SELECT id FROM messages WHERE {where} ORDER BY id", values)
    ids = [row[0] for row in rows.fetchall()]
    if ids:
        connection.execute(f"UPDATE messages SET {change} WHERE {where}", values)
    return ids


def _id_range(connection: Connection) -> tuple[int, int]:
    first, last = connection.execute("SELECT min(id), max(id) FROM messages").fetchone()
    return (first or 0, last or 0)


def _waiting(recipient: str, origin: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the condition for what waits, and its values."""
    if origin is None:
        return _WAITING, (recipient,)
    return f"{_WAITING} AND origin = ?", (recipient, origin)
