"""Rows of the table of messages, and what they are on the wire; writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hive.wire.messages import DeliveredMessage, MessageRow

if TYPE_CHECKING:
    from hive.store.database import Connection

ROW = (
    "id, sender, recipient, body, in_reply_to, sent_at, delivered_at, acked_at, broadcast, origin,"
    " via"
)


def rows_of(connection: Connection, query: str, values: tuple[object, ...]) -> list[MessageRow]:
    """Return the messages that a query of `ROW` finds."""
    return [_message_row(row) for row in connection.execute(query, values).fetchall()]


def _message_row(row: tuple[Any, ...]) -> MessageRow:
    id_, sender, recipient, body, parent, sent_at, delivered_at, acked_at, *marks = row
    broadcast, origin, via = marks
    return MessageRow(
        id=id_,
        from_=sender,
        to=recipient,
        body=body,
        in_reply_to=parent,
        sent_at=sent_at,
        delivered_at=delivered_at,
        acked_at=acked_at,
        broadcast=bool(broadcast),
        origin=origin,
        via=split_marks(via),
    )


def delivered(row: tuple[Any, ...]) -> DeliveredMessage:
    """Return a message as it is handed out."""
    id_, sender, body, redelivered, parent, sent_at, broadcast, origin, via = row
    return DeliveredMessage(
        id=id_,
        from_=sender,
        body=body,
        redelivered=bool(redelivered),
        in_reply_to=parent,
        sent_at=sent_at,
        broadcast=bool(broadcast),
        origin=origin,
        via=split_marks(via),
    )


def split_marks(via: str) -> tuple[str, ...]:
    """Return where what a message answers came from."""
    return tuple(via.split(",")) if via else ()
