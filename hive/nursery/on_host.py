"""The daemon: alone on its paths, its tasks in order of start and stop."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

from hive.config import HostConfig
from hive.core.audit import Audit
from hive.core.hive import Hive
from hive.errors import Conflict, HiveError, Unavailable
from hive.host import operator_group, runtimes, state_dirs
from hive.host.runtime import Runtime
from hive.nursery import (
    admin_socket,
    agent_sockets,
    audit_writer,
    build_worker,
    crash_watch,
    dashboard_server,
    disk_guard,
    egress_sockets,
    event_vacuum,
    forge_mirror,
    job_worker,
    limit_watch,
    message_index,
    message_vacuum,
    network_accounts,
    notice_board,
    notifier,
    reminder_scheduler,
    state_watch,
)
from hive.nursery.collaborators import Ground, make
from hive.nursery.supervisor import READY_S, Task
from hive.paths import Paths
from hive.store import audit as audit_store
from hive.store.audit_files import Opened, list_segments
from hive.store.database import LOG_BYTES, Clock, open_database
from hive.wire.audit import DONE, FAILED
from hive.wire.names import AgentName

STOP_GRACE_S = 1.0
STOP_CONTAINERS_S = 5.0
LOCK_S = 1.0
LOCK_POLL_S = 0.02
LATE_S = {"build queue": 1800.0}
"""Tasks that may take long to be ready: what every agent is built from is fetched first, after an
update from afar, and each agent of an older layout is given its repositories."""

log = logging.getLogger(__name__)


def wall_clock() -> float:
    """Unix seconds; the one place the daemon takes them from."""
    return time.time()  # noqa: TID251 - the clock that everything else is handed


def tasks_of(hive: Hive) -> list[Task]:
    """Return the supervised tasks in order of start; they stop in reverse."""
    bodies: list[tuple[str, Any]] = [
        ("audit log", audit_writer.run),
        ("network accounts", network_accounts.run),
        ("egress sockets", egress_sockets.run),
        ("agent sockets", agent_sockets.run),
        ("jobs", job_worker.run),
        ("build queue", build_worker.run),
        ("crash watch", crash_watch.run),
        ("reminder scheduler", reminder_scheduler.run),
        ("message index", message_index.run),
        ("message vacuum", message_vacuum.run),
        ("event vacuum", event_vacuum.run),
        ("state watch", state_watch.run),
        ("limit watch", limit_watch.run),
        ("disk guard", disk_guard.run),
        ("notice board", notice_board.run),
        ("notifier", notifier.run),
        ("operator's socket", admin_socket.run),
        ("dashboard", dashboard_server.run),
    ]
    if hive.config.forge_url is not None:
        bodies.append(("forge mirror", forge_mirror.run))
    return [
        Task(name, partial(body, hive), ready_s=LATE_S.get(name, READY_S)) for name, body in bodies
    ]


async def serve(
    config: HostConfig,
    paths: Paths,
    *,
    clock: Clock = wall_clock,
    runtime: Runtime | None = None,
    beforehand: Callable[[], Awaitable[None]] | None = None,
    task_status: trio.TaskStatus[Hive] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the daemon until cancelled; started with its `Hive` once everything is up.

    `beforehand` runs as soon as these paths are ours; what it raises ends the start.

    Raises `Conflict` when another daemon has these paths, `Unavailable` when this host lacks
    something, `GaveUp` when a task failed for good.
    """
    group = await trio.to_thread.run_sync(operator_group.find, config.operator_group)
    await trio.to_thread.run_sync(state_dirs.prepare_hive, paths)
    await trio.to_thread.run_sync(operator_group.open_way, paths, group)
    async with _only_one(paths):
        if beforehand is not None:
            await beforehand()
        await trio.to_thread.run_sync(_need_database, paths)
        chosen = runtime or await runtimes.choose(config, paths, clock)
        async with (
            open_database(paths.broker_db, log_bytes=LOG_BYTES) as database,
            audit_store.open_log(paths.audit, database) as (audit_log, opened),
        ):
            audit = Audit(audit_log, clock)
            _tell_end(audit, opened)
            ground = Ground(config, paths, chosen, clock, database, audit)
            hive, supervisor = await make(ground)
            try:
                async with trio.open_nursery() as nursery:
                    await nursery.start(supervisor.run, tasks_of(hive))
                    task_status.started(hive)
            finally:
                if config.stop_containers:
                    await stop_containers(hive)


def _need_database(paths: Paths) -> None:
    """Raise `Unavailable` where a hive has worked whose database is gone or empty.

    To begin another one unasked would stop every agent, and forget all that was said.
    """
    try:
        if paths.broker_db.exists() and paths.broker_db.stat().st_size > 0:
            return
        has_worked = paths.audit.is_dir() and any(
            each.stat().st_size > 0 for each in list_segments(paths.audit)
        )
    except OSError as error:
        raise Unavailable(f"cannot look at {error.filename}: {error.strerror}") from error
    if has_worked:
        raise Unavailable(
            f"the database {paths.broker_db} is gone or empty, and {paths.audit} says that a hive"
            " has worked here: put back a backup; to begin anew, move both away"
        )


def _tell_end(audit: Audit, opened: Opened) -> None:
    """Record what the end of the log was like when it was opened."""
    if opened.mended is not None:
        log.warning("the audit log was mended: %s taken away", opened.mended)
        audit.tell("mend_audit_log", "", DONE, {"why": opened.mended})
    if opened.broken is not None:
        log.error("the audit log was tampered with or damaged: %s", opened.broken)
        audit.tell("open_audit_log", "", FAILED, {"why": opened.broken})


async def stop_containers(hive: Hive) -> None:
    """Stop every container, each within its grace; they stay wanted, so the next start finds them.

    Shielded with a deadline, because it runs when the daemon is being stopped.
    """
    with trio.CancelScope(shield=True, deadline=trio.current_time() + STOP_CONTAINERS_S):
        async with trio.open_nursery() as nursery:
            for status in await hive.runtime.running():
                nursery.start_soon(_stop_container, hive, status.name)


async def _stop_container(hive: Hive, name: AgentName) -> None:
    try:
        await hive.runtime.stop(name, grace_s=STOP_GRACE_S)
    except HiveError as error:
        # The others are to be stopped all the same.
        log.error("%s was not stopped: %s", name, error)  # noqa: TRY400 - foreseen


@asynccontextmanager
async def _only_one(paths: Paths) -> AsyncIterator[None]:
    """Hold the daemon's lock; raises `Conflict` when another daemon holds it.

    Not at the first try: what a killed daemon was about to start holds it for an instant longer.
    """
    file = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        late = trio.current_time() + LOCK_S
        while not _is_locked(file):
            if trio.current_time() > late:
                raise Conflict(
                    f"another daemon runs on {paths.state}: stop it first, or give another --root"
                )
            await trio.sleep(LOCK_POLL_S)
        yield
    finally:
        os.close(file)


def _is_locked(file: int) -> bool:
    """Take the lock; whether that went well."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
