"""The runtime `bubblewrap`: each container one sandboxed tree of processes, in 10 ms.

It works for root and for an ordinary user. No `--die-with-parent`: a container outlives the daemon,
and that option is tied to the thread that forked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import trio

from hive.config import HostConfig, Paths, search_path
from hive.errors import Unavailable
from hive.host import pinned, sandbox, sandbox_probe, syscalls
from hive.host.recorded_runtime import Launch, RecordedRuntime
from hive.host.records import Record
from hive.host.runtime import ContainerSpec, Finding, Inside
from hive.wire.names import AgentName, container_name

INSIDE = Inside(
    run="/run/hive",
    state="/state",
    home="/root",
    claude="/root/.claude",
    shared="/shared",
    given="/etc/hive",
)


class Bubblewrap(RecordedRuntime):
    """Sandboxes by bwrap; see `Runtime`."""

    kind = "bubblewrap"
    isolates = True
    separates_network = True

    def __init__(
        self, paths: Paths, clock: Callable[[], float], host: HostConfig | None = None
    ) -> None:
        super().__init__(paths, clock, host)
        self._bwrap = shutil.which("bwrap", path=search_path())

    async def probe(self) -> list[Finding]:
        """Try to start a sandbox, and tell what this host lacks."""
        found = await sandbox_probe.probe(self._bwrap)
        return [*found, await trio.to_thread.run_sync(self._limiter.finding)]

    def inside(self, name: AgentName) -> Inside:
        """Return the paths of every container: the same as in a NixOS container."""
        del name
        return INSIDE

    def _path(self, name: AgentName) -> str:
        del name
        return sandbox.PATH

    async def start(self, spec: ContainerSpec) -> None:
        """Start a container; see `Runtime.start`.

        The manager may write above what others mount from, so it is looked at afterwards whether
        the directories that were meant are those that are mounted.
        """
        with ExitStack() as stack:
            meant = pinned.hold(stack, self._paths.agents, spec.binds)
            await super().start(spec)
            anchor = self._anchor(spec.name)
            strange = [] if anchor is None else pinned.strange(anchor, meant)
        if strange:
            with trio.CancelScope(shield=True):
                await self.stop(spec.name, grace_s=0)
            raise Unavailable(
                f"{strange[0]} was replaced while {spec.name} was started: look who did it, the"
                " manager can, and start it again"
            )

    @contextmanager
    def _launch(self, spec: ContainerSpec, record: Record, lock: int) -> Iterator[Launch]:
        if self._bwrap is None:
            raise Unavailable(sandbox_probe.NO_BWRAP)
        with ExitStack() as stack:
            status = _own(stack, record.open_status())
            accounts = {
                path: _own(stack, _text(text))
                for path, text in sandbox.account_files(os.getuid(), os.getgid()).items()
            }
            words = sandbox.arguments(spec, container_name(spec.name), accounts)
            # The status goes to a file that the monitor writes, and the lock to its process 1.
            words += ["--json-status-fd", str(status), "--sync-fd", str(lock)]
            calls = [_own(stack, _data(each)) for each in (syscalls.machine_filter(),) if each]
            for handle in calls:
                words += ["--seccomp", str(handle)]
            # Not on the command line, which everybody on the host can read.
            options = _own(stack, _text("".join(f"{word}\0" for word in words)))
            yield Launch(
                argv=[self._bwrap, "--args", str(options), "--", *spec.argv],
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                fds=[lock, status, options, *calls, *accounts.values()],
            )


def _own(stack: ExitStack, handle: int) -> int:
    stack.callback(os.close, handle)
    return handle


def _text(text: str) -> int:
    """Return a descriptor from which that text can be read."""
    return _data(os.fsencode(text))


def _data(content: bytes) -> int:
    handle = os.memfd_create("hive")
    data = memoryview(content)
    while data:
        data = data[os.write(handle, data) :]
    os.lseek(handle, 0, os.SEEK_SET)
    return handle
