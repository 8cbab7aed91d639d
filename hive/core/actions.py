"""Everything an operator may do; the operator's socket and the dashboard both call these.

What only reads is in `readings`, what is done about notifications in `notify_actions`.
Names and numbers are checked here, so no surface can forget. Verbs that take their time hand in a
job and return it: the socket waits for its outcome, the page does not.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence

import trio

from hive.core import (
    acts,
    allowing,
    audit,
    lifecycle,
    notices,
    proposals,
    reviews,
    transients,
    work,
)
from hive.core.build_queue import Ticket
from hive.core.hive import Hive
from hive.core.jobs import Job
from hive.core.rebuild import renewal
from hive.errors import BadRequest, Conflict, HiveError, NotFound, Refused, Unavailable
from hive.host import state_dirs
from hive.store.jobs import NewJob
from hive.wire import approvals, destinations, jobs
from hive.wire.approvals import APPROVED, DENIED, PENDING, Approval
from hive.wire.limits import COMMIT_BYTES, check_body, check_size
from hive.wire.names import (
    EVERYBODY,
    MANAGER,
    OPERATOR,
    AgentName,
    agent_name,
    new_agent_name,
    recipient_name,
)
from hive.wire.why import Code

_JOBS = {
    approvals.INIT_CONFIG: jobs.INIT_CONFIG,
    approvals.SPAWN: jobs.SPAWN,
    approvals.APPLY_COMMIT: jobs.DEPLOY,
    approvals.UPDATE_META_INPUTS: jobs.META_UPDATE,
}
_MAKING = (jobs.INIT_CONFIG, jobs.SPAWN, jobs.DEPLOY, jobs.DESTROY)
"""Kinds of job that work on what is kept of an agent that does not exist."""


@audit.action("request_spawn")
async def request_spawn(hive: Hive, text: str, description: str | None) -> Approval:
    """Queue the approval of a new agent; raises `Conflict` when there is one, or one waits."""
    return await proposals.request_spawn(hive, text, description, OPERATOR)


@audit.action("request_apply_commit", "commit_ref")
async def request_apply_commit(
    hive: Hive, text: str, commit_ref: str | None, description: str | None
) -> Approval:
    """Queue the approval of a commit; without one, of the newest in the agent's repository."""
    if commit_ref is None:
        commit_ref = await hive.repos.head_of_proposed(agent_name(text))
    check_size("commit_ref", commit_ref, COMMIT_BYTES)
    return await proposals.request_apply_commit(hive, text, commit_ref, description)


@audit.action("allow", "hosts")
async def allow(hive: Hive, text: str, hosts: Sequence[str]) -> Approval:
    """Queue the approval of a commit that lets an agent connect to these hosts."""
    if not hosts:
        raise BadRequest("name the hosts it is to reach, such as pypi.org or 10.1.2.3:8080")
    for host in hosts:
        destinations.parse(host)
    return await allowing.request(hive, _existing(hive, text), hosts)


@audit.action("revive")
async def revive(hive: Hive, text: str) -> Approval:
    """Queue the approval of an agent again of which only its state is left."""
    return await proposals.revive(hive, text)


@audit.action("approve")
async def approve(hive: Hive, number: int, comments: str | None = None) -> Ticket:
    """Approve, and hand in what was approved; deciding twice runs once (`Conflict`).

    `comments` says what becomes of those on its lines, one of `wire.reviews.FATES`; `Conflict` when
    there are some and it does not.
    """
    approval = await hive.approvals.get(number)
    if approval.status == PENDING and not await proposals.still_possible(hive, approval):
        failed = await hive.approvals.get(number)
        raise Conflict(
            f"approval {number} for {approval.agent} cannot be carried out: {failed.note}"
        )
    if approval.kind != approvals.UPDATE_META_INPUTS:
        proposals.refuse_busy(hive, agent_name(approval.agent), jobs.DESTROY)
    new = NewJob(_JOBS[approval.kind], approval.agent, OPERATOR, approval_id=number)
    review = reviews.of_approval(hive, comments)
    by = audit.whoever()
    _, ticket = await hive.queue.decide(number, APPROVED, None, job=new, review=review, by=by)
    if ticket is None:
        raise Conflict(f"approval {number} for {approval.agent} was decided already")
    return ticket


@audit.action("deny")
async def deny(hive: Hive, number: int, note: str | None, comments: Sequence[str] = ()) -> Approval:
    """Deny, with an optional reason for the requester, and the comments on its lines.

    `comments` are further ones, each `FILE:LINE:TEXT`.
    """
    if note is not None:
        check_body("the note", note)
    review = await reviews.of_denial(hive, await hive.approvals.get(number), note or "", comments)
    by = audit.whoever()
    approval, _ = await hive.queue.decide(number, DENIED, note or None, review=review, by=by)
    await proposals.settle(hive, approval)
    return approval


