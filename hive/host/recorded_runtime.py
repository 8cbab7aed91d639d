"""What `bubblewrap` and `process` share: starting, finding and ending by records on disk.

A runtime object holds nothing that another one could not find again, so a daemon may be killed at
any point. The window between starting a program and writing down its number does not exist: the
started monitor inherits the record's lock and itself writes its number before the command runs.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import attrs
import trio

from hive.config import HostConfig
from hive.errors import BadRequest, Conflict, ProgramFailed, Unavailable
from hive.host import agent_files, proc, process_trees, readiness
from hive.host.limits import Limiter
from hive.host.process_trees import tree_of
from hive.host.records import Record, Run
from hive.host.runtime import BuildOrder, ContainerSpec, ContainerStatus, Finding, Inside
from hive.paths import Paths
from hive.wire.limits import HIVE_LOG
from hive.wire.names import AgentName, agent_name

START_S = 30.0
"""A start that takes longer has failed; it takes some 10 ms."""
TOLD_S = 2.0
"""How long a living monitor may take to write down how its command ended."""
_LOCK_S = 0.2
_POLL_S = 0.001
_SLOW_POLL_S = 0.01

log = logging.getLogger(__name__)


Start = Callable[..., "subprocess.Popen[bytes]"]
"""Starts a program, with the arguments of `subprocess.Popen`."""
PLAIN_START: Start = subprocess.Popen


@attrs.define
class Launch:
    """A program to start, and the descriptors it inherits under their own numbers."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    stdin: int
    fds: list[int] = attrs.field(factory=list)
    start: Start = PLAIN_START


@attrs.frozen
class Ready:
    """What was made for one start."""

    behind: tuple[str, ...]
    """The words that put what follows them under its limits."""
    etc: Path | None = None
    """What is mounted at /etc."""


@attrs.define
class _Monitor:
    """A child of this process that stands over a container."""

    pid: int
    status: int | None = None
    """How it ended."""


