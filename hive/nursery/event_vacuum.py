"""Drops agents' histories and statistics past their keep: hourly, and once soon after the start.

The harness does so too; that the host does it as well means that one that misbehaves cannot keep
them for ever. The files are opened by a fenced program of its own, see `core/kept_turns`.
"""

from __future__ import annotations

import logging
from collections.abc import Container
from pathlib import Path

import trio

from hive.core import kept_turns
from hive.core.hive import Hive
from hive.errors import BadRequest, Unavailable
from hive.wire.names import AgentName, agent_name

FIRST_AFTER_S = 30.0
"""A program for each agent: not while everybody is being started."""
EVERY_S = 3600.0
DAY_S = 86400.0
GONE_MAX = 100

log = logging.getLogger(__name__)


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Sweep for ever, one agent after the other; a file that cannot be swept holds up no other."""
    task_status.started()
    await trio.sleep(FIRST_AFTER_S)
    while True:
        for name in await trio.to_thread.run_sync(
            _names, hive.paths.agents, set(hive.agents.names())
        ):
            try:
                dropped = await sweep(hive, name)
            except Unavailable as error:
                log.warning("the history of %s was not swept: %s", name, error.message)
                continue
            if dropped:
                log.info("dropped %d rows past their keep of %s", dropped, name)
        await trio.sleep(EVERY_S)


async def sweep(hive: Hive, name: AgentName) -> int:
    """Drop what is past its keep of one agent's files and return how many rows went.

    Raises `Unavailable` when one of the files could not be swept; the other was all the same.
    """
    now, config = hive.clock(), hive.config
    cutoffs = (now - config.history_keep_days * DAY_S, now - config.stats_keep_days * DAY_S)
    done = await kept_turns.ask(hive, "sweep", name, *map(repr, cutoffs))
    try:
        return sum(int(line) for line in done.stdout.split())
    except ValueError as error:
        raise Unavailable("the sweep said what is no number") from error


def _names(agents: Path, live: Container[str]) -> list[AgentName]:
    """Return whoever has a state directory; of agents that are gone, the last, not any number.

    The manager can make directories of any name, and each costs a program.
    """
    found = []
    for folder in sorted(agents.iterdir()):
        try:
            found.append(agent_name(folder.name))
        except BadRequest:
            continue
    gone = [name for name in found if name not in live]
    return [*(name for name in found if name in live), *gone[:GONE_MAX]]
