"""What is proposed to the operator: requests for approvals, each with its commit pinned first.

A request is shown to the operator only when what it is about can no longer change: the commit is in
the applied repository under `proposal/<id>`, out of the requester's reach.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import trio

from hive.core import blueprints, notices, review_text, transients
from hive.core.hive import Hive
from hive.errors import BadRequest, Conflict, HiveError, NotFound, Refused
from hive.host.repos import Change, Diff
from hive.store.messages import Draft
from hive.wire import approvals as kinds
from hive.wire import jobs
from hive.wire.approvals import Approval
from hive.wire.dashboard import ApprovalAdded, ApprovalResolved
from hive.wire.limits import check_body
from hive.wire.names import MANAGER, OPERATOR, AgentName, agent_name, new_agent_name

GONE = "the repository of this agent is gone"
UNPINNED = "the daemon ended before the commit was pinned: request it again"
BASES = ("running", "approved", "queued")
MAKES_IT = "Makes this agent, which is not there yet."
SHORTEST = 7
"""Hex digits that name a commit."""
_OPEN = frozenset({kinds.PENDING, kinds.APPROVED})
_DONE = {
    jobs.INIT_CONFIG: "given a repository",
    jobs.SPAWN: "made",
    jobs.DEPLOY: "deployed",
    jobs.DESTROY: "destroyed",
}
PENDING_MOST = 200
"""Of all agents together; more than anybody could read."""


async def request_init_config(hive: Hive, text: str, description: str | None) -> Approval:
    """Ask for an agent's repository to be seeded; raises `Conflict` when there is one."""
    name = new_agent_name(text)
    if await hive.repos.has_proposed(name):
        raise Conflict(
            f"{name} has a repository already, in agents/{name}/config: edit and commit there, then"
            " request_spawn or request_apply_commit"
        )
    await _refuse_second(hive, name, kinds.INIT_CONFIG)
    return await _add(hive, name, kinds.INIT_CONFIG, "", description)


async def request_spawn(hive: Hive, text: str, description: str | None, by: str) -> Approval:
    """Ask for a new agent, made from the head of its repository.

    The operator's request seeds the repository from the template where there is none; the manager
    is to have looked at it first, so its request raises `NotFound`. Raises `Conflict` when there is
    such an agent, or one waits.
    """
    name = new_agent_name(text)
    if name in hive.agents:
        raise Conflict(f"there is an agent {name!r} already: choose another name")
    await _refuse_second(hive, name, kinds.SPAWN)
    if not await hive.repos.has_proposed(name):
        if by != OPERATOR:
            raise NotFound(
                f"{name} has no repository: request_init_config first, then edit its agent.toml"
            )
        await hive.repos.seed_proposed(name)
    commit = await hive.repos.head_of_proposed(name)
    return await _add(hive, name, kinds.SPAWN, commit, description)


async def revive(hive: Hive, text: str) -> Approval:
    """Ask for an agent again of which only its state is left, as it was last deployed."""
    name = new_agent_name(text)
    if name in hive.agents:
        raise Conflict(f"{name} exists: there is nothing to revive")
    if not hive.paths.agent_root(name).exists():
        raise NotFound(f"nothing is kept of {name!r}: `hive.pyz tombstones` lists of whom")
    await _refuse_second(hive, name, kinds.SPAWN)
    last = await hive.repos.deployed(name)
    if last is None:
        return await request_spawn(hive, name, "revived", OPERATOR)
    return await _add(hive, name, kinds.SPAWN, last[1], "revived as it was last deployed")


async def request_apply_commit(
    hive: Hive, text: str, commit_ref: str, description: str | None
) -> Approval:
    """Ask for a commit of an agent's repository to be built and deployed.

    For an agent that is not there it makes one, and says so in front of the description.
    Raises `BadRequest` for anything but 7 to 40 hex digits that name a commit there.
    """
    name = agent_name(text)
    refuse_busy(hive, name)
    if not await hive.repos.has_proposed(name):
        raise NotFound(f"{name} has no repository: request_init_config makes one")
    for row in await hive.approvals.pending(name):
        is_same = len(commit_ref) >= SHORTEST and (row.fetched_sha or "").startswith(commit_ref)
        if row.kind == kinds.APPLY_COMMIT and is_same:
            # Asked again, because the answer was lost: one decision is enough.
            return row
    if name not in hive.agents:
        description = f"{MAKES_IT} {description or ''}".strip()
    return await _add(hive, name, kinds.APPLY_COMMIT, commit_ref, description)


