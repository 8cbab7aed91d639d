"""One listener per agent, the manager included: identity is the socket, and one `match`.

The set of listeners follows the registry. What only the manager may ask for is in
`manager_requests`, and no other socket knows the words. No operator verb exists here.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, get_args

import trio

from hive import __version__, lines
from hive.core import audit
from hive.core.hive import Hive
from hive.errors import BadRequest, HiveError, Refused
from hive.nursery import agent_listeners, manager_requests
from hive.wire import admin, agent, codec, manager
from hive.wire.limits import (
    KEY_BYTES,
    RECENT_MAX,
    RECV_MAX,
    RECV_WAIT_S,
    REPORT_NOTE_BYTES,
    REPORT_WORD_BYTES,
    STATUS_BYTES,
    check_body,
    check_size,
)
from hive.wire.messages import ORIGINS
from hive.wire.names import EVERYBODY, MANAGER, AgentName, recipient_name, wake_label

log = logging.getLogger(__name__)

NAME_SHOWN = 40
ROW_BYTES = 500
"""Of a row in the database beside its texts, with what finds it."""
_FORGED = frozenset({"from", "from_", "sender", "origin", "via"})
"""Fields with which an agent would say who it is, or where a message came from."""
_WORDS_OF_OTHERS = frozenset(
    codec.tag_of(kind)
    for union in (admin.AdminRequest, manager.ManagerRequest)
    for kind in get_args(union)
) - {codec.tag_of(kind) for kind in get_args(agent.AgentRequest)}
CONNECTIONS = 128
"""Of one agent; all agents together are meant to stay under the daemon's open files."""


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Keep a listener for every agent of the registry."""
    are_open = hive.agents.open_names
    are_open.clear()
    serve = partial(_serve_one, hive)
    try:
        await agent_listeners.follow(hive, serve, are_open.discard, task_status=task_status)
    finally:
        are_open.clear()


async def _serve_one(hive: Hive, name: AgentName) -> None:
    path = hive.paths.agent_socket(name)
    listener = await agent_listeners.listen(hive, name, path, "socket")
    async with trio.open_nursery() as nursery:
        await nursery.start(lines.serve, listener, make_door(hive, name))
        hive.agents.set_open(name)


def make_door(hive: Hive, name: AgentName) -> lines.Door:
    """Return what that agent's socket says."""
    return lines.Door(
        name=f"socket of {name}",
        handle=partial(handle, hive, name, who=audit.Who(name, audit.AGENT_SOCKET)),
        fail=fail,
        parks=parks,
        connections=CONNECTIONS,
        lost=partial(_take_back, hive, name),
        admit=partial(agent_listeners.admit, hive, name),
    )


async def _take_back(hive: Hive, name: AgentName, reply: lines.Reply) -> None:
    """Let messages wait again whose reply never reached the agent."""
    if reply.get("kind") == "messages" and reply["messages"]:
        try:
            await hive.broker.give_back(name, [message["id"] for message in reply["messages"]])
        except HiveError as error:
            # They are held until its harness asks for them again, as it does when it is started.
            log.error("%s did not get its messages: %s", name, error)  # noqa: TRY400 - foreseen


def parks(request: object) -> bool:
    """Whether a request may wait: a `recv` that was given a time."""
    return (
        isinstance(request, dict)
        and request.get("cmd") == "recv"
        and bool(request.get("wait_seconds"))
    )


def fail(error: HiveError) -> lines.Reply:
    """Return the reply that says an error."""
    return codec.to_tagged("kind", agent.Error(error.code, error.message))


async def handle(hive: Hive, name: AgentName, request: object, *, who: audit.Who) -> lines.Reply:
    """Answer one request of that agent, which is `who`; what it may not do is recorded."""
    with audit.acting(who):
        try:
            union = manager.ManagerRequest if name == MANAGER else agent.AgentRequest
            parsed = codec.from_tagged("cmd", union, request)
            _check_sizes(parsed)
            reply = await answer(hive, name, parsed)
            hive.disk.stored[name] += _stored(hive, parsed)
            return codec.to_tagged("kind", reply)
        except (Refused, BadRequest) as error:
            if isinstance(error, Refused) or _oversteps(request):
                hive.audit.denied(
                    actor=name,
                    surface=audit.AGENT_SOCKET,
                    action=_word(request, "cmd"),
                    subject=_word(request, "to") or _word(request, "name"),
                    why=error.message,
                )
            raise


def _oversteps(request: object) -> bool:
    """Whether a request that was not understood uses another's word, or names its own sender."""
    if not isinstance(request, dict):
        return False
    # Anything may stand there, a list too.
    cmd = _word(request, "cmd")
    return cmd in _WORDS_OF_OTHERS or (cmd != "wake" and not _FORGED.isdisjoint(request))


def _word(request: object, key: str) -> str:
    found = request.get(key) if isinstance(request, dict) else None
    return found[:NAME_SHOWN] if isinstance(found, str) else ""


def _check_sizes(request: object) -> None:
    """Refuse what would be kept, or shown to every open page, at any length."""
    match request:
        case agent.Send() | agent.Ask() | agent.Remind():
            check_size("dedupe_key", request.dedupe_key, KEY_BYTES)
        case agent.ReportState():
            words = (request.status, request.turn_state, request.model)
            for word in (*words, request.phase, request.about):
                check_size("a word of a report", word, REPORT_WORD_BYTES)
            check_size("the note of a report", request.note, REPORT_NOTE_BYTES)


