"""Keeps running who is to run: rows for the dashboard, and crashes nobody asked for.

Every second, and whenever somebody pokes the view. An agent that is to run and does not, with no
transient that explains it, has crashed, also when it ended before it was ever seen running or could
not be started at all: it is started again after 1, 2, 4 ... 60 s, until it has run five minutes.
"""

from __future__ import annotations

from functools import partial

import attrs
import trio

from hive.core import lifecycle, notices
from hive.core.hive import Hive
from hive.core.jobs import Job
from hive.errors import Conflict, HiveError
from hive.nursery import startup
from hive.wire.names import MANAGER, AgentName

LOOK_S = 1.0
SETTLE_S = 0.05
"""Pokes that come closer together than this share one look."""
HEALTHY_S = 300.0
DELAY_MOST_S = 60.0


@attrs.frozen
class Crash:
    """What is known of an agent that does not stay up."""

    count: int
    last_at: float
    """On Trio's clock."""
    is_down: bool = True
    """False once it was started again, so that the next end of it is another crash."""

    def delay_s(self) -> float:
        """How long to wait before the next start."""
        return float(min(2.0 ** (self.count - 1), DELAY_MOST_S))

    def is_told(self) -> bool:
        """Whether the manager hears of this one: not of each, because hearing costs a turn."""
        return self.count & (self.count - 1) == 0


Crashes = dict[AgentName, Crash]


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Start who is to run, then look for ever; ready once the first starts are over."""
    crashes: Crashes = {}
    await startup.run(hive, partial(bring_back, hive, crashes))
    task_status.started()
    while True:
        with trio.move_on_after(LOOK_S) as quiet:
            await hive.view.wait_poked()
        if not quiet.cancelled_caught:
            await trio.sleep(SETTLE_S)
        running = await hive.view.rescan()
        for gone in set(crashes) - set(hive.agents.names()):
            del crashes[gone]
        for name in hive.agents.names():
            await _look_after(hive, crashes, name, is_running=name in running)


def bring_back(hive: Hive, crashes: Crashes, name: AgentName) -> Job:
    """Hand in the start of an agent that is to run; a failed one is made again later."""

    async def work() -> None:
        try:
            await lifecycle.bring_back(hive, name)
        except Conflict:
            # Somebody else is at it: what comes of that is looked at again.
            return
        except HiveError as error:
            hive.view.set_trouble(name, f"it cannot be started: {error}")
            crashes[name] = _next(crashes.get(name))
            raise
        _note_up(crashes, name)

    return hive.jobs.submit(f"bring back {name}", work)


async def _look_after(hive: Hive, crashes: Crashes, name: AgentName, *, is_running: bool) -> None:
    crash = crashes.get(name)
    if is_running:
        _note_up(crashes, name)
    elif hive.transients.get(name) is not None or not hive.agents.is_wanted(name):
        return
    elif crash is None or not crash.is_down:
        await _report(hive, crashes, name)
    elif trio.current_time() - crash.last_at >= crash.delay_s():
        crashes[name] = attrs.evolve(crash, last_at=trio.current_time())
        bring_back(hive, crashes, name)


async def _report(hive: Hive, crashes: Crashes, name: AgentName) -> None:
    status = await hive.runtime.status(name)
    if status.is_running:
        # It was started while the look went on.
        return
    crash = crashes[name] = _next(crashes.get(name))
    code = "of which nothing is known" if status.exit_code is None else f"with {status.exit_code}"
    hive.view.set_trouble(
        name, f"it ended {code}; it is started again. Its last words: hive.pyz logs {name}"
    )
    if name != MANAGER and crash.is_told():
        await notices.tell_manager(
            hive, "container_crash", agent=name, exit_code=status.exit_code, times=crash.count
        )


def _next(known: Crash | None) -> Crash:
    """Return the crash behind a known one; five minutes without any begin anew."""
    now = trio.current_time()
    is_first = known is None or now - known.last_at > HEALTHY_S
    return Crash(1 if known is None or is_first else known.count + 1, now)


def _note_up(crashes: Crashes, name: AgentName) -> None:
    crash = crashes.get(name)
    if crash is not None and crash.is_down:
        crashes[name] = attrs.evolve(crash, is_down=False)
