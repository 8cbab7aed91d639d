"""Everything an operator may do; the operator's socket and the dashboard both call these.

Names and numbers are checked here, so no surface can forget. Lifecycle verbs hand in a job and
return it: the socket waits for its outcome, the page does not.
"""

from __future__ import annotations

import trio

from hive.core import lifecycle, notices
from hive.core.hive import Hive
from hive.core.jobs import Job
from hive.errors import BadRequest, Conflict, HiveError, NotFound, Refused
from hive.host import state_dirs
from hive.wire import approvals as approval_states
from hive.wire.approvals import Approval
from hive.wire.dashboard import ApprovalAdded, ApprovalResolved, Tombstone, TombstonesChanged
from hive.wire.limits import LOG_LINES_MAX, RECENT_MAX, check_body
from hive.wire.messages import MessageRow
from hive.wire.names import (
    MANAGER,
    OPERATOR,
    AgentName,
    agent_name,
    new_agent_name,
    recipient_name,
)


async def request_spawn(hive: Hive, text: str, description: str | None) -> Approval:
    """Queue the approval of a new agent; raises `Conflict` when there is one, or one waits."""
    name = new_agent_name(text)
    if name in hive.agents:
        raise Conflict(f"there is an agent {name!r} already: choose another name")
    for row in await hive.approvals.pending(name):
        if row.kind == approval_states.SPAWN:
            raise Conflict(f"{name!r} waits for approval already, as {row.id}")
    if description is not None:
        check_body("the description", description)
    approval = await hive.approvals.add(
        name, approval_states.SPAWN, description=description or None
    )
    hive.publish(ApprovalAdded(approval))
    return approval


async def approve(hive: Hive, number: int) -> Job:
    """Approve, and hand in what was approved; deciding twice runs once (`Conflict`)."""
    approval = await _decide(hive, number, approval_states.APPROVED, None)
    return hive.jobs.submit(f"approval {number}", lambda: _run_approved(hive, approval))


async def deny(hive: Hive, number: int, note: str | None) -> Approval:
    """Deny, with an optional reason for the requester."""
    if note is not None:
        check_body("the note", note)
    return await _decide(hive, number, approval_states.DENIED, note or None)


async def _decide(hive: Hive, number: int, status: str, note: str | None) -> Approval:
    before = await hive.approvals.get(number)
    if not await hive.approvals.resolve(number, status=status, note=note):
        raise Conflict(f"approval {number} for {before.agent} was decided already")
    return await _told(hive, number)


async def _told(hive: Hive, number: int) -> Approval:
    approval = await hive.approvals.get(number)
    hive.publish(ApprovalResolved(approval))
    await notices.tell_manager(
        hive,
        "approval_resolved",
        id=approval.id,
        agent=approval.agent,
        commit_ref=approval.commit_ref,
        status=approval.status,
        note=approval.note,
    )
    return approval


async def _run_approved(hive: Hive, approval: Approval) -> None:
    name = new_agent_name(approval.agent)
    try:
        await lifecycle.spawn(hive, name)
    except HiveError as error:
        await hive.approvals.resolve(
            approval.id,
            status=approval_states.FAILED,
            note=error.message,
            expected=approval_states.APPROVED,
        )
        await _told(hive, approval.id)
        raise
    await notices.tell_manager(hive, "spawned", agent=name, ok=True)
    await publish_tombstones(hive)


async def spawn(hive: Hive, text: str) -> Job:
    """Create and start an agent without an approval."""
    name = new_agent_name(text)
    if name in hive.agents:
        raise Conflict(f"there is an agent {name!r} already: choose another name")

    async def work() -> None:
        await lifecycle.spawn(hive, name)
        await notices.tell_manager(hive, "spawned", agent=name, ok=True)
        await publish_tombstones(hive)

    return hive.jobs.submit(f"spawn {name}", work)


async def start(hive: Hive, text: str) -> Job:
    """Start a stopped agent."""
    name = _existing(hive, text)
    return hive.jobs.submit(f"start {name}", lambda: _noting(hive, name, lifecycle.start))


async def restart(hive: Hive, text: str) -> Job:
    """Stop and start an agent."""
    name = _existing(hive, text)
    return hive.jobs.submit(f"restart {name}", lambda: _noting(hive, name, lifecycle.restart))


async def rebuild(hive: Hive, text: str) -> Job:
    """Write everything per-container anew and start the agent again."""
    name = _existing(hive, text)
    return hive.jobs.submit(f"rebuild {name}", lambda: _noting(hive, name, lifecycle.rebuild))


