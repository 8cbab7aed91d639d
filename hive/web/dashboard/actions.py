"""What the operator does on the page: routes that call `core/actions`.

An answer comes at once; what it set in motion shows as frames on the stream.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import attrs
from quart import Blueprint, request

from hive.core import actions
from hive.core.hive import Hive
from hive.errors import BadRequest
from hive.web import replies
from hive.wire.names import OPERATOR, agent_name

T = TypeVar("T")
Json = dict[str, Any]
OK: Json = {"ok": True}


@attrs.frozen
class Nothing:
    """A body without fields."""


@attrs.frozen
class SpawnBody:
    """A new agent."""

    name: str
    description: str | None = None


@attrs.frozen
class DenyBody:
    """Why an approval was denied."""

    note: str | None = None


@attrs.frozen
class AllowBody:
    """Where an agent is to be let."""

    host: str


@attrs.frozen
class DestroyBody:
    """Whether the state goes too."""

    purge: bool = False


@attrs.frozen
class PausedBody:
    """Whether the agent is to be paused."""

    paused: bool


@attrs.frozen
class InputsBody:
    """Which inputs of the meta repository are to be updated."""

    inputs: str
    """Their names with commas between; no name holds one."""


@attrs.frozen
class SendBody:
    """A message of the operator."""

    to: str
    body: str
    in_reply_to: int | None = None


@attrs.frozen
class AnswerBody:
    """The operator's answer to a question."""

    answer: str


async def read(kind: type[T]) -> T:
    """Return the body of the request at hand as `kind`."""
    data = cast("bytes", await request.get_data(cache=False))
    return replies.parse_body(kind, request.headers.get("content-type"), data)


def number(text: str) -> int:
    """Return an id of a path; raises `BadRequest`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest(f"{text[:40]!r} is not a number")
    return int(text)


def make_blueprint(hive: Hive) -> Blueprint:
    """Return the routes that change something."""
    routes = Blueprint("actions", __name__)
    _add_lifecycle(routes, hive)
    _add_approvals(routes, hive)
    _add_builds(routes, hive)
    _add_talk(routes, hive)
    return routes


def _add_lifecycle(routes: Blueprint, hive: Hive) -> None:
    verbs: dict[str, Callable[[Hive, str], Awaitable[object]]] = {
        "start": actions.start,
        "kill": actions.stop,
        "restart": actions.restart,
        "rebuild": actions.rebuild,
    }

    def add(word: str, verb: Callable[[Hive, str], Awaitable[object]]) -> None:
        async def run(name: str) -> Json:
            await read(Nothing)
            await verb(hive, agent_name(name))
            return OK

        routes.add_url_rule(f"/{word}/<name>", word, run, methods=["POST"])

    for word, verb in verbs.items():
        add(word, verb)

    @routes.post("/destroy/<name>")
    async def destroy(name: str) -> Json:
        body = await read(DestroyBody)
        await actions.destroy(hive, agent_name(name), purge=body.purge)
        return OK

    @routes.post("/set-paused/<name>")
    async def set_paused(name: str) -> Json:
        body = await read(PausedBody)
        await actions.set_paused(hive, agent_name(name), paused=body.paused)
        return OK

    @routes.post("/purge-tombstone/<name>")
    async def purge_tombstone(name: str) -> Json:
        await read(Nothing)
        await actions.purge_tombstone(hive, agent_name(name))
        return OK

    @routes.post("/revive/<name>")
    async def revive(name: str) -> Json:
        await read(Nothing)
        approval = await actions.revive(hive, agent_name(name))
        return {**OK, "id": approval.id}


def _add_approvals(routes: Blueprint, hive: Hive) -> None:
    @routes.post("/request-spawn")
    async def request_spawn() -> Json:
        body = await read(SpawnBody)
        approval = await actions.request_spawn(hive, body.name, body.description)
        return {**OK, "id": approval.id}

    @routes.post("/allow/<name>")
    async def allow(name: str) -> Json:
        body = await read(AllowBody)
        approval = await actions.allow(hive, agent_name(name), (body.host,))
        return {**OK, "id": approval.id}

    @routes.post("/approve/<text>")
    async def approve(text: str) -> Json:
        await read(Nothing)
        await actions.approve(hive, number(text))
        return OK

    @routes.post("/deny/<text>")
    async def deny(text: str) -> Json:
        body = await read(DenyBody)
        await actions.deny(hive, number(text), body.note)
        return OK


def _add_builds(routes: Blueprint, hive: Hive) -> None:
    @routes.post("/cancel-job/<text>")
    async def cancel_job(text: str) -> Json:
        await read(Nothing)
        await actions.cancel_job(hive, number(text))
        return OK

    @routes.post("/meta-update")
    async def meta_update() -> Json:
        body = await read(InputsBody)
        named = [name.strip() for name in body.inputs.split(",")]
        ticket = await actions.update_inputs(hive, [name for name in named if name])
        return {**OK, "job": ticket.row.id}

    @routes.post("/update-all")
    async def update_all() -> Json:
        await read(Nothing)
        tickets = await actions.update_all(hive)
        return {**OK, "jobs": [ticket.row.id for ticket in tickets]}


def _add_talk(routes: Blueprint, hive: Hive) -> None:
    @routes.post("/op-send")
    async def op_send() -> Json:
        body = await read(SendBody)
        return {**OK, "id": await actions.send(hive, body.to, body.body, body.in_reply_to)}

    @routes.post("/api/agent/<name>/mark-all-read")
    async def mark_all_read(name: str) -> Json:
        await read(Nothing)
        checked = name if name == OPERATOR else agent_name(name)
        return {**OK, "marked": await actions.mark_all_read(hive, checked)}

    @routes.post("/answer-question/<text>")
    async def answer_question(text: str) -> Json:
        body = await read(AnswerBody)
        await actions.answer_question(hive, number(text), body.answer)
        return OK

    @routes.post("/cancel-question/<text>")
    async def cancel_question(text: str) -> Json:
        await read(Nothing)
        await actions.cancel_question(hive, number(text))
        return OK

    @routes.post("/retry-reminder/<text>")
    async def retry_reminder(text: str) -> Json:
        await read(Nothing)
        await actions.retry_reminder(hive, number(text))
        return OK

    @routes.post("/cancel-reminder/<text>")
    async def cancel_reminder(text: str) -> Json:
        await read(Nothing)
        await actions.cancel_reminder(hive, number(text))
        return OK
