"""What the jobs of the build queue do, one function per kind."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence

import trio

from hive.core import audit, blueprints, deploy, lifecycle, notices, proposals, rebuild
from hive.core.audit import Who
from hive.core.build_queue import Outcome, Running
from hive.core.hive import Hive
from hive.errors import BadRequest, Conflict, HiveError, NotFound
from hive.host import state_dirs
from hive.store.messages import Draft
from hive.wire import approvals as kinds
from hive.wire import jobs
from hive.wire.approvals import Approval
from hive.wire.audit import DONE, FAILED, Scalar
from hive.wire.dashboard import MetaInputsChanged, TombstonesChanged
from hive.wire.names import MANAGER, SYSTEM, AgentName, agent_name
from hive.wire.why import Code

UNCANCELLED = frozenset({jobs.INIT_CONFIG, jobs.RESTART, jobs.DESTROY})
"""Kinds that are over so soon, or would leave so little in place, that none is broken off."""
_OUTCOMES = {jobs.SPAWN: "spawned", jobs.REBUILD: "rebuilt"}
"""How the manager is told what came of a job that no approval asked for."""
_OF_WHO_IS_THERE = frozenset({jobs.DEPLOY, jobs.REBUILD, jobs.RESTART})


async def run(hive: Hive, running: Running) -> Outcome:
    """Do a job; what hive foresaw becomes its outcome, anything else is raised."""
    row = running.row
    someone = Who(row.requested_by, "queue", {"job": row.id})
    with audit.acting(someone):
        try:
            outcome = await _run(hive, running)
        except HiveError as error:
            outcome = Outcome(error)
        why = None if outcome.error is None else outcome.error.message
        detail: dict[str, Scalar] = {"why": why, "approval": row.approval_id}
        hive.audit.tell(row.kind, row.agent or "", DONE if why is None else FAILED, detail)
    return outcome


async def _run(hive: Hive, running: Running) -> Outcome:
    match running.row.kind:
        case jobs.SPAWN | jobs.DEPLOY:
            return await deploy.deploy(hive, running)
        case jobs.REBUILD:
            return await rebuild.rebuild(hive, running)
        case kind:
            return await _simple(hive, running, kind)


async def after(hive: Hive, row: jobs.JobRow) -> None:
    """Tell the pages what a job that is over has changed."""
    if row.approval_id is not None:
        # Once more, where it could not be done while the job was rolled back.
        await proposals.settle(hive, await hive.approvals.get(row.approval_id))
    if row.kind in {jobs.SPAWN, jobs.DESTROY, jobs.INIT_CONFIG}:
        await publish_tombstones(hive)
    if row.agent is not None and agent_name(row.agent) in hive.agents:
        await blueprints.sweep(hive, agent_name(row.agent))
    if row.kind in {jobs.SPAWN, jobs.DEPLOY, jobs.DESTROY, jobs.META_UPDATE, jobs.REBUILD}:
        hive.publish(MetaInputsChanged(tuple(await hive.meta.inputs())))
    hive.view.poke()


async def cancel(hive: Hive, number: int, by: str) -> None:
    """Cancel a job that waits or runs; raises `NotFound`, `Conflict` when it is over.

    The manager is told of what did not come about, as it is when that was begun.
    """
    row = await hive.queue.get(number)
    note = f"cancelled by {by}"
    told: tuple[Draft, ...] = ()
    if row.approval_id is not None:
        told = _resolution(hive, await hive.approvals.get(row.approval_id), kinds.FAILED, note)
    elif row.kind in _OUTCOMES and row.agent is not None:
        told = notices.event(
            hive, MANAGER, _OUTCOMES[row.kind], agent=row.agent, ok=False, note=note
        )
    row = await hive.queue.cancel(number, by, notices=told)
    if row.state in jobs.OVER and row.approval_id is not None:
        await proposals.settle(hive, await hive.approvals.get(row.approval_id))


async def publish_tombstones(hive: Hive) -> None:
    """Tell the dashboard what is kept now."""
    names = set(hive.agents.names())
    kept = await trio.to_thread.run_sync(state_dirs.tombstones, hive.paths, names)
    hive.publish(TombstonesChanged(tuple(kept)))


async def _simple(hive: Hive, running: Running, kind: str) -> Outcome:
    approval = await _approval(hive, running)
    try:
        if kind in UNCANCELLED and running.row.step is None:
            # A step was begun by an earlier daemon: half of it is worse than the whole.
            with running.cancellable():
                await trio.lowlevel.checkpoint()
        match kind:
            case jobs.INIT_CONFIG:
                return await _init_config(hive, running, approval)
            case jobs.RESTART:
                return await _restart(hive, running)
            case jobs.DESTROY:
                return await _destroy(hive, running)
            case jobs.META_UPDATE:
                return await _meta_update(hive, running, approval)
    except HiveError as error:
        told = _resolution(hive, approval, kinds.FAILED, error.message)
        return Outcome(error, notices=told)
    raise BadRequest(f"{kind!r} is no kind of job that this hive knows")


async def _approval(hive: Hive, running: Running) -> Approval | None:
    number = running.row.approval_id
    return None if number is None else await hive.approvals.get(number)


async def _init_config(hive: Hive, running: Running, approval: Approval | None) -> Outcome:
    name = _name(running)
    await lifecycle.wait_free(hive, name)
    await running.step("seeding its repository")
    if not await hive.repos.has_proposed(name):
        await hive.repos.seed_proposed(name)
    told = (
        *_resolution(hive, approval, kinds.APPROVED, None),
        *notices.event(hive, MANAGER, "config_ready", agent=name),
    )
    return Outcome(notices=told)


async def _restart(hive: Hive, running: Running) -> Outcome:
    name = _name(running)
    try:
        await running.step("restarting it")
        await lifecycle.restart(hive, name)
    except HiveError as error:
        hive.view.set_trouble(name, error.message, Code.NOT_STARTED)
        raise
    return Outcome(notices=notices.kicked(hive, name, "restarted"))


async def _destroy(hive: Hive, running: Running) -> Outcome:
    name = _name(running)
    is_purge = running.row.args.get("purge") == "yes"
    is_there = name in hive.agents or running.row.attempts > 1
    await running.step("removing it")
    for row in hive.queue.rows():
        if row.agent == name and row.state == jobs.QUEUED and row.kind in _OF_WHO_IS_THERE:
            # Asked for in the same moment as this: it would fail, or make the agent again.
            with contextlib.suppress(Conflict):
                await cancel(hive, row.id, running.row.requested_by)
    for approval in await hive.approvals.pending(name):
        await proposals.fail(hive, approval, "agent destroyed")
    note = await lifecycle.destroy(hive, name, purge=is_purge)
    if is_purge:
        await lifecycle.forget(hive, name)
    told = notices.event(hive, MANAGER, "destroyed", agent=name)
    return Outcome(note=note, notices=told if is_there else ())


async def _meta_update(hive: Hive, running: Running, approval: Approval | None) -> Outcome:
    text = approval.commit_ref if approval is not None else running.row.args.get("inputs", "[]")
    inputs = [str(name) for name in json.loads(text)]
    await running.step("updating " + ", ".join(inputs))
    known = {row.name for row in await hive.meta.inputs()}
    if not set(inputs) <= known:
        raise NotFound(f"gone since: {', '.join(sorted(set(inputs) - known))}")
    # Of an attempt that a daemon did not survive: what it committed is nothing new to this one.
    changed = {agent_name(name) for name in json.loads(running.row.args.get("changed", "[]"))}

    async def note(names: Sequence[AgentName]) -> None:
        await running.keep(changed=json.dumps(sorted({*changed, *names})))

    with running.cancellable():
        changed.update(await hive.meta.update(inputs, running.say, note))
    hive.forge.changed(MANAGER)
    children = tuple(
        rebuild.renewal(name, SYSTEM)
        for name in sorted(changed, key=lambda name: (name != MANAGER, name))
        if name in hive.agents and not proposals.is_awaited(hive, name, jobs.DESTROY)
    )
    told = _resolution(hive, approval, kinds.APPROVED, None)
    return Outcome(children=children, notices=told)


def _resolution(
    hive: Hive, approval: Approval | None, status: str, note: str | None
) -> tuple[Draft, ...]:
    return () if approval is None else proposals.resolution(hive, approval, status, note)


def _name(running: Running) -> AgentName:
    return agent_name(running.row.agent or "")
