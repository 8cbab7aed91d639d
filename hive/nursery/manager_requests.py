"""What only the manager's socket does: requests for approvals, and the lifecycle of other agents.

A request is answered as soon as it waits for the operator. A lifecycle verb waits a while for its
outcome and goes on by itself when that takes longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeGuard

import trio

from hive.core import actions, audit, proposals, readings
from hive.core.hive import Hive
from hive.errors import BadRequest, Refused
from hive.wire import agent, codec, manager
from hive.wire.approvals import Approval
from hive.wire.limits import (
    COMMIT_BYTES,
    INPUT_BYTES,
    INPUTS_MAX,
    LOGS_BYTES,
    OUTCOME_WAIT_S,
    check_size,
)
from hive.wire.names import MANAGER, AgentName, agent_name

OwnRequest = (
    manager.RequestInitConfig
    | manager.RequestSpawn
    | manager.RequestApplyCommit
    | manager.RequestUpdateMetaInputs
    | manager.Kill
    | manager.Start
    | manager.Restart
    | manager.Update
    | manager.GetLogs
)
APPROVAL = "approval"


class Outcome(Protocol):
    """Work that was handed in."""

    async def wait(self) -> object:
        """Wait until it is over; raises what it failed with."""
        ...


def is_own(request: object) -> TypeGuard[OwnRequest | agent.CancelLooseEnd]:
    """Whether a request is answered here when the manager makes it."""
    if isinstance(request, agent.CancelLooseEnd):
        return request.kind == APPROVAL
    return isinstance(request, OwnRequest)


async def answer(hive: Hive, request: OwnRequest | agent.CancelLooseEnd) -> manager.ManagerReply:
    """Do what a request of the manager asks for; raises `HiveError`."""
    if isinstance(request, manager.GetLogs):
        found = await readings.logs(hive, request.agent, request.lines)
        return manager.Logs(tuple(newest(found)))
    if isinstance(request, manager.Kill | manager.Start | manager.Restart | manager.Update):
        return await _run(hive, request)
    async with audit.recorded(hive.audit, codec.tag_of(type(request)), _subject(request)) as known:
        reply = await _propose(hive, request)
        if isinstance(reply, manager.ApprovalQueued):
            known.detail["result"] = reply.id
        return reply


def _subject(request: object) -> str:
    for key in ("name", "agent", "id"):
        found = getattr(request, key, None)
        if found is not None:
            return str(found)
    return MANAGER


async def _propose(
    hive: Hive,
    request: manager.RequestInitConfig
    | manager.RequestSpawn
    | manager.RequestApplyCommit
    | manager.RequestUpdateMetaInputs
    | agent.CancelLooseEnd,
) -> manager.ManagerReply:
    match request:
        case manager.RequestInitConfig(name, description):
            return _queued(await proposals.request_init_config(hive, name, description))
        case manager.RequestSpawn(name, description):
            return _queued(await proposals.request_spawn(hive, name, description, MANAGER))
        case manager.RequestApplyCommit(name, commit_ref, description):
            # Kept with the approval, and said again in whatever goes wrong with it.
            check_size("commit_ref", commit_ref, COMMIT_BYTES)
            return _queued(
                await proposals.request_apply_commit(hive, name, commit_ref, description)
            )
        case manager.RequestUpdateMetaInputs(inputs, description):
            check_inputs(inputs)
            return _queued(await proposals.request_update_meta_inputs(hive, inputs, description))
        case agent.CancelLooseEnd(_, number):
            await proposals.withdraw(hive, number, MANAGER)
            return agent.Ok()


async def _run(
    hive: Hive, request: manager.Kill | manager.Start | manager.Restart | manager.Update
) -> manager.ManagerReply:
    match request:
        case manager.Kill(name):
            job = await actions.stop(hive, _another(name, "stop"), by=MANAGER)
            return await _outcome(job, None)
        case manager.Start(name):
            return await _outcome(await actions.start(hive, _another(name, "start")), None)
        case manager.Restart(name):
            ticket = await actions.restart(hive, _another(name, "restart"), by=MANAGER)
            return await _outcome(ticket, ticket.row.id)
        case manager.Update(name):
            ticket = await actions.rebuild(hive, name, by=MANAGER)
            if agent_name(name) == MANAGER:
                # It ends the container that waits for the answer.
                return manager.Begun(ticket.row.id)
            return await _outcome(ticket, ticket.row.id)


def check_inputs(inputs: Sequence[str] | None) -> None:
    """Refuse a list of the meta repository's inputs at a length no list of them has."""
    if inputs is not None and len(inputs) > INPUTS_MAX:
        raise BadRequest(f"inputs has {len(inputs)} entries and the limit is {INPUTS_MAX}")
    for name in inputs or ():
        check_size("the name of an input", name, INPUT_BYTES)


def newest(lines: Sequence[str]) -> list[str]:
    """Return the lines whose text together is within a reply, the newest of them."""
    size, kept = 0, []
    for line in reversed(lines):
        size += len(line.encode(errors="replace")) + 1
        if size > LOGS_BYTES:
            break
        kept.append(line)
    return kept[::-1]


def _queued(approval: Approval) -> manager.ApprovalQueued:
    return manager.ApprovalQueued(approval.id, approval.note)


def _another(text: str, verb: str) -> AgentName:
    """Return the checked name of anybody but the manager itself; raises `Refused`."""
    name = agent_name(text)
    if name == MANAGER:
        raise Refused(f"you cannot {verb} yourself: ask the operator to")
    return name


async def _outcome(work: Outcome, job_id: int | None) -> manager.ManagerReply:
    with trio.move_on_after(OUTCOME_WAIT_S):
        await work.wait()
        return agent.Ok()
    return manager.Begun(job_id)
