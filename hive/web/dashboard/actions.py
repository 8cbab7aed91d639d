"""What the operator does on the page: routes that call `core/actions`.

An answer comes at once; what it set in motion shows as frames on the stream.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from hive.core import actions
from hive.core.hive import Hive
from hive.errors import BadRequest
from hive.web.dashboard.bodies import (
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
from hive.web.replies import Json
from hive.web.routes import Handlers
from hive.wire.names import OPERATOR, agent_name

OK: Json = {"ok": True}
Verb = Callable[[Hive, Any], Awaitable[object]]
"""What needs no word beside a name or a number."""


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


def add_numbered(routes: Handlers, hive: Hive, verbs: Mapping[str, Verb]) -> None:
    """Add what is done to something that has a number; by the path in front of it."""

    async def run(verb: Verb, text: str) -> Json:
        await verb(hive, number(text))
        return OK

    for path, verb in verbs.items():
        routes.post(f"{path}/<text>")(partial(run, verb))


def _add_lifecycle(routes: Handlers, hive: Hive) -> None:
    verbs: dict[str, Verb] = {
        "start": actions.start,
        "kill": actions.stop,
        "restart": actions.restart,
        "rebuild": actions.rebuild,
        "purge-tombstone": actions.purge_tombstone,
    }

    async def run(verb: Verb, name: str) -> Json:
        await verb(hive, agent_name(name))
        return OK

    for word, verb in verbs.items():
        routes.post(f"/{word}/<name>")(partial(run, verb))

    @routes.post("/destroy/<name>")
    async def destroy(name: str, body: DestroyBody) -> Json:
        await actions.destroy(hive, agent_name(name), purge=body.purge)
        return OK

    @routes.post("/set-paused/<name>")
    async def set_paused(name: str, body: PausedBody) -> Json:
        await actions.set_paused(hive, agent_name(name), paused=body.paused)
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
    add_numbered(routes, hive, {"/cancel-job": actions.cancel_job})

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
    verbs: dict[str, Verb] = {
        "/cancel-question": actions.cancel_question,
        "/retry-reminder": actions.retry_reminder,
        "/cancel-reminder": actions.cancel_reminder,
    }
    add_numbered(routes, hive, verbs)

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
