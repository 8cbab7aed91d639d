"""The harness: its collaborators made, its tasks in order of start and stop."""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from pathlib import Path

import trio

from hive import lines
from hive.agent import equipment, forwarder, reporter, terminals, turn_loop
from hive.agent.controls import HarnessPage
from hive.agent.harness import Clock, Harness, MakeDriver, make_harness
from hive.config import HarnessConfig, load_harness_config
from hive.errors import HiveError, Unavailable
from hive.nursery import stop_signals
from hive.nursery.supervisor import Supervisor, Task
from hive.web import server
from hive.web.agent_page.app import make_app

PAGE_MODE = 0o660
AGENT_UMASK = 0o022
LOOP_STOP_S = 1.2
"""How long an interrupted claude may take before the rest of the stop goes on without it."""
STOP_S = 5
"""After this long a stop that hangs is ended by force."""

log = logging.getLogger(__name__)


def main(config_file: Path) -> int:
    """Run a harness until SIGTERM or SIGINT; returns the exit status, raises `HiveError`."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # The daemon's own is strict, and what an agent writes is for others to read unless it says no:
    # its directory is closed to the host's other users anyway.
    os.umask(AGENT_UMASK)
    config = load_harness_config(config_file)
    try:
        trio.run(_main, config)
    except BaseExceptionGroup as group:
        raise _foreseen(group) from group
    return 0


def wall_clock() -> float:
    """Unix seconds; the one place the harness takes them from."""
    return time.time()  # noqa: TID251 - the clock that everything else is handed


def tasks_of(harness: Harness) -> list[Task]:
    """Return the supervised tasks in order of start; they stop in reverse."""
    lost = harness.client.wait_lost
    return [
        Task("network", partial(forwarder.run, harness.config, harness.port)),
        Task("history", harness.bus.run),
        Task("partial lines", harness.bus.partials.run),
        Task("history vacuum", harness.bus.vacuum),
        Task("statistics", harness.stats.run),
        Task("report", partial(reporter.run, harness.page_client, harness.state, lost)),
        Task(
            "equipment",
            partial(equipment.tell, harness.equipment, harness.page_client, harness.config.label),
        ),
        Task("login", harness.login_session.run),
        Task("turns", partial(turn_loop.run, harness), stop_s=LOOP_STOP_S),
        Task("page", partial(_serve_page, harness)),
        Task("terminals", partial(_serve_terminals, harness)),
    ]


async def serve(
    config: HarnessConfig,
    *,
    clock: Clock = wall_clock,
    make_driver: MakeDriver | None = None,
    task_status: trio.TaskStatus[Harness] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run a harness until cancelled; started with it once its page is served.

    Raises `GaveUp` when a task failed for good.
    """
    harness = make_harness(config, clock, make_driver)
    supervisor = Supervisor(clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run, tasks_of(harness))
        log.info("%s: the harness is up", config.label)
        task_status.started(harness)


async def _main(config: HarnessConfig) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(stop_signals.obey, nursery.cancel_scope, STOP_S)
        await serve(config)


async def _serve_page(harness: Harness, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve the page until cancelled; ready once it is bound."""
    binds = [server.UnixBind(harness.config.web_socket, PAGE_MODE)]
    app = make_app(HarnessPage(harness))
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve_until_cancelled, app, binds, harness.bus.feed)
        task_status.started()


async def _serve_terminals(harness: Harness, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve the operator's programs until cancelled, which ends them."""
    path = harness.config.terminal_socket
    try:
        bound = await server.bind_unix(server.UnixBind(path, PAGE_MODE))
    except OSError as error:
        raise Unavailable(f"cannot listen on {path}: {error.strerror}") from error
    room = trio.CapacityLimiter(terminals.MOST)
    serve = partial(terminals.serve, harness, room)

    async def one(stream: trio.SocketStream) -> None:
        await lines.alone("terminals", serve(stream))

    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, one, [bound.listener])
            task_status.started()
    finally:
        bound.close()


def _foreseen(error: BaseException) -> BaseException:
    """Return the one failure hive foresaw, out of its groups; else what it came in."""
    inner = error
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    return inner if isinstance(inner, HiveError | KeyboardInterrupt) else error
