"""Shows who meets a limit, and holds the one that no kernel holds: what an agent has on the disk.

The kernel counts how often memory and tasks were refused; that is read every ten seconds. What is
on the disk is counted once a minute, and at once when the disk fills quickly: above its limit an
agent is told to make room, a tenth above it it is stopped.
"""

from __future__ import annotations

import logging
from pathlib import Path

import attrs
import trio

from hive.core import lifecycle, notices
from hive.core.hive import Hive
from hive.errors import HiveError
from hive.host import agent_files, disk_use
from hive.store.messages import Draft
from hive.wire.agent_config import AgentConfig
from hive.wire.names import MANAGER, SYSTEM, AgentName
from hive.wire.why import Code

LOOK_S = 10.0
COUNT_S = 60.0
SHOWN_S = 600.0
"""How long a limit is shown that was met once."""
FILLS_BYTES = 512 * 1024 * 1024
"""What the disk loses between two looks, for it to be counted at once."""
STOP_PERCENT = 110
DISK = "disk_mib"

log = logging.getLogger(__name__)


@attrs.define
class Watched:
    """What is known of one running agent."""

    hits: dict[str, int] | None = None
    """As of the last look; None before the first, whose counts are taken as known."""
    met_at: dict[str, float] = attrs.field(factory=dict)
    """By the limit's key, on Trio's clock."""
    counted_at: float | None = None
    is_told: bool = False
    """That it is above its limit of disk."""


@attrs.define
class Shared:
    """What users have in /shared, counted when it is first asked for."""

    by_user: dict[int, int] | None = None

    async def of(self, hive: Hive, name: AgentName) -> int:
        """Return what an agent has there, in MiB; nobody knows where users are shared."""
        user = hive.users.of(name)
        if user is None:
            return 0
        if self.by_user is None:
            self.by_user = await disk_use.owners_mib(hive.paths.shared)
        own = range(user, user + hive.runtime.users_each)
        return sum(mib for owner, mib in self.by_user.items() if owner in own)


def newly_met(before: dict[str, int] | None, now: dict[str, int]) -> set[str]:
    """Return the keys of the limits that were met since the last look."""
    if before is None:
        return set()
    # A counter that went back is that of a new container.
    return {key for key, count in now.items() if count > 0 and count != before.get(key, 0)}


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Look for ever."""
    watched: dict[AgentName, Watched] = {}
    task_status.started()
    free = await disk_use.free_bytes(hive.paths.state)
    while True:
        running = {status.name for status in await hive.runtime.running()}
        for gone in set(watched) - running:
            del watched[gone]
            hive.view.set_met(gone, ())
        now_free = await disk_use.free_bytes(hive.paths.state)
        fills = free - now_free > FILLS_BYTES
        free = now_free
        shared = Shared()
        for name in sorted(running & set(hive.agents.names())):
            try:
                await _look(hive, name, watched.setdefault(name, Watched()), shared, fills=fills)
            except HiveError as error:
                # The next look is soon, and the other agents have limits too.
                log.warning("the limits of %s were not looked at: %s", name, error)
        await trio.sleep(LOOK_S)


async def _look(
    hive: Hive, name: AgentName, known: Watched, shared: Shared, *, fills: bool
) -> None:
    now = trio.current_time()
    hits = await hive.runtime.hits(name)
    for key in newly_met(known.hits, hits):
        known.met_at[key] = now
    known.hits = hits
    if fills or known.counted_at is None or now - known.counted_at >= COUNT_S:
        known.counted_at = now
        if await _is_over(hive, name, known, shared):
            known.met_at[DISK] = now
        else:
            known.met_at.pop(DISK, None)
    shown = sorted(key for key, at in known.met_at.items() if now - at < SHOWN_S)
    hive.view.set_met(name, tuple(shown))


async def _is_over(hive: Hive, name: AgentName, known: Watched, shared: Shared) -> bool:
    """Count what an agent has on the disk; whether that is too much, which it is told of once."""
    config = hive.agents.get(name).config or AgentConfig()
    most = agent_files.limits_for(config, hive.config).disk_mib
    if most is None:
        return False
    used = await disk_use.used_mib(await _folders(hive, name)) + await shared.of(hive, name)
    if used <= most:
        known.is_told = False
        return False
    said = f"what is yours takes {used} MiB of the disk, and limits.disk_mib is {most}"
    if used * 100 > most * STOP_PERCENT:
        await stop(hive, name, said)
    elif not known.is_told:
        known.is_told = True
        body = (
            f"{said}: that is /state, /root/.claude, /run/hive, on NixOS the rest of the root, and,"
            " where agents are users of their own, your files in /shared. Remove what you do not"
            " need: at a tenth above the limit you are stopped."
        )
        await notices.post(hive, (Draft(SYSTEM, (name,), body, hive.clock(), origin="system"),))
    return True


async def _folders(hive: Hive, name: AgentName) -> list[Path]:
    """Return where an agent writes; the manager in the others' proposed repositories too."""
    paths = hive.paths
    found = [paths.agent_state(name), paths.agent_claude(name), paths.agent_run(name)]
    root = hive.runtime.root(name)
    if root is not None:
        found.append(root)
    if name == MANAGER:
        configs = [paths.agent_config(each) for each in hive.agents.names()]
        found += await trio.to_thread.run_sync(lambda: [each for each in configs if each.is_dir()])
    return found


async def stop(hive: Hive, name: AgentName, said: str, *, at_once: bool = False) -> None:
    """Stop an agent for what it takes of the disk, which its row says; tell the manager."""
    await lifecycle.stop(hive, name, at_once=at_once)
    root = hive.runtime.root(name)
    place = str(hive.paths.agent_root(name))
    place += f" or {root}" if root is not None else ""
    hive.view.set_trouble(
        name,
        f"it was stopped: {said}",
        Code.DISK_LIMIT,
        mend=f"make room below {place} or raise the limit, then hive.pyz start {name}",
    )
    if name != MANAGER:
        await notices.tell_manager(hive, "killed", agent=name)
