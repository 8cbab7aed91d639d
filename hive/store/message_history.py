"""The messages of everybody by their ids, page by page, all of them or those of a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hive.store.message_rows import ROW, rows_of
from hive.wire.messages import FROM_EXTERNAL, FROM_PEER, FROM_SYSTEM
from hive.wire.names import OPERATOR

if TYPE_CHECKING:
    from hive.store.database import Connection
    from hive.wire.messages import MessageRow, Wanted

_KINDS = {
    "to-operator": f"recipient = '{OPERATOR}'",
    "from-operator": f"sender = '{OPERATOR}'",
    "between": f"origin = '{FROM_PEER}' AND recipient <> '{OPERATOR}'",
    "system": f"origin = '{FROM_SYSTEM}'",
    "external": f"origin = '{FROM_EXTERNAL}'",
}


_NEWEST = "SELECT id FROM (SELECT id FROM messages WHERE {} ORDER BY id DESC LIMIT ?)"
_SENT_TO = (
    f"SELECT {ROW} FROM messages WHERE id IN ({_NEWEST.format('recipient = ?')} UNION"
    f" {_NEWEST.format('recipient = ? AND acked_at IS NULL')}) ORDER BY id DESC"
)


def sent_to(connection: Connection, recipient: str, limit: int, unread: int) -> list[MessageRow]:
    """Return the newest messages to somebody, and the newest `unread` of those not acknowledged."""
    return rows_of(connection, _SENT_TO, (recipient, limit, recipient, unread))


def near(
    connection: Connection, limit: int, before: int | None, after: int | None, wanted: Wanted
) -> list[MessageRow]:
    """Return the newest below `before`, or the oldest above `after`, oldest first.

    Without either, the newest.
    """
    where: list[str] = []
    values: list[object] = []
    for condition, value in (("id < ?", before), ("id > ?", after)):
        if value is not None:
            where.append(condition)
            values.append(value)
    if wanted.agent is not None:
        where.append("? IN (sender, recipient)")
        values.append(wanted.agent)
    if wanted.kind is not None:
        where.append(_KINDS[wanted.kind])
    order = "id DESC" if after is None else "id"
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    query = f"SELECT {ROW} FROM messages{condition} ORDER BY {order} LIMIT ?"
    rows = rows_of(connection, query, (*values, limit))
    return rows[::-1] if after is None else rows
