"""What happens once at the start: directories, leftovers, the manager, and who is to run."""

from __future__ import annotations

import logging

import trio

from hive.core import lifecycle
from hive.core.hive import Hive
from hive.errors import HiveError
from hive.wire.names import MANAGER, AgentName

log = logging.getLogger(__name__)


async def run(hive: Hive) -> None:
    """Adopt what runs, end what should not, and start everybody who is to run."""
    if MANAGER not in hive.agents:
        await hive.agents.add(MANAGER)
    running = {status.name for status in await hive.runtime.running()}
    async with trio.open_nursery() as nursery:
        for name in running:
            if not hive.agents.is_wanted(name):
                log.warning("%s runs and is not meant to: stopping it", name)
                nursery.start_soon(_stop, hive, name)
        for name in hive.agents.names():
            if name in running:
                log.info("%s runs already: adopted", name)
            elif hive.agents.is_wanted(name):
                nursery.start_soon(_start, hive, name)
    await hive.view.rescan()


async def _stop(hive: Hive, name: AgentName) -> None:
    await hive.runtime.stop(name, grace_s=lifecycle.GRACE_S)


async def _start(hive: Hive, name: AgentName) -> None:
    try:
        await lifecycle.bring_back(hive, name)
    except HiveError as error:
        log.error("%s cannot be started: %s", name, error)  # noqa: TRY400 - foreseen
        hive.view.set_trouble(name, f"it cannot be started: {error}")
