"""Threads: which messages belong together, and a page of them with their rows.

A thread is everything below its first message. What was sent to several at once is one message to
whoever reads it, so its copies are the beginning of one thread: they were stored side by side.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hive.errors import NotFound
from hive.store.message_rows import ROW, rows_of
from hive.wire.messages import MessageRow, Thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hive.store.database import Connection

THREAD_MOST = 10_000
"""Messages of one thread."""
_THREAD = """
    WITH RECURSIVE
        up (id, parent) AS (
            SELECT id, in_reply_to FROM messages WHERE id = ?
            UNION
            SELECT m.id, m.in_reply_to FROM up JOIN messages AS m ON m.id = up.parent
        ),
        first AS (SELECT * FROM messages WHERE id = (SELECT min(id) FROM up)),
        before (id) AS (
            SELECT id FROM first
            UNION
            SELECT m.id FROM before JOIN messages AS m ON m.id = before.id - 1 JOIN first AS f
                ON m.sender = f.sender AND m.recipient <> f.recipient AND m.body = f.body
                    AND m.sent_at = f.sent_at AND m.in_reply_to IS f.in_reply_to
        ),
        behind (id) AS (
            SELECT id FROM first
            UNION
            SELECT m.id FROM behind JOIN messages AS m ON m.id = behind.id + 1 JOIN first AS f
                ON m.sender = f.sender AND m.recipient <> f.recipient AND m.body = f.body
                    AND m.sent_at = f.sent_at AND m.in_reply_to IS f.in_reply_to
        ),
        down (id) AS (
            SELECT id FROM (SELECT id FROM before UNION SELECT id FROM behind)
            UNION
            SELECT m.id FROM down JOIN messages AS m ON m.in_reply_to = down.id LIMIT ?
        )
    SELECT id FROM down
"""


def ids_of(connection: Connection, number: int) -> list[int]:
    """Return the ids of the thread that a message is in, at most `THREAD_MOST`.

    Raises `NotFound` for a message that is not there.
    """
    ids = [row[0] for row in connection.execute(_THREAD, (number, THREAD_MOST))]
    if not ids:
        raise NotFound(f"there is no message {number}: it was dropped after its keep, or never was")
    return sorted(ids)


def page(connection: Connection, number: int, after: int, limit: int) -> Thread:
    """Return the oldest messages above `after` of the thread that a message is in.

    What a message answers always stands before it. Raises `NotFound` as `ids_of` does.
    """
    ids = ids_of(connection, number)
    left = [each for each in ids if each > after]
    return Thread(
        root=ids[0],
        total=len(ids),
        is_cut=len(ids) == THREAD_MOST,
        is_end=len(left) <= limit,
        messages=tuple(some(connection, left[:limit])),
    )


def some(connection: Connection, ids: Sequence[int]) -> list[MessageRow]:
    """Return those messages of these that are there, oldest first."""
    query = f"SELECT {ROW} FROM messages WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
    return rows_of(connection, query, (json.dumps(list(ids)),))
