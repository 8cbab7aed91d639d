"""What happens once at the start: leftovers, the manager, and who is to run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import trio

from hive.core import lifecycle
from hive.core.build_queue import Ticket
from hive.core.hive import Hive
from hive.core.jobs import Job
from hive.errors import HiveError
from hive.store.jobs import NewJob
from hive.wire.audit import DONE
from hive.wire.jobs import OVER, SPAWN
from hive.wire.names import MANAGER, SYSTEM, AgentName

PATIENCE_S = 3.0
"""How long the daemon waits for its containers before it says that it is up."""

log = logging.getLogger(__name__)


async def run(hive: Hive, bring_back: Callable[[AgentName], Job]) -> None:
    """Adopt what runs, end what should not, and have everybody started who is to run."""
    if MANAGER not in hive.agents:
        await hive.agents.add(MANAGER)
    coming = {row.agent for row in hive.queue.rows() if row.state not in OVER}
    jobs: list[Job | Ticket] = []
    if hive.agents.get(MANAGER).deployed_sha is None and MANAGER not in coming:
        jobs.append(await hive.queue.submit(NewJob(SPAWN, MANAGER, SYSTEM)))
        coming.add(MANAGER)
    running = {status.name for status in await hive.runtime.running()}
    for name in sorted(running):
        if not hive.agents.is_wanted(name) and hive.transients.get(name) is None:
            log.warning("%s runs and is not meant to: stopping it", name)
            jobs.append(hive.jobs.submit(f"stop {name}", partial(_stop, hive, name)))
    for name in hive.agents.names():
        if name in running:
            log.info("%s runs already: adopted", name)
            hive.audit.happened("adopt", name, DONE)
        elif (
            hive.agents.is_wanted(name) and name not in coming and hive.transients.get(name) is None
        ):
            jobs.append(bring_back(name))
    # One agent that cannot be started must not hold up the hive.
    with trio.move_on_after(PATIENCE_S):
        for job in jobs:
            await _wait(job)
    await hive.view.rescan()


async def _stop(hive: Hive, name: AgentName) -> None:
    await hive.runtime.stop(name, grace_s=lifecycle.GRACE_S)


async def _wait(job: Job | Ticket) -> None:
    try:
        await job.wait()
    except HiveError as error:
        what = job.label if isinstance(job, Job) else f"{job.row.kind} {job.row.agent}"
        log.error("%s failed: %s", what, error)  # noqa: TRY400 - foreseen
