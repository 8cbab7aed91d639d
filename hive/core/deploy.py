"""Deploying a commit: built, started, seen to stay up, and rolled back where any of it fails.

A deploy is a sequence of steps, each safe to be done again, with one point of no return on either
way: the tag `deployed/<id>` or `failed/<id>`. What the tag says is then made true everywhere else,
after a SIGKILL too: the job is still in the queue, and the next start runs it again.
"""

from __future__ import annotations

import contextlib

import attrs

from hive.core import blueprints, deploy_told, lifecycle, proposals, review_text, transients
from hive.core.blueprints import Blueprint
from hive.core.build_queue import Outcome, Running
from hive.core.deploy_told import Order
from hive.core.hive import Hive
from hive.errors import HiveError, Unavailable
from hive.store.agents import Deployed
from hive.wire.names import AgentName, agent_name
from hive.wire.why import Code

LOST = "it ended in a way nobody foresaw: the operator finds why in hive's log"
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


async def deploy(hive: Hive, running: Running) -> Outcome:
    """Deploy what a job of kind `deploy` or `spawn` is about."""
    order = await _order(hive, running)
    running.told_if_lost = await deploy_told.failure(hive, order, LOST)
    try:
        return await _carry_out(hive, running, order)
    except HiveError as error:
        if "deployed" in await _states(hive, order):
            return await _note_only(hive, order, error)
        # Not even rolled back: `proposals.settle` does it once what is in the way is gone.
        if order.is_made:
            with contextlib.suppress(HiveError):
                await _forget(hive, order.name)
        elif order.is_touched:
            # What was not tagged must not run on, as if it had been.
            await _put_back(hive, order.name)
        hive.view.set_trouble(order.name, f"it was not rolled back: {error.message}")
        return Outcome(error, notices=await deploy_told.failure(hive, order, error.message))


async def _carry_out(hive: Hive, running: Running, order: Order) -> Outcome:
    if order.is_new:
        last = await hive.repos.deployed(order.name)
        is_other = running.row.attempts == 1 or (last is not None and last[0] != order.tag)
        order.is_revived = last is not None and is_other
    if order.number is None:
        await _take_template(hive, order)
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


async def _order(hive: Hive, running: Running) -> Order:
    row = running.row
    name = agent_name(row.agent or "")
    record = hive.agents.get(name) if name in hive.agents else None
    is_new = record is None or record.deployed_sha is None
    is_made = record is None or (is_new and record.created_at >= row.created_at)
    # Of several attempts only the last one's step is known.
    is_untouched = row.attempts == 2 and row.step in UNTOUCHED
    is_touched = row.attempts > 1 and not is_untouched
    if row.approval_id is not None:
        approval = await hive.approvals.get(row.approval_id)
        tag = f"deployed/{approval.id}"
        sha = approval.fetched_sha or ""
        return Order(name, approval.id, sha, tag, is_new, is_made, is_touched)
    return Order(name, None, "", TEMPLATE_TAG, is_new, is_made, is_touched)


async def _take_template(hive: Hive, order: Order) -> None:
    """Take for deployed what is proposed, or what was deployed before."""
    await lifecycle.wait_free(hive, order.name)
    if not await hive.repos.has_proposed(order.name):
        await hive.repos.seed_proposed(order.name)
    sha = await hive.repos.adopt(order.name)
    order.tag, order.sha = (await hive.repos.deployed(order.name)) or (TEMPLATE_TAG, sha)


async def _states(hive: Hive, order: Order) -> set[str]:
    if order.number is None:
        return set()
    return await hive.repos.states(order.name, order.number)