async def request_change(hive: Hive, name: AgentName, change: Change, description: str) -> Approval:
    """Ask for a commit that hive makes itself, behind what is deployed, to be deployed.

    Raises `Conflict` while another commit of that agent waits or is being deployed: whichever came
    second could not be deployed any more.
    """
    refuse_busy(hive, name, jobs.SPAWN, jobs.DEPLOY, jobs.DESTROY)
    for row in await hive.approvals.pending(name):
        if row.kind in kinds.WITH_COMMIT:
            raise Conflict(f"approval {row.id} waits with a change of {name}: decide that first")
    return await _add(hive, name, kinds.APPLY_COMMIT, "", description, change)


async def request_update_meta_inputs(
    hive: Hive, inputs: Sequence[str] | None, description: str | None
) -> Approval:
    """Ask for inputs of the meta repository to be brought up to date; None is every input."""
    chosen = await checked_inputs(hive, inputs)
    return await _add(hive, MANAGER, kinds.UPDATE_META_INPUTS, json.dumps(chosen), description)


async def checked_inputs(hive: Hive, inputs: Sequence[str] | None) -> list[str]:
    """Return the names of inputs to update; raises `BadRequest` for an unknown or an empty list."""
    known = [row.name for row in await hive.meta.inputs()]
    if inputs is None:
        return known
    if not inputs:
        raise BadRequest("inputs is empty: name some, or leave it out for all of them")
    for name in inputs:
        if name not in known:
            raise BadRequest(f"there is no input {name!r}; there are: {', '.join(known)}")
    return list(dict.fromkeys(inputs))


async def withdraw(hive: Hive, number: int, by: str) -> Approval:
    """Withdraw what waits; raises `Conflict` when it was decided."""
    approval = await hive.approvals.get(number)
    if by != MANAGER:
        raise Refused(f"approval {number} is not yours to withdraw")
    note = f"withdrawn by {by}"
    if not await hive.approvals.resolve(number, status=kinds.CANCELLED, note=note, by=by):
        raise Conflict(f"approval {number} for {approval.agent} was decided already")
    withdrawn = await hive.approvals.get(number)
    hive.publish(ApprovalResolved(withdrawn))
    await settle(hive, withdrawn)
    return withdrawn


async def diff(hive: Hive, number: int, base: str, *, ignores_space: bool = False) -> Diff:
    """Return what a pinned commit changes against `running`, `approved` or `queued`."""
    approval = await hive.approvals.get(number)
    if base not in BASES:
        raise BadRequest(f"base must be one of {', '.join(BASES)}")
    if approval.kind not in kinds.WITH_COMMIT or approval.fetched_sha is None:
        raise BadRequest(
            f"approval {number} ({approval.kind}) has no commit to look at: see its description"
        )
    name = agent_name(approval.agent)
    return await hive.repos.diff(name, number, base, ignores_space=ignores_space)


def is_unpinned(approval: Approval) -> bool:
    """Whether the commit of a request has not been copied yet."""
    return approval.kind in kinds.WITH_COMMIT and approval.fetched_sha is None


async def waiting(hive: Hive) -> list[Approval]:
    """Return what the operator may decide: that of which the commit can no longer change."""
    return [row for row in await hive.approvals.pending() if not is_unpinned(row)]


async def still_possible(hive: Hive, approval: Approval) -> bool:
    """Whether what a pending approval is about is still there; fails it where it is not.

    Raises `Conflict` while its commit is only being copied.
    """
    if approval.kind not in kinds.WITH_COMMIT:
        return True
    if is_unpinned(approval):
        raise Conflict(f"the commit of approval {approval.id} is still being copied: wait a moment")
    if "proposal" not in await hive.repos.states(agent_name(approval.agent), approval.id):
        await fail(hive, approval, GONE)
        return False
    return True


async def settle(hive: Hive, approval: Approval) -> None:
    """Give the commit of a decided approval its terminal tag, when it was not deployed.

    Safe to be done again, so that the next start does it for a daemon that ended just before, and
    the end of its job for a roll-back that could not be done.
    """
    if approval.kind not in kinds.WITH_COMMIT or approval.status in _OPEN:
        return
    name = agent_name(approval.agent)
    states = await hive.repos.states(name, approval.id)
    if "proposal" not in states or states & {"deployed", "failed", "denied"}:
        return
    state = "failed" if approval.status == kinds.FAILED else "denied"
    await hive.repos.mark(name, approval.id, state, await review_text.tag_text(hive, approval))
    hive.forge.changed(name)
    if "building" in states:
        # Its job is over, and only its job moved `main`.
        await mend(hive, name)


async def mend(hive: Hive, name: AgentName) -> tuple[str, str] | None:
    """Put `main` back to what was deployed last, and return tag and commit of that.

    Not while a deploy of that agent is under way.
    """
    last = await hive.repos.deployed(name)
    # Where `main` is right its work tree may not be: the daemon may have ended between the two.
    await hive.repos.roll_back(name, None if last is None else last[1])
    return last