@audit.action("spawn")
async def spawn(hive: Hive, text: str) -> Ticket:
    """Create and start an agent without an approval."""
    name = new_agent_name(text)
    if name in hive.agents:
        raise Conflict(f"there is an agent {name!r} already: choose another name")
    proposals.refuse_busy(hive, name)
    return await hive.queue.submit(NewJob(jobs.SPAWN, name, OPERATOR))


@audit.action("rebuild")
async def rebuild(hive: Hive, text: str, by: str = OPERATOR) -> Ticket:
    """Build the deployed commit anew, write everything per-container anew, start it again."""
    return await hive.queue.submit(NewJob(jobs.REBUILD, _existing(hive, text), by))


@audit.action("restart")
async def restart(hive: Hive, text: str, by: str = OPERATOR) -> Ticket:
    """Stop and start an agent."""
    return await hive.queue.submit(NewJob(jobs.RESTART, _existing(hive, text), by))


@audit.action("destroy", "purge")
async def destroy(hive: Hive, text: str, *, purge: bool) -> Ticket:
    """Remove an agent's container; with `purge` everything kept of it.

    What else was to be done to the agent is cancelled.
    """
    name = _existing(hive, text)
    if name == MANAGER:
        raise Refused("the manager cannot be destroyed: stop it instead")
    for row in hive.queue.rows():
        if row.agent == name and row.kind != jobs.DESTROY and row.state not in jobs.OVER:
            with contextlib.suppress(Conflict):
                # Else it is over, or about to be: what destroys waits behind it.
                await cancel_job(hive, row.id)
    args = {"purge": "yes" if purge else "no"}
    return await hive.queue.submit(NewJob(jobs.DESTROY, name, OPERATOR, args))


@audit.action("update_inputs")
async def update_inputs(hive: Hive, inputs: Sequence[str]) -> Ticket:
    """Bring inputs of the meta repository up to date and rebuild who is built from them."""
    chosen = await proposals.checked_inputs(hive, inputs)
    args = {"inputs": json.dumps(chosen)}
    return await hive.queue.submit(NewJob(jobs.META_UPDATE, None, OPERATOR, args))


@audit.action("update_all")
async def update_all(hive: Hive) -> list[Ticket]:
    """Rebuild every agent that is not up to date, the manager first; who is stopped stays so."""
    names = [agent_name(row.name) for row in hive.view.rows() if row.needs_update]
    return [await hive.queue.submit(renewal(name, OPERATOR)) for name in names]


@audit.action("cancel_job")
async def cancel_job(hive: Hive, number: int, by: str = OPERATOR) -> None:
    """Cancel a job that waits or runs; raises `Conflict` when it is over."""
    await work.cancel(hive, number, by)


@audit.action("start")
async def start(hive: Hive, text: str) -> Job:
    """Start a stopped agent."""
    name = _existing(hive, text)
    return hive.jobs.submit(f"start {name}", lambda: _noting(hive, name, lifecycle.start))


@audit.action("stop", "graceful")
async def stop(hive: Hive, text: str, *, graceful: bool = False, by: str = OPERATOR) -> Job:
    """Stop an agent; the manager is told when it was another.

    What was asked for before and still waits does not start it again.
    """
    name = _existing(hive, text)
    for row in hive.queue.rows():
        if row.agent == name and row.state == jobs.QUEUED:
            with contextlib.suppress(Conflict):
                # Else it has begun, and is interrupted, or is over.
                if row.kind == jobs.RESTART:
                    await cancel_job(hive, row.id, by)
                elif row.kind == jobs.REBUILD:
                    await hive.queue.keep(row.id, {"start": "no"})

    hive.view.acts.did(acts.STOP, name)

    async def work() -> None:
        await lifecycle.stop(hive, name, graceful=graceful)
        if name != MANAGER:
            await notices.tell_manager(hive, "killed", agent=name)

    return hive.jobs.submit(f"stop {name}", work)


@audit.action("set_paused", "paused")
async def set_paused(hive: Hive, text: str, *, paused: bool) -> None:
    """Pause or resume an agent's turns; works on a stopped container too."""
    name = _existing(hive, text)
    await trio.to_thread.run_sync(state_dirs.mark_paused, hive.paths, name, paused)
    await hive.agents.set_paused(name, paused=paused)
    hive.view.acts.did(acts.PAUSE, name)
    hive.view.poke()


