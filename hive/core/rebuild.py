"""Building anew what is deployed, and starting the agent from it: the verb that mends."""

from __future__ import annotations

import contextlib

from hive.core import blueprints, deploy_told, lifecycle, notices, proposals, transients
from hive.core.build_queue import Outcome, Running
from hive.core.deploy import BUILDING, STARTING
from hive.core.hive import Hive
from hive.errors import HiveError, NotFound
from hive.store.jobs import NewJob
from hive.wire.jobs import REBUILD
from hive.wire.names import SYSTEM, AgentName, agent_name


def renewal(name: AgentName, by: str) -> NewJob:
    """Return the rebuild of an agent that nobody asked to be started: who is stopped stays so."""
    return NewJob(REBUILD, name, by, {"start": "no"})


async def rebuild(hive: Hive, running: Running) -> Outcome:
    """Build the newest deployed commit anew and start the agent from it.

    The verb that mends: whatever is per-container on the host is written anew. It never rolls back:
    a build that fails touches nothing.
    """
    name = agent_name(running.row.agent or "")
    try:
        hive.agents.get(name)
        is_asked = running.row.requested_by != SYSTEM and running.row.args.get("start") != "no"
        await lifecycle.wait_free(hive, name)
        starts = is_asked or hive.agents.is_wanted(name)
        with lifecycle.held(hive, name, transients.REBUILDING):
            last = await proposals.mend(hive, name)
            if last is None:
                raise NotFound(f"{name} has nothing deployed: deploy a commit first")
            tag, sha = last
            with running.cancellable():
                await running.step(BUILDING)
                await hive.meta.sync(hive.agents.names())
                await hive.meta.prepare(name, sha, tag)
                blueprint = await blueprints.build(hive, name, sha, tag, running.say)
            await hive.meta.finalize(name, sha, tag)
            await running.step(STARTING)
            if starts:
                await hive.agents.set_wanted(name, is_running=True)
                await lifecycle.replace(hive, name, blueprint)
    except HiveError as error:
        with contextlib.suppress(HiveError):
            # What is staged next is made from what is committed in any case.
            await hive.meta.abort()
        hive.view.set_trouble(name, f"it was not rebuilt: {error.message}")
        told = deploy_told.to_manager(
            hive, name, "rebuilt", agent=name, ok=False, note=error.message
        )
        return Outcome(error, notices=told)
    finally:
        # It may have put `main` back, or the lock in the meta repository, also when it failed.
        hive.forge.changed(name)
    hive.view.set_trouble(name, None)
    told = deploy_told.to_manager(hive, name, "rebuilt", agent=name, ok=True, sha=sha, tag=tag)
    if starts:
        told = (*told, *notices.kicked(hive, name, "rebuilt"))
    return Outcome(deployed=deploy_told.record(hive, name, blueprint), notices=told)
