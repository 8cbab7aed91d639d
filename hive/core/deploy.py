"""Deploying a commit: built, started, seen to stay up, and rolled back where any of it fails.

A deploy is a sequence of steps, each safe to be done again, with one point of no return on either
way: the tag `deployed/<id>` or `failed/<id>`. What the tag says is then made true everywhere else,
after a SIGKILL too: the job is still in the queue, and the next start runs it again.
"""

from __future__ import annotations

from typing import Any

import attrs

from hive.core import blueprints, lifecycle, notices, proposals, transients
from hive.core.blueprints import Blueprint
from hive.core.build_queue import Outcome, Running
from hive.core.hive import Hive
from hive.errors import HiveError, NotFound, Unavailable
from hive.store.agents import Deployed
from hive.store.messages import Draft
from hive.wire.names import MANAGER, SYSTEM, AgentName, agent_name

ATTEMPTS = 2
"""How often a deploy is begun: twice means that the daemon ended in the middle of the first."""
TEMPLATE_TAG = "deployed/0"

TAGGING = "tagging the commit"
TAKING = "taking the commit"
LOCKING = "locking its revision"
BUILDING = "building"
STARTING = "starting it"
RECORDING = "recording"
ROLLING_BACK = "rolling back"
UNTOUCHED = frozenset({None, TAGGING, TAKING, LOCKING, BUILDING})
"""Last steps of an earlier attempt behind which the old container still runs as it did."""


@attrs.define
class Order:
    """What is to be deployed."""

    name: AgentName
    number: int | None
    """Of the approval; None for what needed none."""
    sha: str
    tag: str
    is_new: bool
    """Whether the agent never ran before."""
    is_touched: bool
    """Whether its container may not be the one that ran before."""


async def deploy(hive: Hive, running: Running) -> Outcome:
    """Deploy what a job of kind `deploy` or `spawn` is about."""
    order = await _order(hive, running)
    states = await _states(hive, order)
    if "deployed" in states:
        return await _record(hive, running, order, None)
    if states & {"failed", "denied"}:
        return await _back(hive, running, order, Unavailable("it was rolled back"))
    if running.row.attempts > ATTEMPTS:
        twice = Unavailable("the daemon ended in the middle of it, twice: look at its log first")
        return await _back(hive, running, order, twice)
    try:
        with running.cancellable():
            built = await _forward(hive, running, order)
    except HiveError as error:
        return await _back(hive, running, order, error)
    return await _record(hive, running, order, built)


async def rebuild(hive: Hive, running: Running) -> Outcome:
    """Build the newest deployed commit anew and start the agent from it.

    The verb that mends: whatever is per-container on the host is written anew. It never rolls back:
    a build that fails touches nothing.
    """
    name = agent_name(running.row.agent or "")
    try:
        record = hive.agents.get(name)
        starts = running.row.requested_by != SYSTEM or hive.agents.is_wanted(name)
        with lifecycle.held(hive, name, transients.REBUILDING):
            sha = await hive.repos.main(name)
            if sha is None:
                raise NotFound(f"{name} has nothing deployed: deploy a commit first")
            tag = record.deployed_tag or TEMPLATE_TAG
            with running.cancellable():
                await running.step(BUILDING)
                await hive.meta.sync(hive.agents.names())
                await hive.meta.prepare(name, sha, tag)
                await hive.repos.wire(name)
                blueprint = await blueprints.build(hive, name, sha, tag, running.say)
            await hive.meta.finalize(name, sha, tag)
            await running.step(STARTING)
            if starts:
                await hive.agents.set_wanted(name, is_running=True)
                await lifecycle.replace(hive, name, blueprint)
    except HiveError as error:
        await hive.meta.abort()
        hive.view.set_trouble(name, f"it was not rebuilt: {error.message}")
        told = _to_manager(hive, name, "rebuilt", agent=name, ok=False, note=error.message)
        return Outcome(error, notices=told)
    told = _to_manager(hive, name, "rebuilt", agent=name, ok=True, sha=sha, tag=tag)
    told = (*told, *notices.kicked(hive, name, "rebuilt"))
    return Outcome(deployed=_deployed(hive, name, blueprint), notices=told)


async def _order(hive: Hive, running: Running) -> Order:
    row = running.row
    name = agent_name(row.agent or "")
    is_new = name not in hive.agents or hive.agents.get(name).deployed_sha is None
    is_touched = row.attempts > 1 and row.step not in UNTOUCHED
    if row.approval_id is not None:
        approval = await hive.approvals.get(row.approval_id)
        tag = f"deployed/{approval.id}"
        return Order(name, approval.id, approval.fetched_sha or "", tag, is_new, is_touched)
    if not await hive.repos.has_proposed(name):
        await hive.repos.seed_proposed(name)
    sha = await hive.repos.adopt(name)
    tag, sha = (await hive.repos.deployed(name)) or (TEMPLATE_TAG, sha)
    return Order(name, None, sha, tag, is_new, is_touched)


async def _states(hive: Hive, order: Order) -> set[str]:
    if order.number is None:
        return set()
    return await hive.repos.states(order.name, order.number)