class RecordedRuntime(ABC):
    """Every method of `Runtime` but those that differ between the kinds."""

    kind: str
    isolates: bool
    separates_network: bool
    shares_user: str | None
    weak: tuple[str, ...] = ()
    units: tuple[str, ...] = (HIVE_LOG,)
    users_each = 1

    def __init__(
        self, paths: Paths, clock: Callable[[], float], host: HostConfig | None = None
    ) -> None:
        self._paths = paths
        self._clock = clock
        self._host = host or HostConfig()
        self.shares_user = self._why_shared()
        self._limiter = self._make_limiter()
        self._monitors: list[_Monitor] = []

    @abstractmethod
    def _why_shared(self) -> str | None:
        """Return what `shares_user` is to begin with."""

    @abstractmethod
    async def probe(self) -> list[Finding]:
        """Try what this host needs."""

    @abstractmethod
    def inside(self, name: AgentName) -> Inside:
        """Return the paths by which that container knows hive's directories."""

    @abstractmethod
    def _launch(
        self, spec: ContainerSpec, record: Record, lock: int, ready: Ready
    ) -> AbstractContextManager[Launch]:
        """Prepare a start; what is opened for it is closed at the end of the block."""

    def _marker(self, name: AgentName) -> str:
        """Return the assignment by which the processes of a container are known, if needed."""
        del name
        return ""

    @abstractmethod
    def _path(self, name: AgentName) -> str:
        """Return where a container's programs are looked for, as the host sees it."""

    def user(self, name: AgentName) -> int:
        """Return whose that container's processes are; see `Runtime.user`."""
        run = self._record(name).run()
        return os.geteuid() if run is None or run.user is None else run.user

    def root(self, name: AgentName) -> None:
        """Return no root: it is in memory, or the host's; see `Runtime.root`."""
        del name

    async def build(self, order: BuildOrder, say: Callable[[str], None]) -> str:
        """See that this host has what the configuration asks for; see `Runtime.build`.

        Nothing is made: a container is started from the files of the commit as they are.
        """
        inside = self.inside(order.name)
        told = await trio.to_thread.run_sync(
            readiness.check, order, self._host, inside, self._path(order.name)
        )
        limits = agent_files.limits_for(order.config, self._host)
        told += await trio.to_thread.run_sync(self._limiter.unheld, limits)
        for line in told:
            say(line)
        return order.sha

    async def start(self, spec: ContainerSpec) -> None:
        """Start a container; see `Runtime.start`."""
        record = self._record(spec.name)
        record.make()
        lock = await self._lock(spec.name, record)
        offset = record.log_size()
        try:
            ready = await trio.to_thread.run_sync(self._make_ready, spec, record)
            monitor = self._spawn(spec, record, lock, ready)
        finally:
            os.close(lock)
        is_started = False
        try:
            with trio.fail_after(START_S):
                await self._wait_started(spec, record, monitor, offset)
            is_started = True
        except trio.TooSlowError:
            raise ProgramFailed(spec.argv, None, record.log_from(offset)) from None
        finally:
            if not is_started:
                with trio.CancelScope(shield=True):
                    await process_trees.end_whole(record)
                self._reap()

    async def stop(self, name: AgentName, *, grace_s: float) -> None:
        """End a container and everything it started; see `Runtime.stop`."""
        record = self._record(name)
        run = record.run()
        if run is None:
            return
        first = tree_of(record, run).first()
        if first is not None and grace_s > 0:
            with proc.opened(first) as handle, trio.move_on_after(grace_s):
                if handle is not None and tree_of(record, run).first() == first:
                    proc.send(handle, signal.SIGTERM)
                    await proc.wait_ended(handle)
                    await self._wait_told(record)
        await process_trees.end_whole(record)
        await self._wait_told(record)
        self._reap()
        await self._limiter.leave(name)

    async def status(self, name: AgentName) -> ContainerStatus:
        """Return what is known of that container."""
        self._reap()
        return await self._status(name)

    async def _status(self, name: AgentName) -> ContainerStatus:
        record = self._record(name)
        record.trim_log()
        found = self._look(name, record)
        if found.is_running:
            return found
        try:
            await process_trees.sweep(record)
        except (Unavailable, OSError) as error:
            # Nothing is started here before that went well, and the others are looked at meanwhile.
            log.warning("what is left of %s is not ended yet: %s", name, error)
        self._reap()
        return self._look(name, record)

    async def running(self) -> list[ContainerStatus]:
        """Return every container of this hive that runs."""
        found = []
        # Once for all of them: each time it asks after every monitor there is.
        self._reap()
        for name in self._names():
            found.append(await self._status(name))
            # A look takes a tenth of a millisecond each: with many, others must get their turn.
            await trio.lowlevel.checkpoint()
        return [status for status in found if status.is_running]

    async def wait_exit(self, name: AgentName) -> ContainerStatus:
        """Wait until that container does not run."""
        record = self._record(name)
        patience_until = trio.current_time() + TOLD_S
        while (status := await self.status(name)).is_running:
            run = record.run()
            first = tree_of(record, run).first() if run is not None else None
            if first is not None:
                with proc.opened(first) as handle:
                    if handle is not None:
                        await proc.wait_ended(handle)
                await self._wait_told(record)
                # Whoever stopped it may have started it again meanwhile: that run is not ours.
                if record.run() == run:
                    await process_trees.end_whole(record)
            elif trio.current_time() > patience_until:
                # No command and nobody who will say so: its monitor was killed before it.
                await process_trees.end_whole(record)
            else:
                await trio.sleep(_SLOW_POLL_S)
        return status

    async def hits(self, name: AgentName) -> dict[str, int]:
        """Return how often it met its limits; see `Runtime.hits`."""
        return await trio.to_thread.run_sync(self._limiter.hits, name)

    async def written(self) -> dict[AgentName, int]:
        """Return what each running container wrote to disks; see `Runtime.written`."""
        records = {status.name: self._record(status.name) for status in await self.running()}
        runs = {name: (record, record.run()) for name, record in records.items()}
        trees = {name: tree_of(record, run) for name, (record, run) in runs.items() if run}
        return await trio.to_thread.run_sync(process_trees.written, trees)

    async def logs(self, name: AgentName, lines: int, unit: str = HIVE_LOG) -> list[str]:
        """Return the newest lines its processes printed; lines are cut at 4096 characters."""
        return await trio.to_thread.run_sync(self._record(name).log_lines, lines)

    async def destroy(self, name: AgentName) -> None:
        """Forget a stopped container."""
        record = self._record(name)
        if not record.directory.exists():
            return
        lock = await self._lock(name, record)
        try:
            await trio.to_thread.run_sync(record.remove)
            await self._limiter.leave(name)
        finally:
            os.close(lock)

    def _make_limiter(self) -> Limiter:
        # A user's processes are counted within a sandbox alone; root's are not counted at all.
        is_user = os.geteuid() != 0 or self.shares_user is None
        return Limiter(self._paths, counts_tasks=self.isolates and is_user)

    def _record(self, name: AgentName) -> Record:
        return Record(self._paths.sandbox(name))

    def _names(self) -> list[AgentName]:
        directory = self._paths.sandbox(AgentName("x")).parent
        names = []
        for entry in sorted(directory.iterdir()) if directory.is_dir() else ():
            try:
                names.append(agent_name(entry.name))
            except BadRequest:
                continue
        return names

    def _anchor(self, name: AgentName) -> int | None:
        """Return the process that keeps a container together, while it lives."""
        record = self._record(name)
        run = record.run()
        return tree_of(record, run).anchor() if run is not None else None

    def _look(self, name: AgentName, record: Record) -> ContainerStatus:
        run = record.run()
        if run is None:
            return ContainerStatus(name, is_running=False)
        code = record.told().exit_code
        is_running = code is None and process_trees.is_alive(record, run)
        return ContainerStatus(name, is_running, run.started_at, code)

    async def _lock(self, name: AgentName, record: Record) -> int:
        """Take the lock; raises `Conflict`.

        Not at the first try only: looking whether it is locked takes it for an instant.
        """
        deadline = trio.current_time() + _LOCK_S
        while not (await self.status(name)).is_running:
            lock = record.take_lock()
            if lock is not None:
                if record.run() is None or record.is_swept():
                    return lock
                os.close(lock)
            if trio.current_time() > deadline:
                break
            await trio.sleep(_POLL_S)
        raise Conflict(f"the container of {name} is running: stop it first")

    def _make_ready(self, spec: ContainerSpec, record: Record) -> Ready:
        """Make what a container starts with; blocks on the disk and the kernel."""
        for line in self._limiter.unheld(spec.limits):
            record.add_line(f"hive: {line}")
        return Ready(self._limiter.enter(spec.name, spec.limits))

    def _spawn(self, spec: ContainerSpec, record: Record, lock: int, ready: Ready) -> _Monitor:
        started_at, last = self._clock(), record.run()
        if last is not None and last.started_at == started_at:
            # Two runs must never look the same to who still holds the last one.
            started_at = math.nextafter(started_at, math.inf)
        run = Run(self.kind, proc.boot_id(), started_at, self._marker(spec.name), spec.user)
        record.begin(run)
        within = attrs.evolve(spec, argv=(*self._limiter.inner(spec.limits), *spec.argv))
        with self._launch(within, record, lock, ready) as launch, record.log.open("ab") as log:
            try:
                # On this thread: it takes half a millisecond and leaves no gap for a cancellation.
                child = launch.start(
                    [*ready.behind, *launch.argv],
                    env=launch.env,
                    cwd=launch.cwd,
                    stdin=launch.stdin,
                    stdout=log,
                    stderr=log,
                    pass_fds=launch.fds,
                    start_new_session=True,
                )
            except OSError as error:
                reason = f"{error.filename}: {error.strerror}"
                raise ProgramFailed(spec.argv, 127, reason) from error
        # It is meant to outlive this object; `_reap` waits for it by its number.
        child.returncode = 0
        self._monitors.append(_Monitor(child.pid))
        return self._monitors[-1]

    async def _wait_started(
        self, spec: ContainerSpec, record: Record, monitor: _Monitor, offset: int
    ) -> None:
        while True:
            # First: nothing can be ready yet, and a cancellation always finds what to end.
            await trio.sleep(_POLL_S)
            self._reap()
            if record.told().exit_code is not None or process_trees.has_command(record):
                return
            if monitor.status is not None:
                raise ProgramFailed(spec.argv, monitor.status, record.log_from(offset))

    def _reap(self) -> None:
        """Collect the monitors that have ended."""
        for monitor in list(self._monitors):
            ended, status = os.waitpid(monitor.pid, os.WNOHANG)
            if ended:
                monitor.status = os.waitstatus_to_exitcode(status)
                self._monitors.remove(monitor)

    async def _wait_told(self, record: Record) -> None:
        """Give the monitor the time to write down how its command ended."""
        run = record.run()
        with trio.move_on_after(TOLD_S):
            while record.told().exit_code is None and record.is_locked():
                await trio.sleep(_POLL_S)
                if record.run() != run:
                    return
