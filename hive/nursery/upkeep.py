"""What is brought up to date before anybody is started: older layouts, then what they built."""

from __future__ import annotations

import logging

from hive.core import updates
from hive.core.hive import Hive
from hive.errors import HiveError
from hive.host import agent_files, migrate
from hive.host.migrate import Adopted
from hive.store.agents import Deployed
from hive.wire.agent_config import FILE, AgentConfig
from hive.wire.jobs import OVER

log = logging.getLogger(__name__)


async def run(hive: Hive) -> None:
    """Migrate, then hand in the rebuilds of what is stale; what fails must not hold up the hive."""
    try:
        if hive.config.migrate:
            await _migrate(hive)
        # Before anybody is built anew: the manager is the first.
        await updates.ensure_manager(hive)
        tickets = await updates.at_start(hive)
    except HiveError as error:
        log.error("not everything could be brought up to date: %s", error)  # noqa: TRY400 - foreseen
        return
    if tickets:
        names = ", ".join(str(ticket.row.agent) for ticket in tickets)
        log.info("built by an older hive, to be built anew: %s", names)


async def _migrate(hive: Hive) -> None:
    coming = {row.agent for row in hive.queue.rows() if row.state not in OVER}
    # Who is only just being made gets repositories by the job that makes it.
    names = [
        name
        for name in hive.agents.names()
        if hive.agents.get(name).deployed_sha is None and name not in coming
    ]

    async def record(adopted: Adopted) -> None:
        data = await hive.repos.read_file(adopted.name, adopted.sha, FILE)
        config = AgentConfig() if data is None else agent_files.parse(data)
        # No revision of hive: whoever runs was set up by the older one, and is stale.
        deployed = Deployed(adopted.name, adopted.sha, adopted.tag, config=config)
        await hive.agents.set_deployed(deployed)

    failed = await migrate.run(hive.paths, names, hive.repos, hive.meta, record)
    for name, why in failed.items():
        log.error("%s could not be given its repositories: %s", name, why)
        hive.view.set_trouble(name, f"it could not be given its repositories: {why}")