async def _forward(hive: Hive, running: Running, order: Order) -> Blueprint:
    """Do everything up to the point of no return, under the agent's transient."""
    name = order.name
    kind = transients.SPAWNING if order.is_new else transients.REBUILDING
    with lifecycle.held(hive, name, kind):
        if order.number is not None:
            await running.step(TAGGING)
            await hive.repos.mark(name, order.number, "approved")
            await hive.repos.mark(name, order.number, "building")
            hive.forge.changed(name)
            await running.step(TAKING)
            await hive.repos.advance(name, order.number)
        await running.step(LOCKING)
        await hive.meta.prepare(name, order.sha, order.tag)
        await running.step(BUILDING)
        await hive.repos.wire(name)
        blueprint = await blueprints.build(hive, name, order.sha, order.tag, running.say)
        if name not in hive.agents:
            await hive.agents.add(name)
        if hive.agents.is_wanted(name):
            await running.step(STARTING)
            order.is_touched = True
            await lifecycle.replace(hive, name, blueprint)
        await running.step(RECORDING)
        if order.number is not None:
            await hive.repos.mark(name, order.number, "deployed")
        return blueprint


async def _record(
    hive: Hive, running: Running, order: Order, blueprint: Blueprint | None
) -> Outcome:
    """Make true everywhere what the tag says: the commit is deployed."""
    name = order.name
    if blueprint is None:
        await running.step(RECORDING)
        blueprint = await blueprints.build(hive, name, order.sha, order.tag, running.say)
        if name not in hive.agents:
            await hive.agents.add(name)
    await hive.meta.finalize(name, order.sha, order.tag)
    hive.view.set_trouble(name, None)
    hive.forge.changed(name)
    what = "spawned" if order.is_new else "rebuilt"
    told = [
        *await _resolution(hive, order, "approved", None),
        *_to_manager(hive, name, what, agent=name, ok=True, sha=order.sha, tag=order.tag),
    ]
    if not order.is_new:
        told += notices.kicked(hive, name, f"given a new configuration ({order.tag}) and restarted")
    return Outcome(deployed=_deployed(hive, name, blueprint), notices=told)


def _deployed(hive: Hive, name: AgentName, blueprint: Blueprint) -> Deployed:
    return Deployed(
        name,
        sha=blueprint.sha,
        tag=blueprint.tag,
        system=blueprint.system,
        config=blueprint.config,
        hive_rev=hive.meta.hive_rev(),
    )


async def _back(hive: Hive, running: Running, order: Order, error: HiveError) -> Outcome:
    """Make true everywhere that the commit is not deployed; what ran before runs again."""
    name = order.name
    if "deployed" in await _states(hive, order):
        # It failed, or was cancelled, when it was over already.
        return await _record(hive, running, order, None)
    reason = error.message
    await running.step(ROLLING_BACK)
    if order.number is not None:
        await hive.repos.mark(name, order.number, "failed", reason)
        await hive.repos.roll_back(name, await _before(hive, order))
    await hive.meta.abort()
    if order.is_new:
        await _forget(hive, name)
    elif order.is_touched:
        await _put_back(hive, name)
    hive.forge.changed(name)
    what = "spawned" if order.is_new else "rebuilt"
    told = [
        *await _resolution(hive, order, "failed", reason),
        *_to_manager(hive, name, what, agent=name, ok=False, note=reason, **_of_tag(order)),
    ]
    return Outcome(error, notices=told)


async def _before(hive: Hive, order: Order) -> str | None:
    """Return the commit that `main` goes back to: of one that is revived, what it ran last."""
    if not order.is_new:
        return hive.agents.get(order.name).deployed_sha
    last = await hive.repos.deployed(order.name)
    return last and last[1]


async def _forget(hive: Hive, name: AgentName) -> None:
    """Undo what was made of an agent that never ran."""
    await hive.runtime.stop(name, grace_s=0)
    await hive.runtime.destroy(name)
    # The manager is what everybody reports to: it is started without a configuration then.
    if name in hive.agents and name != MANAGER:
        await hive.agents.remove(name)


async def _put_back(hive: Hive, name: AgentName) -> None:
    """Start what ran before; where that fails, crash watch goes on trying."""
    try:
        with lifecycle.held(hive, name, transients.REBUILDING):
            if hive.agents.is_wanted(name):
                before = await blueprints.deployed(hive, hive.agents.get(name))
                await lifecycle.replace(hive, name, before)
    except HiveError as error:
        hive.view.set_trouble(name, f"what ran before could not be started again: {error.message}")


async def _resolution(hive: Hive, order: Order, status: str, note: str | None) -> tuple[Draft, ...]:
    if order.number is None:
        return ()
    return proposals.resolution(hive, await hive.approvals.get(order.number), status, note)


def _of_tag(order: Order) -> dict[str, str]:
    if order.number is None:
        return {}
    return {"sha": order.sha, "tag": f"failed/{order.number}"}


def _to_manager(hive: Hive, name: AgentName, event: str, **fields: Any) -> tuple[Draft, ...]:  # noqa: ANN401
    """Return an event for the manager; that itself was built it is told by its kick."""
    if name == MANAGER and fields.get("ok"):
        return ()
    return notices.event(hive, MANAGER, event, **fields)
