"""Keeps a reserve of the disk free: who fills it is stopped before the host has nothing left.

Counting files takes a minute, filling a disk takes seconds. So where the reserve is near, what each
container wrote is asked of the kernel, which knows it at once and wherever it went: to `/shared`,
to files of any size or number, also to those that have no name any more. Who alone would fill the
rest within half an hour, at the pace of the last minute, is stopped, the quickest first. What
others of the host write stops nobody: the dashboard says that the disk is nearly full. What the
daemon stores for an agent, its messages above all, counts as written by that agent.
"""

from __future__ import annotations

import logging
from collections import Counter, deque

import attrs
import trio

from hive.core import notices
from hive.core.hive import Hive
from hive.errors import HiveError
from hive.host import disk_use
from hive.nursery import limit_watch
from hive.store.messages import Draft
from hive.wire.names import SYSTEM, AgentName
from hive.wire.why import Code

NEAR = 4
"""Below so many reserves it is watched who writes."""
PACE_BYTES = 2 * 1024 * 1024 * 1024
"""What a quick disk takes within a second."""
LOOK_LEAST_S, LOOK_MOST_S = 0.25, 10.0
WINDOW_S = 60.0
WINDOWS = 30
"""Who fills the rest within so many windows is stopped."""

log = logging.getLogger(__name__)


@attrs.define
class Window:
    """What the agents wrote within the last minute."""

    last: dict[AgentName, int] | None = None
    """Of each, since its start; None before the first look, whose numbers are taken as known."""
    looks: deque[tuple[float, dict[AgentName, int]]] = attrs.field(factory=deque)

    def add(self, now: float, written: dict[AgentName, int]) -> None:
        """Take what each has written since its start."""
        if self.last is not None:
            # A number that went back is that of a new container.
            grown = {
                name: max(0, total - self.last.get(name, 0)) for name, total in written.items()
            }
            self.looks.append((now, grown))
        self.last = written
        while self.looks and self.looks[0][0] <= now - WINDOW_S:
            self.looks.popleft()

    def filler(self, free: int) -> AgentName | None:
        """Return who wrote most of those that still run, if that is enough to fill the rest."""
        total = Counter[AgentName]()
        for _, grown in self.looks:
            total.update(grown)
        for name, size in total.most_common():
            if name in (self.last or {}):
                return name if size * WINDOWS > free else None
        return None


def pause_s(free: int, reserve: int) -> float:
    """Return when to look again: before the quickest writer can have come half way."""
    return min(LOOK_MOST_S, max(LOOK_LEAST_S, (free - NEAR * reserve) / PACE_BYTES / 2))


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Look for ever."""
    reserve = hive.config.disk_reserve_mib * disk_use.MIB
    window = Window()
    task_status.started()
    while True:
        free = await disk_use.free_bytes(hive.paths.state)
        hive.disk.free_bytes, hive.disk.is_low = free, free < reserve
        if free < NEAR * reserve:
            written = await hive.runtime.written()
            stored = hive.disk.stored
            window.add(
                trio.current_time(), {name: written[name] + stored[name] for name in written}
            )
        else:
            window = Window()
        name = window.filler(free) if free < reserve else None
        if name is not None:
            await _stop(hive, name, free)
        await trio.sleep(pause_s(free, reserve))


async def _stop(hive: Hive, name: AgentName, free: int) -> None:
    said = f"it was filling the host's disk, which had {free // disk_use.MIB} MiB left"
    log.warning("%s is stopped: %s", name, said)
    try:
        await limit_watch.stop(hive, name, said, at_once=True)
    except HiveError as error:
        # The next look is soon, and finds it still writing.
        log.warning("%s was not stopped: %s", name, error)
        hive.view.set_trouble(
            name, f"{said}, and could not be stopped: {error.message}", Code.DISK_LIMIT
        )
        return
    body = (
        "You were stopped because you were filling the host's disk: remove what you wrote and do"
        " not need, in /shared too, before you go on."
    )
    try:
        await notices.post(hive, (Draft(SYSTEM, (name,), body, hive.clock(), origin="system"),))
    except HiveError as error:
        # The disk is full by now; its row says why it was stopped.
        log.warning("%s was not told why it was stopped: %s", name, error)
