"""The snapshot of the dashboard, and the history of messages.

Every snapshot carries the number of the newest frame as it was before the first row was read, so a
page that has joined the stream drops what is not newer and misses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import trio
from quart import Blueprint

import hive as package
from hive.core import actions, proposals
from hive.core.hive import Hive
from hive.wire import codec, destinations
from hive.wire.dashboard import Sent
from hive.wire.jobs import MetaInput
from hive.wire.messages import MessageRow

INBOX_ROWS = 50
HISTORY_ROWS = 200
RESOLVED_ROWS = 30
INPUTS_S = 0.1
"""How long a snapshot waits for the inputs, which an update of them holds for minutes."""

Json = dict[str, Any]


def make_blueprint(hive: Hive) -> Blueprint:
    """Return the routes that only read."""
    routes = Blueprint("state", __name__)
    inputs = Inputs()

    @routes.get("/api/state")
    async def state() -> Json:
        return await snapshot(hive, inputs)

    @routes.get("/dashboard/history")
    async def history() -> Json:
        seq = hive.feed.seq
        rows = await hive.broker.history(HISTORY_ROWS)
        return {"seq": seq, "events": [codec.to_tagged("kind", _sent(row)) for row in rows]}

    @routes.get("/healthz")
    async def healthz() -> Json:
        return {"ok": True}

    return routes


class Inputs:
    """The inputs of the meta repository, as they were when they could be read last."""

    def __init__(self) -> None:
        """Nothing is known before the first look."""
        self._known: list[MetaInput] = []

    async def look(self, hive: Hive) -> list[MetaInput]:
        """Return them without waiting for whoever changes them: a frame tells of the change."""
        with trio.move_on_after(INPUTS_S):
            self._known = await actions.meta_inputs(hive)
        return self._known


async def snapshot(hive: Hive, inputs: Inputs) -> Json:
    """Return everything the page shows at first."""
    seq = hive.feed.seq
    kept = await trio.to_thread.run_sync(actions.tombstones, hive)
    rows: dict[str, Sequence[object]] = {
        "containers": hive.view.rows(),
        "approvals": await proposals.waiting(hive),
        "approval_history": await hive.approvals.history(RESOLVED_ROWS),
        "questions": await hive.questions.pending(),
        "question_history": await hive.questions.history(RESOLVED_ROWS),
        "reminders": await hive.reminders.pending(),
        "tombstones": kept,
        "inbox": await actions.inbox(hive, INBOX_ROWS),
        "tasks": hive.tasks(),
        "jobs": hive.queue.rows(),
        "meta_inputs": await inputs.look(hive),
    }
    return {
        "seq": seq,
        "version": package.__version__,
        "demo": hive.config.demo,
        "isolation": hive.runtime.kind,
        "notices": notices(hive),
        **{name: [codec.to_json(row) for row in found] for name, found in rows.items()},
        "forge": {"url": hive.forge.url, "trouble": hive.forge.trouble},
    }


def notices(hive: Hive) -> list[Json]:
    """Return what the operator must know about this hive as a whole."""
    found = []
    if hive.config.demo:
        found.append(
            _notice(
                "info",
                "This is a demonstration: a script answers in claude's place."
                " Write a task to the manager, and it proposes an agent.",
            )
        )
    elif hive.installation.claude_found is None:
        found.append(
            _notice("error", "claude was not found: install it, or name it with HIVE_CLAUDE.")
        )
    if hive.runtime.kind == "process":
        found.append(
            _notice(
                "warning",
                "Agents run without isolation: each can read and change what you can.",
            )
        )
    elif hive.runtime.kind in ("bubblewrap", "nixos") and hive.runtime.shares_user is not None:
        found.append(_notice("info", f"{_sentence(hive.runtime.shares_user)}."))
    if hive.audit.faults:
        found.append(
            _notice(
                "error",
                "The audit log is not as it was written: hive.pyz audit verify says where."
                f" {hive.audit.faults[0]}",
            )
        )
    if hive.audit.trouble is not None:
        found.append(_notice("error", f"Nothing can be done: {hive.audit.trouble}"))
    if hive.disk.is_low:
        free = (hive.disk.free_bytes or 0) // (1024 * 1024)
        found.append(
            _notice(
                "error",
                f"The disk of {hive.paths.state} has {free} MiB left: make room."
                " Agents that fill it are stopped.",
            )
        )
    if hive.runtime.separates_network and hive.config.network == destinations.HOST:
        found.append(
            _notice(
                "warning",
                "Agents have this host's whole network by its settings: nothing is held back.",
            )
        )
    return found


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _notice(level: str, message: str) -> Json:
    return {"level": level, "message": message}


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
