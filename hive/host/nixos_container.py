"""The runtime `nixos`: each container a NixOS of its own, driven by nixos-container and systemd.

hive builds the system itself and hands over its store path: with `--flake` two builds in one
directory swap their results, and a failure leaves half a container. What runs inside is systemd,
and its unit `hive.service` runs the script that is written here to /etc/hive/run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import trio

from hive.config import FIRST_AGENT_UID
from hive.errors import BadRequest, Conflict, NotFound, ProgramFailed, Unavailable
from hive.host import (
    journal,
    nix_build,
    nixos_files,
    nixos_probe,
    nspawn_flags,
    nspawn_users,
    pinned,
    proc,
    readiness,
    systemd,
    users,
)
from hive.host.nixos_host import CREATE_S, NIXOS_CONTAINER, NixosHost
from hive.host.records import Record, Run
from hive.host.runtime import INSIDE, BuildOrder, ContainerSpec, ContainerStatus, Finding, Inside
from hive.paths import Paths
from hive.wire.limits import CONSOLE_LOG, HIVE_LOG, LOGS
from hive.wire.names import AgentName, agent_name, container_name

START_S = 90.0
"""The unit itself gives up after a minute."""
END_S = 20.0
_POLL_S = 0.02
_TAIL = 20
"""How many lines of a failed start are put into its error."""


class NixosContainer:
    """Containers by nixos-container; see `Runtime`."""

    kind = "nixos"
    isolates = True
    separates_network = True
    units: tuple[str, ...] = LOGS
    users_each = nspawn_users.EACH

    def __init__(
        self,
        paths: Paths,
        clock: Callable[[], float],
        host: NixosHost | None = None,
        *,
        build_s: float = 3600.0,
        first_user: int = FIRST_AGENT_UID,
    ) -> None:
        self._paths = paths
        self._clock = clock
        self._host = host or NixosHost()
        self._build_s = build_s
        self._first_user = first_user
        self.shares_user = nspawn_users.why_shared(first_user, os.geteuid())
        self.weak: tuple[str, ...] = ()

    def user(self, name: AgentName) -> int:
        """Return whose that container's root is on the host; see `Runtime.user`."""
        run = self._record(name).run()
        return os.geteuid() if run is None or run.user is None else run.user

    def root(self, name: AgentName) -> Path:
        """Return a container's root; see `Runtime.root`."""
        return self._host.roots / container_name(name)

    async def probe(self) -> list[Finding]:
        """Look for the programs, the rights and a systemd that is not known to be weak."""
        found = await nixos_probe.probe(self._host, self._paths)
        if len(found) == 1:
            return found  # no container can be made
        self.weak = tuple(f"{one.detail}; {one.mend}" for one in nixos_probe.weaknesses(found))
        if self.shares_user is None:
            self.shares_user = await nixos_probe.why_shared(self._host)
        return [*found, nixos_probe.users_found(self.shares_user, self._first_user)]

    def inside(self, name: AgentName) -> Inside:
        """Return the paths of every container."""
        del name
        return INSIDE

    async def build(self, order: BuildOrder, say: Callable[[str], None]) -> str:
        """Build an agent's system from the meta flake and return its store path."""
        await trio.to_thread.run_sync(readiness.check_own, order)
        system = await nix_build.system(
            self._host.program("nix"), self._paths.meta, order.name, say, timeout_s=self._build_s
        )
        await trio.to_thread.run_sync(readiness.check_system, order.config, Path(system))
        return system

    async def start(self, spec: ContainerSpec) -> None:
        """Start a container; see `Runtime.start`. What it needs is made or brought up to date."""
        container = container_name(spec.name)
        words = nspawn_flags.flags(spec)
        if spec.user is not None:
            users.check_readable(spec.binds, self._paths.state)
        record = self._record(spec.name)
        # Before the record is made, which from then on says that the container is ours.
        self._check_is_ours(spec.name)
        record.make()
        with self._locked(spec.name), ExitStack() as stack:
            unit = await self._host.unit(container)
            if unit.is_running:
                raise _is_running(spec.name)
            await trio.to_thread.run_sync(nixos_files.write_given, self._paths, spec)
            await self._make(spec, container)
            write = partial(nixos_files.write_host, self._host, record, now=self._clock())
            is_new = await trio.to_thread.run_sync(write, spec, words)
            if is_new or unit.needs_reload:
                await self._host.call("systemctl", "daemon-reload", timeout_s=END_S)
            meant = pinned.hold(stack, self._paths.agents, spec.binds)
            record.begin(Run(self.kind, proc.boot_id(), self._clock(), "", user=spec.user))
            await self._up(spec, container, meant)

    async def stop(self, name: AgentName, *, grace_s: float) -> None:
        """End a container and everything in it; see `Runtime.stop`."""
        container = container_name(name)
        if not (await self._host.unit(container)).is_running:
            return
        if grace_s > 0:
            # What does not end when it is asked, for whatever reason, is killed.
            with suppress(ProgramFailed, NotFound):
                await self._host.call(NIXOS_CONTAINER, "stop", container, timeout_s=grace_s)
        await self._kill(container)

    async def status(self, name: AgentName) -> ContainerStatus:
        """Return what is known of that container."""
        unit = await self._host.unit(container_name(name))
        return self._status(name, is_running=unit.is_running)

    async def running(self) -> list[ContainerStatus]:
        """Return every container of this hive that runs, asked of systemd at once."""
        names = await trio.to_thread.run_sync(self._names)
        units = await self._host.units(*(container_name(name) for name in names))
        return [
            self._status(name, is_running=True)
            for name, unit in zip(names, units, strict=True)
            if unit.is_running
        ]

    async def wait_exit(self, name: AgentName) -> ContainerStatus:
        """Wait until that container does not run, by the end of its main process."""
        container = container_name(name)
        while (unit := await self._host.unit(container)).is_running:
            with proc.opened(unit.main_pid) as handle:
                if unit.main_pid and handle is not None:
                    await proc.wait_ended(handle)
            # What systemd does after it, our script that writes the exit code among it.
            await trio.sleep(_POLL_S)
        return self._status(name, is_running=False)

    async def hits(self, name: AgentName) -> dict[str, int]:
        """Return how often it met the limits of its unit; see `Runtime.hits`."""
        return await self._host.hits(container_name(name))

    async def written(self) -> dict[AgentName, int]:
        """Return what each running container wrote to disks; see `Runtime.written`."""
        names = await trio.to_thread.run_sync(self._names)
        units = await self._host.units(*(container_name(name) for name in names))
        return {
            name: await trio.to_thread.run_sync(self._host.written, unit)
            for name, unit in zip(names, units, strict=True)
            if unit.is_running and unit.main_pid
        }

    async def logs(self, name: AgentName, lines: int, unit: str = HIVE_LOG) -> list[str]:
        """Return the newest lines of hive's unit; those of the console where it said nothing."""
        born = self._record(name).directory / nixos_files.BORN
        if not born.exists():
            return []
        since = float(born.read_text())
        if unit == CONSOLE_LOG:
            return await self._console(name, lines, since=since)
        return await self._lines(name, lines, since=since)

    async def destroy(self, name: AgentName) -> None:
        """Forget a stopped container: what nixos-container has of it, its drop-in, its record."""
        record, container = self._record(name), container_name(name)
        if not self._is_ours(name):
            return
        record.make()
        with self._locked(name):
            if (await self._host.unit(container)).is_running:
                raise _is_running(name)
            await self._destroy(container)
            folder = self._host.drop_in(container).parent
            await trio.to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))
            await self._host.call("systemctl", "daemon-reload", timeout_s=END_S)
            await self._host.forget_failure(container)
            await trio.to_thread.run_sync(record.remove)

    async def _lines(self, name: AgentName, lines: int, *, since: float) -> list[str]:
        container, journalctl = container_name(name), self._host.program("journalctl")
        found: list[str] = []
        failure: ProgramFailed | None = None
        try:
            if (await self._host.unit(container)).is_running:
                found = await journal.of_machine(journalctl, container, lines, since=since)
            else:
                found = await journal.of_root(journalctl, self.root(name), lines, since=since)
        except ProgramFailed as error:
            # One that just comes up or ends is no machine; what the host has of it is asked for.
            failure = error
        if found:
            return found
        found = await self._console(name, lines, since=since)
        if failure is not None and not found:
            raise failure
        return found

    async def _console(self, name: AgentName, lines: int, *, since: float) -> list[str]:
        unit = systemd.unit_name(container_name(name))
        return await journal.of_unit(self._host.program("journalctl"), unit, lines, since=since)

    @contextmanager
    def _locked(self, name: AgentName) -> Iterator[None]:
        """Hold a container's lock: of several daemons, one starts it or takes it away."""
        lock = self._record(name).take_lock()
        if lock is None:
            raise Conflict(f"somebody else starts or removes the container of {name}: wait")
        try:
            yield
        finally:
            os.close(lock)

    def _record(self, name: AgentName) -> Record:
        return Record(self._paths.sandbox(name))

    def _status(self, name: AgentName, *, is_running: bool) -> ContainerStatus:
        record = self._record(name)
        run = record.run()
        if run is None:
            return ContainerStatus(name, is_running)
        code = None if is_running else record.told().exit_code
        return ContainerStatus(name, is_running, run.started_at, code)

    def _names(self) -> list[AgentName]:
        """Return every agent that has a container here; blocks on the disk."""
        folder = self._paths.sandbox(AgentName("x")).parent
        found = {_agent(entry.name) for entry in folder.iterdir()} if folder.is_dir() else set()
        if self._host.confs.is_dir():
            for conf in self._host.confs.glob("h*.conf"):
                name = _agent(conf.stem.removeprefix("h-"))
                if name and container_name(name) == conf.stem and self._is_passed_on(name):
                    found.add(name)
        return sorted(name for name in found if name is not None)

    def _is_passed_on(self, name: AgentName) -> bool:
        """Whether the host has a container of that name that is shown this hive's directories."""
        try:
            text = self._host.conf(container_name(name)).read_text()
        except FileNotFoundError:
            return False
        return nspawn_flags.mentions(text, f"={self._paths.agent_root(name)}/")

    def _is_ours(self, name: AgentName) -> bool:
        return self._record(name).directory.exists() or self._is_passed_on(name)

    def _check_is_ours(self, name: AgentName) -> None:
        container = container_name(name)
        conf = self._host.conf(container)
        if conf.exists() and not self._is_ours(name):
            raise Conflict(
                f"there is a container {container} that is not this hive's: look at {conf}, and"
                f" remove it with `nixos-container destroy {container}` if nobody needs it"
            )

    async def _make(self, spec: ContainerSpec, container: str) -> None:
        """See that there is a container with the system that was built."""
        conf, profile = self._host.conf(container), self._host.profile(container)
        if conf.exists() and profile.is_symlink():
            if spec.system and os.fspath(profile.resolve()) != spec.system:
                words = ("-p", str(profile), "--set", spec.system)
                await self._host.call("nix-env", *words, timeout_s=CREATE_S)
            return
        if not spec.system:
            raise BadRequest(f"nothing was built for {spec.name} yet: rebuild it")
        if conf.exists():
            # Left by a creation that did not get to its end.
            await self._destroy(container)
        is_made = False
        try:
            words = ("create", container, "--system-path", spec.system)
            await self._host.call(NIXOS_CONTAINER, *words, timeout_s=CREATE_S)
            is_made = True
        except Conflict:
            is_made = True  # by somebody else, just now: not ours to remove
            raise
        finally:
            if not is_made:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + END_S):
                    await self._destroy(container)

    async def _destroy(self, container: str) -> None:
        """Remove what nixos-container has; nothing there is no error, to it and to us.

        It knows a container by its `.conf` alone: without one it leaves root and profile behind, to
        whoever gets that name next.
        """
        conf, root = self._host.conf(container), self._host.roots / container
        if not conf.exists() and (root.exists() or self._host.profile(container).parent.exists()):
            conf.touch()
        await self._host.call(NIXOS_CONTAINER, "destroy", container, timeout_s=CREATE_S)

    async def _up(self, spec: ContainerSpec, container: str, meant: pinned.Held) -> None:
        """Start the unit; what does not come up as meant is taken down again."""
        is_up = False
        try:
            await self._host.call(NIXOS_CONTAINER, "start", container, timeout_s=START_S)
            leader = await self._host.leader(container)
            if leader is not None:
                self._check(spec, leader, meant)
            is_up = True
        except ProgramFailed as error:
            run = self._record(spec.name).run()
            since = run.started_at if run is not None else 0.0
            lines = await self._lines(spec.name, _TAIL, since=since)
            said = "\n".join([error.stderr, *lines])
            raise ProgramFailed(error.argv, error.status, said) from error
        finally:
            if not is_up:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + END_S):
                    await self._kill(container)

    def _check(self, spec: ContainerSpec, leader: int, meant: pinned.Held) -> None:
        """Raise `Unavailable` where a container is not as it was meant to be."""
        strange = pinned.strange(leader, meant)
        if strange:
            raise Unavailable(
                f"{strange[0]} was replaced while {spec.name} was started: look who did it, the"
                " manager can, and start it again"
            )
        lacking = nspawn_users.lacking(self._host.proc, leader, spec.user, spec.network)
        if lacking is not None:
            raise Unavailable(
                f"the container of {spec.name} was ended: {lacking}; see that the host's unit"
                " container@.service passes on PRIVATE_NETWORK and EXTRA_NSPAWN_FLAGS"
            )

    async def _kill(self, container: str) -> None:
        """Kill everything of a container and wait until systemd is done with it.

        Not by `machinectl terminate`: that asks, and waits for whatever does not answer.
        """
        if not (await self._host.unit(container)).is_running:
            return
        unit = systemd.unit_name(container)
        try:
            await self._host.call("systemctl", "kill", "--signal=SIGKILL", unit)
        except ProgramFailed:
            if (await self._host.unit(container)).is_running:
                raise
        await self._host.call("systemctl", "stop", unit, timeout_s=END_S)


def _agent(text: str) -> AgentName | None:
    try:
        return agent_name(text)
    except BadRequest:
        return None


def _is_running(name: AgentName) -> Conflict:
    return Conflict(f"the container of {name} is running: stop it first")
