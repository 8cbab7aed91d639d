"""Keeps running who is to run: rows for the dashboard, and crashes nobody asked for.

The end of every running container is awaited, so that a crash is noticed as it happens; a look at
everything every ten seconds, and whenever somebody pokes the view, is the net below. An agent that
is to run and does not, with no transient that explains it, has crashed, also when it ended before
it was ever seen running or could not be started at all: it is started again after 1, 2, 4 ... 60 s,
until it has run five minutes.
"""

from __future__ import annotations

import logging
from functools import partial

import attrs
import trio

from hive import backoff
from hive.core import lifecycle, notices
from hive.core.hive import Hive
from hive.core.jobs import Job
from hive.errors import Conflict, HiveError
from hive.host.runtime import ContainerStatus
from hive.nursery import startup
from hive.wire.audit import FAILED
from hive.wire.names import MANAGER, AgentName
from hive.wire.why import Code

SWEEP_S = 10.0
SETTLE_S = 0.05
"""Pokes that come closer together than this share one look."""
HEALTHY_S = 300.0
LAST_CHARS = 300
"""Of the last line of a container that crashed, on its row."""
DELAY_FIRST_S = 1.0
DELAY_MOST_S = 60.0

log = logging.getLogger(__name__)


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
        return backoff.after(self.count, DELAY_FIRST_S, DELAY_MOST_S)

    def due_in_s(self) -> float:
        """How long it still is until the next start; not above 0 when that is due."""
        return self.last_at + self.delay_s() - trio.current_time()

    def is_told(self) -> bool:
        """Whether the manager hears of this one: not of each, because hearing costs a turn."""
        return self.count & (self.count - 1) == 0


Crashes = dict[AgentName, Crash]


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Start who is to run, then watch for ever; ready once the first starts are over."""
    crashes: Crashes = {}
    awaited: set[AgentName] = set()
    await startup.run(hive, partial(bring_back, hive, crashes))
    task_status.started()
    async with trio.open_nursery() as nursery:
        while True:
            running = await _look(hive, crashes)
            for name in running:
                if name not in awaited:
                    awaited.add(name)
                    nursery.start_soon(_wait_end, hive, crashes, awaited, name)
            with trio.move_on_after(_pause_s(hive, crashes)) as quiet:
                await hive.view.wait_poked()
            if not quiet.cancelled_caught:
                await trio.sleep(SETTLE_S)


def bring_back(hive: Hive, crashes: Crashes, name: AgentName) -> Job:
    """Hand in the start of an agent that is to run; a failed one is made again later."""

    async def work() -> None:
        try:
            await lifecycle.bring_back(hive, name)
        except Conflict:
            # Somebody else is at it: what comes of that is looked at again.
            return
        except HiveError as error:
            crash = crashes[name] = _next(crashes.get(name))
            hive.view.set_trouble(
                name,
                f"it cannot be started: {error}",
                Code.NOT_STARTED,
                again_in_s=crash.delay_s(),
            )
            raise
        _note_up(crashes, name)

    return hive.jobs.submit(f"bring back {name}", work)


async def _look(hive: Hive, crashes: Crashes) -> dict[AgentName, ContainerStatus]:
    """Look at everything once; returns what runs."""
    before = dict(crashes)
    running = await hive.view.rescan()
    for name in list(crashes):
        if not hive.agents.is_wanted(name):
            del crashes[name]
    for name in hive.agents.names():
        if name not in running:
            await _look_after(hive, crashes, name)
        elif crashes.get(name) is before.get(name):
            # Else its crash was reported during the look, which is older than that.
            _note_up(crashes, name)
    return running


async def _wait_end(hive: Hive, crashes: Crashes, awaited: set[AgentName], name: AgentName) -> None:
    """Wait until a container ends, and look after its agent at once."""
    try:
        await hive.runtime.wait_exit(name)
        await _look_after(hive, crashes, name)
    except HiveError as error:
        hive.view.set_trouble(name, f"its end cannot be awaited: {error}")
        # The sweep looks after it meanwhile; a new try at once would fail like this one.
        await trio.sleep(SWEEP_S)
    finally:
        awaited.discard(name)
        hive.view.poke()


def _pause_s(hive: Hive, crashes: Crashes) -> float:
    """How long to wait for a poke before the next look."""
    due = [
        crash.due_in_s()
        for name, crash in crashes.items()
        if crash.is_down and startup.is_unexplained(hive, name)
    ]
    return max(SETTLE_S, min([SWEEP_S, *due]))


async def _look_after(hive: Hive, crashes: Crashes, name: AgentName) -> None:
    """Report the crash of an agent that does not run, or start it again when that is due."""
    crash = crashes.get(name)
    if not startup.is_unexplained(hive, name):
        return
    if crash is None or not crash.is_down:
        await _report(hive, crashes, name)
    elif crash.due_in_s() <= 0:
        crashes[name] = attrs.evolve(crash, last_at=trio.current_time())
        bring_back(hive, crashes, name)


async def _report(hive: Hive, crashes: Crashes, name: AgentName) -> None:
    known = crashes.get(name)
    last = await _last_line(hive, name)
    status = await hive.runtime.status(name)
    if (
        status.is_running
        or not startup.is_unexplained(hive, name)
        or crashes.get(name) is not known
    ):
        # Started, stopped or reported while we asked.
        return
    crash = crashes[name] = _next(known)
    code = "of which nothing is known" if status.exit_code is None else f"with {status.exit_code}"
    ended = f"it ended {code}"
    hive.audit.happened("crash", name, FAILED, ended)
    text = f"{ended}: {last}" if last else ended
    hive.view.set_trouble(name, text, Code.CRASHED, again_in_s=crash.due_in_s())
    if name != MANAGER and crash.is_told():
        times = f", {crash.count} times in a row" if crash.count > 1 else ""
        note = f"{ended}{times}; it is started again"
        try:
            await notices.tell_manager(hive, "container_crash", agent=name, note=note)
        except HiveError as error:
            # As on a full disk: its row says so all the same, and it is started again.
            log.warning("the manager was not told that %s %s: %s", name, ended, error)


async def _last_line(hive: Hive, name: AgentName) -> str:
    """Return the last line that a container printed, nothing where that cannot be learnt."""
    try:
        said = await hive.runtime.logs(name, 1)
    except HiveError:
        # It crashed all the same, and is told of without its words.
        return ""
    return said[-1].strip()[:LAST_CHARS] if said else ""


def _next(known: Crash | None) -> Crash:
    """Return the crash behind a known one; five minutes without any begin anew."""
    now = trio.current_time()
    is_first = known is None or now - known.last_at > HEALTHY_S
    return Crash(1 if known is None or is_first else known.count + 1, now)


def _note_up(crashes: Crashes, name: AgentName) -> None:
    crash = crashes.get(name)
    if crash is not None and crash.is_down:
        crashes[name] = attrs.evolve(crash, is_down=False)