@audit.action("send", "in_reply_to")
async def send(hive: Hive, to: str, body: str, in_reply_to: int | None) -> int:
    """Send a message as the operator; returns its id.

    `to` may be several names with commas between: each gets it, or none does; the id is that of the
    first copy, and the others follow.
    """
    if not body.strip():
        raise BadRequest("the message is empty: write something")
    names = tuple(dict.fromkeys(recipient_name(each) for each in to.split(",")))
    if OPERATOR in names:
        raise BadRequest("the operator is you: name an agent, manager or *")
    if len(names) > 1 and EVERYBODY in names:
        raise BadRequest("* is everybody already: name it alone, or only those who are meant")
    return await hive.broker.send(
        OPERATOR,
        names if len(names) > 1 else names[0],
        body,
        in_reply_to=in_reply_to,
        origin="operator",
    )


@audit.action("mark_all_read")
async def mark_all_read(hive: Hive, text: str) -> int:
    """Acknowledge everything that waits for an agent, or for the operator."""
    name = text if text == OPERATOR else _existing(hive, text)
    marked = await hive.broker.mark_all_read(name)
    hive.view.poke()
    return marked


@audit.action("mark_read")
async def mark_read(hive: Hive, number: int) -> int:
    """Acknowledge one message to the operator; 0 when it was before."""
    marked = await hive.broker.mark_read(OPERATOR, number)
    hive.view.poke()
    return marked


@audit.action("answer_question")
async def answer_question(hive: Hive, number: int, answer: str) -> None:
    """Answer any question as the operator."""
    await hive.questions.answer(number, OPERATOR, answer)


@audit.action("cancel_question")
async def cancel_question(hive: Hive, number: int) -> None:
    """Close a question without an answer; the asker is told."""
    await hive.questions.cancel(number, OPERATOR)


@audit.action("retry_reminder")
async def retry_reminder(hive: Hive, number: int) -> None:
    """Let a reminder that was given up on be tried again."""
    await hive.reminders.retry(number)


@audit.action("cancel_reminder")
async def cancel_reminder(hive: Hive, number: int) -> None:
    """Delete a reminder."""
    await hive.reminders.cancel(number)
    hive.view.poke()


@audit.action("login_link")
async def login_link(hive: Hive) -> str:
    """Return a fresh address that logs a browser in, once; raises `Unavailable` when unbound."""
    if hive.address.url is None:
        raise Unavailable("the dashboard is not bound yet: try again in a moment")
    return f"{hive.address.home}{hive.access.new_login_link()}"


@audit.action("create_token")
async def create_token(hive: Hive, name: str) -> str:
    """Return a new token for scripts; raises `Conflict` when one of that name is valid."""
    return hive.access.create_token(name)


@audit.action("revoke_token")
async def revoke_token(hive: Hive, name: str) -> None:
    """Make a token invalid; raises `NotFound`."""
    hive.access.revoke_token(name)


@audit.action("purge")
async def purge_tombstone(hive: Hive, text: str) -> None:
    """Remove the state kept of an agent that does not exist; refused while it does."""
    name = new_agent_name(text)
    if name in hive.agents:
        raise Conflict(f"{name} exists: destroy it with its state instead")
    if not hive.paths.agent_root(name).exists():
        raise NotFound(f"nothing is kept of {name!r}: `hive.pyz tombstones` lists of whom")
    proposals.refuse_busy(hive, name, *_MAKING)
    # Who asks for it meanwhile is refused.
    with lifecycle.held(hive, name, transients.DESTROYING):
        for approval in await hive.approvals.pending(name):
            await proposals.fail(hive, approval, proposals.GONE)
        # It may have been approved at the same moment.
        proposals.refuse_awaited(hive, name, *_MAKING)
        await lifecycle.forget(hive, name)
        await hive.repos.remove(name)
        # Last: for as long as that is there, it can be asked for again.
        await trio.to_thread.run_sync(state_dirs.purge, hive.paths, name)
    await work.publish_tombstones(hive)


async def _noting(hive: Hive, name: AgentName, verb: lifecycle.Verb) -> None:
    """Run a lifecycle verb; a failure stays visible on the agent's row."""
    try:
        await verb(hive, name)
    except HiveError as error:
        if not isinstance(error, Conflict):
            hive.view.set_trouble(name, str(error), Code.NOT_STARTED)
        raise


def _existing(hive: Hive, text: str) -> AgentName:
    name = agent_name(text)
    hive.agents.get(name)
    return name
