"""What the operator does on the page: routes that call `core/actions`.

An answer comes at once; what it set in motion shows as frames on the stream.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hive.core import actions
from hive.core.hive import Hive
from hive.errors import BadRequest
from hive.web.dashboard.table import (
    AllowBody,
    AnswerBody,
    ApproveBody,
    DenyBody,
    DestroyBody,
    InputsBody,
    PausedBody,
    SendBody,
    SpawnBody,
)
from hive.web.routes import Handlers
from hive.wire.names import OPERATOR, agent_name

Json = dict[str, Any]
OK: Json = {"ok": True}


def number(text: str) -> int:
    """Return an id of a path; raises `BadRequest`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest(f"{text[:40]!r} is not a number")
    return int(text)


def add(routes: Handlers, hive: Hive) -> None:
    """Add what changes something."""
    _add_lifecycle(routes, hive)
    _add_approvals(routes, hive)
    _add_builds(routes, hive)
    _add_talk(routes, hive)


def _add_lifecycle(routes: Handlers, hive: Hive) -> None:
    verbs: dict[str, Callable[[Hive, str], Awaitable[object]]] = {
        "start": actions.start,
        "kill": actions.stop,
        "restart": actions.restart,
        "rebuild": actions.rebuild,
    }

    def add_verb(word: str, verb: Callable[[Hive, str], Awaitable[object]]) -> None:
        async def run(name: str) -> Json:
            await verb(hive, agent_name(name))
            return OK

        routes.post(f"/{word}/<name>")(run)

    for word, verb in verbs.items():
        add_verb(word, verb)

    @routes.post("/destroy/<name>")
    async def destroy(name: str, body: DestroyBody) -> Json:
        await actions.destroy(hive, agent_name(name), purge=body.purge)
        return OK

    @routes.post("/set-paused/<name>")
    async def set_paused(name: str, body: PausedBody) -> Json:
        await actions.set_paused(hive, agent_name(name), paused=body.paused)
        return OK

    @routes.post("/purge-tombstone/<name>")
    async def purge_tombstone(name: str) -> Json:
        await actions.purge_tombstone(hive, agent_name(name))
        return OK

    @routes.post("/revive/<name>")
    async def revive(name: str) -> Json:
        approval = await actions.revive(hive, agent_name(name))
        return {**OK, "id": approval.id}


def _add_approvals(routes: Handlers, hive: Hive) -> None:
    @routes.post("/request-spawn")
    async def request_spawn(body: SpawnBody) -> Json:
        approval = await actions.request_spawn(hive, body.name, body.description)
        return {**OK, "id": approval.id}

    @routes.post("/allow/<name>")
    async def allow(name: str, body: AllowBody) -> Json:
        approval = await actions.allow(hive, agent_name(name), (body.host,))
        return {**OK, "id": approval.id}

    @routes.post("/approve/<text>")
    async def approve(text: str, body: ApproveBody) -> Json:
        await actions.approve(hive, number(text), body.comments)
        return OK

    @routes.post("/deny/<text>")
    async def deny(text: str, body: DenyBody) -> Json:
        await actions.deny(hive, number(text), body.note)
        return OK


def _add_builds(routes: Handlers, hive: Hive) -> None:
    @routes.post("/cancel-job/<text>")
    async def cancel_job(text: str) -> Json:
        await actions.cancel_job(hive, number(text))
        return OK

    @routes.post("/meta-update")
    async def meta_update(body: InputsBody) -> Json:
        named = [name.strip() for name in body.inputs.split(",")]
        ticket = await actions.update_inputs(hive, [name for name in named if name])
        return {**OK, "job": ticket.row.id}

    @routes.post("/update-all")
    async def update_all() -> Json:
        tickets = await actions.update_all(hive)
        return {**OK, "jobs": [ticket.row.id for ticket in tickets]}


def _add_talk(routes: Handlers, hive: Hive) -> None:
    @routes.post("/op-send")
    async def op_send(body: SendBody) -> Json:
        return {**OK, "id": await actions.send(hive, body.to, body.body, body.in_reply_to)}

    @routes.post("/api/agent/<name>/mark-all-read")
    async def mark_all_read(name: str) -> Json:
        checked = name if name == OPERATOR else agent_name(name)
        return {**OK, "marked": await actions.mark_all_read(hive, checked)}

    @routes.post("/mark-read/<text>")
    async def mark_read(text: str) -> Json:
        return {**OK, "marked": await actions.mark_read(hive, number(text))}

    @routes.post("/answer-question/<text>")
    async def answer_question(text: str, body: AnswerBody) -> Json:
        await actions.answer_question(hive, number(text), body.answer)
        return OK

    @routes.post("/cancel-question/<text>")
    async def cancel_question(text: str) -> Json:
        await actions.cancel_question(hive, number(text))
        return OK

    @routes.post("/retry-reminder/<text>")
    async def retry_reminder(text: str) -> Json:
        await actions.retry_reminder(hive, number(text))
        return OK

    @routes.post("/cancel-reminder/<text>")
    async def cancel_reminder(text: str) -> Json:
        await actions.cancel_reminder(hive, number(text))
        return OK