def _stored(hive: Hive, request: object) -> int:
    """Return about how many bytes the daemon has put on the disk for a request it has answered."""
    match request:
        case agent.Send(to, body):
            rows = len(hive.agents.names()) if to == EVERYBODY else 1
            return rows * _row_bytes(body)
        case agent.Ask():
            return 2 * _row_bytes(request.question, *request.options)
        case agent.Answer(_, text) | agent.Wake(_, text) | agent.Remind(text):
            return _row_bytes(text)
    return 0


def _row_bytes(*texts: str) -> int:
    # A text is stored, and its words and its keys are indexed.
    return ROW_BYTES + 2 * sum(len(text.encode()) for text in texts)


async def answer(hive: Hive, name: AgentName, request: Any) -> manager.ManagerReply:
    """Do what a request asks for; raises `HiveError`."""
    if name == MANAGER and manager_requests.is_own(request):
        return await manager_requests.answer(hive, request)
    match request:
        case agent.Send():
            return await _send(hive, name, request)
        case agent.Recv():
            return await _recv(hive, name, request)
        case agent.AckTurn(ids):
            return agent.Ok(count=await hive.broker.ack_turn(name, ids))
        case agent.RequeueInflight():
            return agent.Ok(count=await hive.broker.requeue_inflight(name))
        case agent.Status():
            return agent.StatusReply(await hive.broker.unread(name))
        case agent.ReportState():
            hive.view.report(name, request)
            return agent.Ok()
        case _:
            return await _answer_rest(hive, name, request)


async def _answer_rest(hive: Hive, name: AgentName, request: Any) -> agent.AgentReply:
    match request:
        case agent.Recent(limit):
            if not 1 <= limit <= RECENT_MAX:
                raise BadRequest(f"limit must be between 1 and {RECENT_MAX}")
            return agent.RecentReply(tuple(await hive.broker.recent(name, limit)))
        case agent.Wake(label, body):
            number = await hive.broker.send(
                wake_label(label), name, check_body("the body", body), origin="external"
            )
            return agent.Ok(id=number)
        case agent.Whoami():
            role = "manager" if name == MANAGER else "agent"
            pronouns = hive.config.operator_pronouns
            return agent.WhoamiReply(name, role, pronouns, __version__)
        case agent.SetStatus(text):
            if len(text.encode()) > STATUS_BYTES:
                raise BadRequest(f"a status is at most {STATUS_BYTES} bytes: shorten it")
            await hive.agents.set_status(name, text or None)
            hive.view.show(name)
            return agent.Ok()
        case _:
            return await _answer_loose(hive, name, request)


async def _answer_loose(hive: Hive, name: AgentName, request: Any) -> agent.AgentReply:
    match request:
        case agent.Ask():
            return agent.QuestionQueued(await _ask(hive, name, request))
        case agent.Answer(number, text):
            await hive.questions.answer(number, name, text)
            return agent.Ok()
        case agent.Remind():
            return agent.Ok(id=await _remind(hive, name, request))
        case agent.CountPendingReminders():
            return agent.Count(await hive.reminders.count_pending(name))
        case agent.GetLooseEnds():
            return agent.LooseEnds(await hive.loose_ends.for_agent(name))
        case agent.CancelLooseEnd(kind, number):
            await hive.loose_ends.cancel(name, kind, number)
            hive.view.poke()
            return agent.Ok()
    raise BadRequest(f"{type(request).__name__} is not served here")


async def _send(hive: Hive, name: AgentName, request: agent.Send) -> agent.Ok:
    number = await hive.broker.send(
        name,
        recipient_name(request.to),
        request.body,
        in_reply_to=request.in_reply_to,
        dedupe_key=request.dedupe_key,
    )
    return agent.Ok(id=number)


async def _ask(hive: Hive, name: AgentName, request: agent.Ask) -> int:
    return await hive.questions.ask(
        name,
        request.question,
        options=request.options,
        multi=request.multi,
        ttl_s=request.ttl_seconds,
        to=None if request.to is None else recipient_name(request.to),
        dedupe_key=request.dedupe_key,
    )


async def _remind(hive: Hive, name: AgentName, request: agent.Remind) -> int:
    number = await hive.reminders.remind(
        name,
        request.message,
        delay_seconds=request.delay_seconds,
        at_unix_timestamp=request.at_unix_timestamp,
        file_path=request.file_path,
        dedupe_key=request.dedupe_key,
    )
    hive.view.poke()
    return number


async def _recv(hive: Hive, name: AgentName, request: agent.Recv) -> agent.Messages:
    if not 0 <= request.wait_seconds <= RECV_WAIT_S:
        raise BadRequest(f"wait_seconds must be between 0 and {RECV_WAIT_S}")
    if not 1 <= request.max <= RECV_MAX:
        raise BadRequest(f"max must be between 1 and {RECV_MAX}")
    if request.origin is not None and request.origin not in ORIGINS:
        raise BadRequest(f"origin must be one of {', '.join(ORIGINS)}")
    messages = await hive.broker.recv(
        name, wait_s=request.wait_seconds, max_count=request.max, origin=request.origin
    )
    return agent.Messages(tuple(messages))
