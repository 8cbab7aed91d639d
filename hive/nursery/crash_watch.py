"""Looks at the containers: rows for the dashboard, and crashes nobody asked for.

Every second, and whenever somebody pokes the view. A container that is to run and does not, with no
transient that explains it, is a crash: the manager is told, and it is started again after 1, 2,
4 ... 60 s, until it has run five minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import attrs
import trio

from hive.core import lifecycle, notices
from hive.core.hive import Hive
from hive.core.jobs import Work
from hive.errors import HiveError
from hive.wire.names import MANAGER, AgentName

LOOK_S = 1.0
SETTLE_S = 0.05
"""Pokes that come closer together than this share one look."""
HEALTHY_S = 300.0
DELAY_MOST_S = 60.0


@attrs.frozen
class Crash:
    """What is known of an agent that keeps crashing."""

    count: int
    last_at: float
    """On Trio's clock."""

    def delay_s(self) -> float:
        """How long to wait before the next start."""
        return float(min(2.0 ** (self.count - 1), DELAY_MOST_S))


def crashed(
    before: Collection[AgentName],
    now: Collection[AgentName],
    is_expected: Callable[[AgentName], bool],
) -> list[AgentName]:
    """Return who ran before, does not now, and was not meant to stop."""
    return sorted(name for name in before if name not in now and not is_expected(name))


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Look for ever; ready after the first look, which crashes nobody."""
    crashes: dict[AgentName, Crash] = {}
    before = set(await hive.view.rescan())
    task_status.started()
    while True:
        with trio.move_on_after(LOOK_S) as quiet:
            await hive.view.wait_poked()
        if not quiet.cancelled_caught:
            await trio.sleep(SETTLE_S)
        now = set(await hive.view.rescan())
        for name in crashed(before, now, lambda each: _is_expected(hive, each)):
            await _report(hive, name, crashes)
        before = now
        _bring_back(hive, now, crashes)


def _is_expected(hive: Hive, name: AgentName) -> bool:
    return hive.transients.get(name) is not None or not hive.agents.is_wanted(name)


async def _report(hive: Hive, name: AgentName, crashes: dict[AgentName, Crash]) -> None:
    known = crashes.get(name)
    now = trio.current_time()
    is_fresh = known is None or now - known.last_at > HEALTHY_S
    crash = Crash(1 if known is None or is_fresh else known.count + 1, now)
    crashes[name] = crash
    status = await hive.runtime.status(name)
    code = "of which nothing is known" if status.exit_code is None else f"with {status.exit_code}"
    hive.view.set_trouble(
        name, f"it ended {code}; it is started again. Its last words: hive.pyz logs {name}"
    )
    if name != MANAGER:
        await notices.tell_manager(
            hive, "container_crash", agent=name, exit_code=status.exit_code, times=crash.count
        )


def _bring_back(
    hive: Hive, running: Collection[AgentName], crashes: dict[AgentName, Crash]
) -> None:
    """Hand in a start for whoever is to run, does not, and has waited long enough."""
    for name in hive.agents.names():
        if name in running or _is_expected(hive, name):
            continue
        crash = crashes.get(name)
        if crash is None or trio.current_time() - crash.last_at < crash.delay_s():
            continue
        crashes[name] = attrs.evolve(crash, last_at=trio.current_time())
        hive.jobs.submit(f"bring back {name}", _starter(hive, name, crashes))


def _starter(hive: Hive, name: AgentName, crashes: dict[AgentName, Crash]) -> Work:
    async def work() -> None:
        try:
            await lifecycle.bring_back(hive, name)
        except HiveError as error:
            hive.view.set_trouble(name, f"it cannot be started: {error}")
            crash = crashes[name]
            crashes[name] = Crash(crash.count + 1, trio.current_time())
            raise

    return work
