"""The snapshot of the dashboard, and the history of messages.

Every snapshot carries the number of the newest frame as it was before the first row was read, so a
page that has joined the stream drops what is not newer and misses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio

import hive as package
from hive.core import board, proposals, readings
from hive.core.hive import Hive
from hive.errors import BadRequest
from hive.web import replies
from hive.web.dashboard.table import IDS_MAX, NAME_LONGEST
from hive.web.replies import Json
from hive.web.routes import Fields, Handlers
from hive.wire import codec
from hive.wire.dashboard import Sent
from hive.wire.jobs import MetaInput
from hive.wire.messages import KINDS, MessageRow, Wanted

INBOX_ROWS = 50
UNREAD_ROWS = 200
"""As many as are unread are shown with them, however old: what waits must not sink out of sight."""
HISTORY_ROWS = 200
RESOLVED_ROWS = 30
DECIDED_ROWS = 10
"""Of the approvals; the page asks for further ones when somebody wants to read them."""
INPUTS_S = 0.1
"""How long a snapshot waits for the inputs, which an update of them holds for minutes."""


def add(routes: Handlers, hive: Hive) -> None:
    """Add what only reads."""
    inputs = Inputs()

    @routes.get("/api/state")
    async def state() -> Json:
        return await snapshot(hive, inputs)

    @routes.get("/dashboard/history")
    async def history(fields: Fields) -> Json:
        seq = hive.feed.seq
        ends = {
            name: replies.whole_number(fields, name, 0, high=IDS_MAX)
            for name in ("before", "after")
            if name in fields
        }
        if len(ends) > 1:
            raise BadRequest("before and after are two ways to go on: give one")
        wanted = Wanted(
            replies.short_text(fields, "agent", NAME_LONGEST), replies.one_of(fields, "kind", KINDS)
        )
        rows = await hive.broker.history_near(HISTORY_ROWS, **ends, wanted=wanted)
        return {
            "seq": seq,
            "events": [codec.to_tagged("kind", _sent(row)) for row in rows],
            "delivered": [row.id for row in rows if row.delivered_at is not None],
            "acked": [row.id for row in rows if row.acked_at is not None],
        }

    @routes.get("/healthz")
    async def healthz() -> Json:
        return {"ok": True}


class Inputs:
    """The inputs of the meta repository, as they were when they could be read last."""

    def __init__(self) -> None:
        """Nothing is known before the first look."""
        self._known: list[MetaInput] = []

    async def look(self, hive: Hive) -> list[MetaInput]:
        """Return them without waiting for whoever changes them: a frame tells of the change."""
        with trio.move_on_after(INPUTS_S):
            self._known = await hive.meta.inputs()
        return self._known


async def snapshot(hive: Hive, inputs: Inputs) -> Json:
    """Return everything the page shows at first."""
    seq = hive.feed.seq
    kept = await trio.to_thread.run_sync(readings.tombstones, hive)
    rows: dict[str, Sequence[object]] = {
        "containers": hive.view.rows(),
        "approvals": await proposals.waiting(hive),
        "approval_history": await hive.approvals.history(DECIDED_ROWS),
        "questions": await hive.questions.pending(),
        "question_history": await hive.questions.history(RESOLVED_ROWS),
        "reminders": await hive.reminders.pending(),
        "tombstones": kept,
        "inbox": await readings.inbox(hive, INBOX_ROWS, UNREAD_ROWS),
        "tasks": hive.tasks(),
        "jobs": hive.queue.rows(),
        "meta_inputs": await inputs.look(hive),
    }
    return {
        "seq": seq,
        "version": package.__version__,
        "demo": hive.config.demo,
        "isolation": hive.runtime.kind,
        "notices": [codec.to_json(one) for one in board.notices(hive)],
        **{name: [codec.to_json(row) for row in found] for name, found in rows.items()},
        "forge": {"url": hive.forge.url, "trouble": hive.forge.trouble},
    }


def _sent(row: MessageRow) -> Sent:
    return Sent(
        id=row.id,
        from_=row.from_,
        to=row.to,
        body=row.body,
        at=row.sent_at,
        in_reply_to=row.in_reply_to,
        broadcast=row.broadcast,
        origin=row.origin,
        via=row.via,
    )
