"""Drops agents' event histories past their keep: hourly, and once soon after the start.

The harness does so too; that the host does it as well means that one that misbehaves cannot keep
its history for ever. Each file is opened by a fenced program of its own, see `store/event_sweep`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Container
from pathlib import Path

import attrs
import trio

from hive import process
from hive.core.hive import Hive
from hive.errors import BadRequest, ProgramFailed
from hive.store import event_sweep
from hive.wire.names import AgentName, agent_name

FIRST_AFTER_S = 30.0
"""A program for each agent: not while everybody is being started."""
EVERY_S = 3600.0
KEEP_S = 7 * 86400.0
TIMEOUT_S = 60.0
GONE_MAX = 100
_SAID = 200

log = logging.getLogger(__name__)


@attrs.frozen
class Swept:
    """What came of one agent's history."""

    dropped: int = 0
    problem: str | None = None
    """Why it was not swept, in one line."""


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Sweep for ever, one agent after the other; a file that cannot be swept holds up no other."""
    task_status.started()
    await trio.sleep(FIRST_AFTER_S)
    while True:
        for name in await trio.to_thread.run_sync(
            _names, hive.paths.agents, set(hive.agents.names())
        ):
            swept = await sweep(hive, name, hive.clock() - KEEP_S)
            if swept.problem is not None:
                log.warning("the history of %s was not swept: %s", name, swept.problem)
            elif swept.dropped:
                log.info("dropped %d rows over 7 days old of %s", swept.dropped, name)
        await trio.sleep(EVERY_S)


async def sweep(hive: Hive, name: AgentName, cutoff: float) -> Swept:
    """Drop what is older than a moment in Unix seconds from one agent's history."""
    words = [sys.executable, "-I", "-S", event_sweep.__file__]
    words += [str(hive.paths.agents), name, repr(cutoff)]
    if not hive.runtime.isolates:
        # There is nothing to be fenced off: an agent may do itself what its file could do here.
        words.append("unfenced")
    try:
        done = await process.run(words, timeout_s=TIMEOUT_S, env={}, check=False)
    except ProgramFailed as error:
        return Swept(problem=error.message[:_SAID])
    if done.status == event_sweep.DONE and done.stdout.strip().isdecimal():
        return Swept(int(done.stdout))
    if done.status == event_sweep.NO_FENCE:
        return Swept(problem="this kernel has no Landlock, so only the harness itself sweeps it")
    said = done.stderr.strip().splitlines()[-1:] or [f"the sweep ended with {done.status}"]
    return Swept(problem=repr(said[0][:_SAID]))


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
