"""Which agents run something older than what they would be built from now, and building them anew.

Stale is an agent that an older hive set up, or that is locked to another commit than it runs.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from hive.core import notices
from hive.core.build_queue import Ticket
from hive.core.hive import Hive
from hive.core.rebuild import renewal
from hive.errors import HiveError
from hive.store.agents import AgentRecord, Deployed
from hive.store.jobs import NewJob
from hive.wire.jobs import OVER, SPAWN
from hive.wire.names import MANAGER, SYSTEM, AgentName

HYPERHIVE = "hyperhive"
NIXOS = "nixos"

log = logging.getLogger(__name__)


async def stale(hive: Hive) -> list[AgentName]:
    """Return the agents to be built anew, the manager first.

    One that was never deployed is none: its first deploy is on its way, or waits for a person.
    """
    locked = await hive.meta.locked()
    found = []
    for name in hive.agents.names():
        record = hive.agents.get(name)
        if record.deployed_sha is None:
            continue
        pinned, _ = locked.get(name, (record.deployed_sha, ""))
        if record.hive_rev != hive.meta.hive_rev() or pinned != record.deployed_sha:
            found.append(name)
    return found


async def ensure_manager(hive: Hive) -> None:
    """Register the manager where there is none, and hand in what makes it, unless that waits."""
    if MANAGER not in hive.agents:
        await hive.agents.add(MANAGER)
    is_coming = any(row.agent == MANAGER and row.state not in OVER for row in hive.queue.rows())
    if hive.agents.get(MANAGER).deployed_sha is None and not is_coming:
        await hive.queue.submit(NewJob(SPAWN, MANAGER, SYSTEM))


async def at_start(hive: Hive) -> list[Ticket]:
    """Hand in the rebuild of every stale agent, one after the other, and return at once.

    Call it before anybody is started: who does not run, on a runtime that builds nothing, gets this
    hive by being started. A newer hive that cannot be fetched, or an agent that cannot be locked,
    keeps nobody else from being built anew. Who runs on became stale by this hive being newer than
    the one before it: the manager is told, at the first start that finds it so. Raises `HiveError`
    when the meta repository cannot be used at all.
    """
    is_newer = await _has_newer(hive)
    await hive.meta.sync(hive.agents.names())
    known = await hive.meta.locked()
    for name in hive.agents.names():
        if name not in known:
            # The meta repository was made anew: it holds again what runs.
            await _lock(hive, hive.agents.get(name))
    if hive.config.auto_update:
        await _take_newest(hive)
    running = {status.name for status in await hive.runtime.running()}
    # What a deploy that was broken off has locked is its job's to say, and no reason for another.
    coming = {row.agent for row in hive.queue.rows() if row.state not in OVER}
    tickets = []
    for name in await stale(hive):
        record = hive.agents.get(name)
        if name in coming and record.hive_rev == hive.meta.hive_rev():
            continue
        if _is_renewed_by_start(hive, record, running):
            if name not in coming:
                await _lock(hive, record)
            await hive.agents.set_deployed(_renewed(hive, record))
        elif hive.config.auto_update:
            tickets.append(await hive.queue.submit(renewal(name, SYSTEM)))
        elif is_newer and name != MANAGER:
            await notices.tell_manager(hive, "needs_update", agent=name)
    return tickets


async def _has_newer(hive: Hive) -> bool:
    """Whether it is known that there is a newer hive than the locked one."""
    inputs = await hive.meta.inputs()
    return any(each.name == HYPERHIVE and each.is_stale for each in inputs)


async def _take_newest(hive: Hive) -> None:
    """Lock the newest hive, where it is known that there is one."""
    if not await _has_newer(hive):
        return
    try:
        await hive.meta.update([HYPERHIVE], log.info)
    except HiveError as error:
        log.error("agents stay with the hive they have: %s", error)  # noqa: TRY400 - foreseen


def _is_renewed_by_start(hive: Hive, record: AgentRecord, running: Collection[AgentName]) -> bool:
    return hive.runtime.kind != NIXOS and record.name not in running


async def _lock(hive: Hive, record: AgentRecord) -> None:
    """Lock an agent to what it runs, where a deploy could not say so."""
    if record.deployed_sha is None or record.deployed_tag is None:
        return
    pin = (record.deployed_sha, record.deployed_tag)
    if (await hive.meta.locked()).get(record.name) == pin:
        return
    try:
        await hive.meta.finalize(record.name, *pin)
    except HiveError as error:
        note = f"the meta repository does not hold it: {error.message}"
        log.error("%s: %s", record.name, note)  # noqa: TRY400 - foreseen
        hive.view.set_trouble(record.name, note)


def _renewed(hive: Hive, record: AgentRecord) -> Deployed:
    return Deployed(
        name=record.name,
        sha=record.deployed_sha,
        tag=record.deployed_tag,
        system=record.system,
        config=record.config,
        hive_rev=hive.meta.hive_rev(),
    )
