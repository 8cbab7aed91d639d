"""The runtime `bubblewrap`: each container one sandboxed tree of processes, in 10 ms.

It works for root, who gives each container a user of its own, and for an ordinary user. No
`--die-with-parent`: a container outlives the daemon, and that option is tied to the thread that
forked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import attrs
import trio

from hive.config import HostConfig
from hive.environment import search_path
from hive.errors import Unavailable
from hive.host import pinned, proc, program, safe_repos, sandbox, sandbox_probe, syscalls, users
from hive.host.etc_trees import EtcTrees
from hive.host.private_mounts import PrivateMounts
from hive.host.recorded_runtime import PLAIN_START, Launch, Ready, RecordedRuntime
from hive.host.records import Record
from hive.host.runtime import INSIDE, ContainerSpec, Finding, Inside
from hive.paths import Paths
from hive.wire.names import MANAGER, AgentName, container_name


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
        self._mounts = PrivateMounts(_tops(paths))
        self._etc = EtcTrees(paths.etc, clock, self._mounted)

    def _why_shared(self) -> str | None:
        return users.why_shared(self._host.agent_uids)

    async def probe(self) -> list[Finding]:
        """Try to start a sandbox, and one of another user's; tell what this host lacks."""
        found = await sandbox_probe.probe(self._bwrap)
        if self._bwrap is not None and all(finding.is_ok for finding in found):
            found.append(await self._probe_users(self._bwrap))
        return [*found, await trio.to_thread.run_sync(self._limiter.finding)]

    async def _probe_users(self, bwrap: str) -> Finding:
        first = self._host.agent_uids
        if self.shares_user is None:
            here = await trio.to_thread.run_sync(partial(program.find, isolated=True))
            why = users.why_unreadable(here.binds)
            if why is None:
                why = await trio.to_thread.run_sync(self._try_as_user, first, bwrap)
            if why is not None:
                self.shares_user = why
                self._limiter = self._make_limiter()
        if self.shares_user is None:
            return Finding("users", True, f"each agent is a user of its own, from {first} on")
        return Finding("users", True, self.shares_user)

    def _try_as_user(self, user: int, bwrap: str) -> str | None:
        """Return why that user cannot start a sandbox here; blocks for as long as one takes."""
        try:
            (seen,) = self._mounts.seen([Path(bwrap)])
            words = [*users.become(user), str(seen)]
            return sandbox_probe.try_as_user(words, self._mounts.start)
        except Unavailable as error:
            return users.failed(error.message)

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

    def _make_ready(self, spec: ContainerSpec, record: Record) -> Ready:
        ready = super()._make_ready(spec, record)
        etc = self._etc.ready(sandbox.points_in_etc(spec, _texts(spec)))
        return attrs.evolve(ready, etc=etc)

    @contextmanager
    def _launch(
        self, spec: ContainerSpec, record: Record, lock: int, ready: Ready
    ) -> Iterator[Launch]:
        if self._bwrap is None:
            raise Unavailable(sandbox_probe.NO_BWRAP)
        user, argv, start = spec.user, [self._bwrap], PLAIN_START
        texts, etc = _texts(spec), ready.etc
        assert etc is not None
        if user is not None:
            spec, etc, bwrap = self._seen(spec, etc, Path(self._bwrap))
            argv, start = [*users.become(user), str(bwrap)], self._mounts.start
        with ExitStack() as stack:
            status = _own(stack, record.open_status())
            accounts = {path: _own(stack, _text(text)) for path, text in texts.items()}
            words = sandbox.arguments(spec, container_name(spec.name), accounts, etc)
            # The status goes to a file that the monitor writes, and the lock to its process 1.
            words += ["--json-status-fd", str(status), "--sync-fd", str(lock)]
            calls = [_own(stack, _data(each)) for each in (syscalls.machine_filter(),) if each]
            for handle in calls:
                words += ["--seccomp", str(handle)]
            # Not on the command line, which everybody on the host can read.
            options = _own(stack, _text("".join(f"{word}\0" for word in words)))
            yield Launch(
                argv=[*argv, "--args", str(options), "--", *spec.argv],
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                fds=[lock, status, options, *calls, *accounts.values()],
                start=start,
            )

    def _seen(
        self, spec: ContainerSpec, etc: Path, bwrap: Path
    ) -> tuple[ContainerSpec, Path, Path]:
        """Return what another user reaches of them; raises `Unavailable` for what it may not read.

        Of what lies in the hive's own state that is seen to elsewhere.
        """
        users.check_readable(spec.binds, self._paths.state)
        sources = [etc, bwrap, *(bind.source for bind in spec.binds)]
        etc, bwrap, *seen = self._mounts.seen(sources)
        binds = zip(spec.binds, seen, strict=True)
        binds_seen = tuple(attrs.evolve(bind, source=source) for bind, source in binds)
        return attrs.evolve(spec, binds=binds_seen), etc, bwrap

    def _mounted(self) -> Iterator[str]:
        """Tell the tables of mounts of the containers that run."""
        for name in self._names():
            anchor = self._anchor(name)
            if anchor is not None:
                yield proc.mounts(anchor)


def _texts(spec: ContainerSpec) -> dict[str, str]:
    """Return the files that hive itself writes for a container."""
    user = spec.user
    who = (os.getuid(), os.getgid()) if user is None else (user, user)
    texts = sandbox.account_files(*who)
    if spec.name == MANAGER:
        texts["/etc/gitconfig"] = safe_repos.SYSTEM
    return texts


def _tops(paths: Paths) -> list[Path]:
    """Return the directories that containers are made from, one more for the manager's own."""
    return [
        paths.agents,
        paths.shared,
        paths.given(MANAGER).parent,
        paths.generation(MANAGER, "any").parents[1],
        paths.all_applied,
        paths.meta,
        paths.etc,
        paths.run / "agents",
        paths.agent_run(MANAGER),
    ]


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
