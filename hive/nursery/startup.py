"""What happens once at the start: leftovers, the manager, and who is to run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import trio

from hive.core import lifecycle, updates
from hive.core.build_queue import Ticket
from hive.core.hive import Hive
from hive.core.jobs import Job
from hive.errors import HiveError
from hive.wire.audit import DONE
from hive.wire.jobs import DESTROY, OVER, SPAWN
from hive.wire.names import MANAGER, AgentName

PATIENCE_S = 3.0
"""How long the daemon waits for its containers before it says that it is up."""

log = logging.getLogger(__name__)


async def run(hive: Hive, bring_back: Callable[[AgentName], Job]) -> None:
    """Adopt what runs, end what should not, and have everybody started who is to run."""
    await updates.ensure_manager(hive)
    jobs: list[Job | Ticket] = [
        ticket
        for row in hive.queue.rows()
        if row.agent == MANAGER and row.kind == SPAWN and row.state not in OVER
        if (ticket := hive.queue.ticket(row.id)) is not None
    ]
    running = {status.name for status in await hive.runtime.running()}
    for name in sorted(running):
        if not hive.agents.is_wanted(name) and hive.transients.get(name) is None:
            log.warning("%s runs and is not meant to: stopping it", name)
            jobs.append(hive.jobs.submit(f"stop {name}", partial(_stop, hive, name)))
    for name in hive.agents.names():
        if name in running:
            log.info("%s runs already: adopted", name)
            hive.audit.happened("adopt", name, DONE)
        elif is_unexplained(hive, name):
            jobs.append(bring_back(name))
    # One agent that cannot be started must not hold up the hive.
    with trio.move_on_after(PATIENCE_S):
        for job in jobs:
            await _wait(job)
    await hive.view.rescan()


def is_unexplained(hive: Hive, name: AgentName) -> bool:
    """Whether nothing that anybody asked for explains that this agent does not run."""
    return (
        hive.agents.is_wanted(name)
        and hive.transients.get(name) is None
        and not is_coming(hive, name)
    )


def is_coming(hive: Hive, name: AgentName) -> bool:
    """Whether a job of the build queue is to start this agent, or to remove it, and nobody else.

    One that was begun, also by a daemon that ended in the middle of it, or one that makes the
    agent. Nobody waits down for any other: whatever is in front of that may take long.
    """
    return any(
        row.attempts > 0 or row.kind == DESTROY or hive.agents.get(name).deployed_sha is None
        for row in hive.queue.rows()
        if row.agent == name and row.state not in OVER
    )


async def _stop(hive: Hive, name: AgentName) -> None:
    await hive.runtime.stop(name, grace_s=lifecycle.GRACE_S)


async def _wait(job: Job | Ticket) -> None:
    try:
        await job.wait()
    except HiveError as error:
        what = job.label if isinstance(job, Job) else f"{job.row.kind} {job.row.agent}"
        log.error("%s failed: %s", what, error)  # noqa: TRY400 - foreseen