async def stop(hive: Hive, text: str, *, graceful: bool = False) -> Job:
    """Stop an agent; the manager is told when it was another."""
    name = _existing(hive, text)

    async def work() -> None:
        await lifecycle.stop(hive, name, graceful=graceful)
        if name != MANAGER:
            await notices.tell_manager(hive, "killed", agent=name)

    return hive.jobs.submit(f"stop {name}", work)


async def destroy(hive: Hive, text: str, *, purge: bool) -> Job:
    """Remove an agent's container; with `purge` everything kept of it."""
    name = _existing(hive, text)
    if name == MANAGER:
        raise Refused("the manager cannot be destroyed: stop it instead")

    async def work() -> None:
        await lifecycle.destroy(hive, name, purge=purge)
        await publish_tombstones(hive)

    return hive.jobs.submit(f"destroy {name}", work)


async def set_paused(hive: Hive, text: str, *, paused: bool) -> None:
    """Pause or resume an agent's turns; works on a stopped container too."""
    name = _existing(hive, text)
    await trio.to_thread.run_sync(state_dirs.mark_paused, hive.paths, name, paused)
    await hive.agents.set_paused(name, paused=paused)
    hive.view.poke()


async def send(hive: Hive, to: str, body: str, in_reply_to: int | None) -> int:
    """Send a message as the operator; returns its id."""
    if not body.strip():
        raise BadRequest("the message is empty: write something")
    recipient = recipient_name(to)
    if recipient == OPERATOR:
        raise BadRequest("the operator is you: name an agent, manager or *")
    return await hive.broker.send(
        OPERATOR, recipient, body, in_reply_to=in_reply_to, origin="operator"
    )


async def mark_all_read(hive: Hive, text: str) -> int:
    """Acknowledge everything that waits for an agent, or for the operator."""
    name = text if text == OPERATOR else _existing(hive, text)
    marked = await hive.broker.mark_all_read(name)
    hive.view.poke()
    return marked


async def inbox(hive: Hive, limit: int) -> list[MessageRow]:
    """Return the newest messages to the operator, newest first."""
    return await hive.broker.recent(OPERATOR, _within("limit", limit, RECENT_MAX))


async def logs(hive: Hive, text: str, lines: int) -> list[str]:
    """Return the newest lines of an agent's container, oldest first."""
    name = _existing(hive, text)
    return await hive.runtime.logs(name, _within("lines", lines, LOG_LINES_MAX))


async def answer_question(hive: Hive, number: int, answer: str) -> None:
    """Answer any question as the operator."""
    await hive.questions.answer(number, OPERATOR, answer)


async def cancel_question(hive: Hive, number: int) -> None:
    """Close a question without an answer; the asker is told."""
    await hive.questions.cancel(number, OPERATOR)


async def retry_reminder(hive: Hive, number: int) -> None:
    """Let a reminder that was given up on be tried again."""
    await hive.reminders.retry(number)


async def cancel_reminder(hive: Hive, number: int) -> None:
    """Delete a reminder."""
    await hive.reminders.cancel(number)
    hive.view.poke()


def tombstones(hive: Hive) -> list[Tombstone]:
    """Return the state kept of agents that do not exist; blocks, call it in a thread."""
    return state_dirs.tombstones(hive.paths, set(hive.agents.names()))


async def purge_tombstone(hive: Hive, text: str) -> None:
    """Remove the state kept of an agent that does not exist; refused while it does."""
    name = new_agent_name(text)
    if name in hive.agents:
        raise Conflict(f"{name} exists: destroy it with its state instead")
    if not hive.paths.agent_root(name).exists():
        raise NotFound(f"nothing is kept of {name!r}")
    await trio.to_thread.run_sync(state_dirs.purge, hive.paths, name)
    await publish_tombstones(hive)


async def publish_tombstones(hive: Hive) -> None:
    """Tell the dashboard what is kept now."""
    kept = await trio.to_thread.run_sync(tombstones, hive)
    hive.publish(TombstonesChanged(tuple(kept)))


async def _noting(hive: Hive, name: AgentName, verb: lifecycle.Verb) -> None:
    """Run a lifecycle verb; a failure stays visible on the agent's row."""
    try:
        await verb(hive, name)
    except HiveError as error:
        if not isinstance(error, Conflict):
            hive.view.set_trouble(name, str(error))
        raise


def _existing(hive: Hive, text: str) -> AgentName:
    name = agent_name(text)
    hive.agents.get(name)
    return name


def _within(what: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise BadRequest(f"{what} must be between 1 and {most}")
    return value