def resolution(hive: Hive, approval: Approval, status: str, note: str | None) -> tuple[Draft, ...]:
    """Return what tells the manager how an approval ended; nothing where there is no manager."""
    return notices.event(
        hive,
        MANAGER,
        "approval_resolved",
        id=approval.id,
        agent=approval.agent,
        commit_ref=approval.commit_ref,
        status=status,
        note=note,
        sha=approval.fetched_sha,
        tag=outcome_tag(approval, status),
    )


def outcome_tag(approval: Approval, status: str) -> str | None:
    """Return the tag that says how the commit of an approval ended; None for one without."""
    if approval.kind not in kinds.WITH_COMMIT or approval.fetched_sha is None:
        return None
    word = {kinds.APPROVED: "deployed", kinds.FAILED: "failed"}.get(status, "denied")
    return f"{word}/{approval.id}"


async def fail(hive: Hive, approval: Approval, note: str) -> None:
    """Fail an approval that waits, tag included; one that was decided meanwhile is left."""
    told = resolution(hive, approval, kinds.FAILED, note)
    try:
        await hive.queue.decide(approval.id, kinds.FAILED, note, notice=told[0] if told else None)
    except Conflict:
        return
    await settle(hive, await hive.approvals.get(approval.id))


async def _add(
    hive: Hive,
    name: AgentName,
    kind: str,
    commit_ref: str,
    description: str | None,
    change: Change | None = None,
) -> Approval:
    if description is not None:
        check_body("the description", description)
    if len(await hive.approvals.pending()) >= PENDING_MOST:
        raise Conflict(f"{PENDING_MOST} approvals wait already: the operator has to decide first")
    approval = await hive.approvals.add(
        name, kind, commit_ref=commit_ref, description=description or None
    )
    if kind in kinds.WITH_COMMIT:
        approval = await _pin(hive, name, approval, change)
    hive.publish(ApprovalAdded(approval))
    hive.forge.changed(name)
    return approval


async def _pin(hive: Hive, name: AgentName, approval: Approval, change: Change | None) -> Approval:
    """Pin the commit; a request whose commit cannot be had must not stay in the queue."""
    try:
        if change is None:
            sha = await hive.repos.pin(name, approval.id, approval.commit_ref)
        else:
            sha = await hive.repos.propose(name, approval.id, change)
        warning = await _warning(hive, name, sha)
        pinned = await hive.approvals.set_fetched(approval.id, sha, warning)
    except HiveError as error:
        await hive.approvals.resolve(approval.id, status=kinds.FAILED, note=error.message)
        # It may have been pinned, and only not been noted.
        await settle(hive, await hive.approvals.get(approval.id))
        raise
    except trio.Cancelled:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            await hive.approvals.resolve(approval.id, status=kinds.FAILED, note=UNPINNED)
        raise
    if pinned.status != kinds.PENDING:
        # The agent was destroyed meanwhile, and what waited for it with it.
        await settle(hive, pinned)
        raise Conflict(f"approval {pinned.id} cannot wait any more: {pinned.note}")
    return pinned


async def _warning(hive: Hive, name: AgentName, sha: str) -> str | None:
    """Return why a commit is going to fail, where that can be seen before it is built."""
    try:
        await blueprints.read_config(hive, name, sha)
    except BadRequest as error:
        return f"It will fail as it is: {error.message}"
    return None


async def _refuse_second(hive: Hive, name: AgentName, kind: str) -> None:
    for row in await hive.approvals.pending(name):
        if row.kind == kind:
            raise Conflict(f"{name!r} waits for approval already, as {row.id}")
    made_by = jobs.SPAWN if kind == kinds.SPAWN else jobs.INIT_CONFIG
    refuse_busy(hive, name, made_by, jobs.DESTROY)


def refuse_busy(hive: Hive, name: AgentName, *what: str) -> None:
    """Raise `Conflict` while a job of one of these kinds is to be done, or being done, to it.

    And while what is kept of it is being removed.
    """
    refuse_awaited(hive, name, *what)
    held = hive.transients.get(name)
    if held is not None and held.kind == transients.DESTROYING:
        raise Conflict(f"what is kept of {name} is being removed: try again when that is over")


def refuse_awaited(hive: Hive, name: AgentName, *what: str) -> None:
    """Raise `Conflict` while a job of one of these kinds is to be done, or being done, to it."""
    for row in hive.queue.rows():
        if row.agent == name and row.kind in what and row.state not in jobs.OVER:
            raise Conflict(
                f"{name} is about to be {_DONE[row.kind]}: wait for the end of job {row.id}"
            )


def is_awaited(hive: Hive, name: AgentName, kind: str) -> bool:
    """Whether a job of that kind is to be done, or being done, to an agent."""
    return any(
        row.agent == name and row.kind == kind and row.state not in jobs.OVER
        for row in hive.queue.rows()
    )