async def _forward(hive: Hive, running: Running, order: Order) -> Blueprint:
    """Do everything up to the point of no return, under the agent's transient."""
    name = order.name
    kind = transients.SPAWNING if order.is_new else transients.REBUILDING
    await lifecycle.wait_free(hive, name)
    with lifecycle.held(hive, name, kind):
        if order.number is not None:
            await running.step(TAGGING)
            said = await review_text.tag_text(hive, await hive.approvals.get(order.number))
            await hive.repos.mark(name, order.number, "approved", said or None)
            await hive.repos.mark(name, order.number, "building")
            hive.forge.changed(name)
            await running.step(TAKING)
            await hive.repos.advance(name, order.number)
        await running.step(LOCKING)
        await hive.meta.prepare(name, order.sha, order.tag)
        await running.step(BUILDING)
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
    last = await hive.repos.deployed(name)
    if last is not None and last[1] == order.sha:
        # The same commit may have been deployed under a greater number: that is what it is called.
        order.tag = last[0]
    if blueprint is None:
        await running.step(RECORDING)
        blueprint = await blueprints.build(hive, name, order.sha, order.tag, running.say)
        if name not in hive.agents:
            await hive.agents.add(name)
        await _see_running(hive, name, blueprint)
    hive.view.set_trouble(name, None)
    note = None
    try:
        await hive.meta.finalize(name, order.sha, order.tag)
    except HiveError as error:
        # The tag says what runs, and that is recorded; the next rebuild or start brings this along.
        note = f"the meta repository does not hold it yet: {error.message}"
        hive.view.set_trouble(name, note)
    hive.forge.changed(name)
    if order.is_new:
        # What fell due while there was nobody to be reminded was given up on.
        await hive.reminders.retry_all(name)
    told = await deploy_told.success(hive, order)
    deployed = deploy_told.record(hive, name, attrs.evolve(blueprint, tag=order.tag))
    return Outcome(note=note, deployed=deployed, notices=told)


async def _see_running(hive: Hive, name: AgentName, blueprint: Blueprint) -> None:
    """Start what an earlier daemon had started, where the whole machine ended with it."""
    await lifecycle.wait_free(hive, name)
    try:
        with lifecycle.held(hive, name, transients.STARTING):
            is_up = (await hive.runtime.status(name)).is_running
            if hive.agents.is_wanted(name) and not is_up:
                await lifecycle.replace(hive, name, blueprint)
    except HiveError as error:
        # It has shown before that it stays up; crash watch goes on trying.
        hive.view.set_trouble(name, f"it cannot be started: {error.message}", Code.NOT_STARTED)


async def _note_only(hive: Hive, order: Order, error: HiveError) -> Outcome:
    """Record a deploy that is one, though not all that belongs to it could be done."""
    name = order.name
    record = hive.agents.get(name) if name in hive.agents else None
    config = None if record is None else record.config
    with contextlib.suppress(HiveError):
        config = await blueprints.read_config(hive, name, order.sha)
    note = f"it is deployed, and not complete: {error.message}; hive.pyz rebuild {name} mends it"
    hive.view.set_trouble(name, note)
    # No revision of hive: it is stale, and built anew at the next start.
    deployed = Deployed(name, order.sha, order.tag, config=config)
    return Outcome(note=note, deployed=deployed, notices=await deploy_told.success(hive, order))


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
        await proposals.mend(hive, name)
    with contextlib.suppress(HiveError):
        # What is staged next is made from what is committed in any case.
        await hive.meta.abort()
    if order.is_made:
        await _forget(hive, name)
    elif order.is_touched:
        await _put_back(hive, name)
    hive.forge.changed(name)
    return Outcome(error, notices=await deploy_told.failure(hive, order, reason))


async def _forget(hive: Hive, name: AgentName) -> None:
    """Undo what was made of an agent that never ran."""
    try:
        await hive.runtime.stop(name, grace_s=0)
        await hive.runtime.destroy(name)
    finally:
        # Registered, it would be started as if it had been deployed; a container is found again.
        if name in hive.agents:
            await hive.agents.remove(name)
    with contextlib.suppress(HiveError):
        # An earlier attempt may have got as far; the next start tries it again.
        await hive.meta.sync(hive.agents.names())


async def _put_back(hive: Hive, name: AgentName) -> None:
    """Start what ran before; where that fails, crash watch goes on trying."""
    try:
        with lifecycle.held(hive, name, transients.REBUILDING):
            if hive.agents.is_wanted(name):
                before = await blueprints.deployed(hive, hive.agents.get(name))
                await lifecycle.replace(hive, name, before)
    except HiveError as error:
        hive.view.set_trouble(name, f"what ran before could not be started again: {error.message}")
