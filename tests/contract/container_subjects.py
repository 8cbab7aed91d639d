"""The runtimes that the contract is held against, and how each is given something to run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zlib
from abc import ABC, abstractmethod
from pathlib import Path

import attrs
import trio

from hive.host.nixos_container import NixosContainer
from hive.host.nspawn_users import EACH
from hive.host.process_trees import tree_of
from hive.host.recorded_runtime import RecordedRuntime
from hive.host.records import Record
from hive.host.runtime import Bind, ContainerSpec, Runtime
from hive.paths import Paths
from hive.wire.names import AgentName, agent_name, container_name
from tests.contract.start_container import KINDS
from tests.fakes.nixos import host as nixos_host
from tests.fakes.runtime import ENDED, FakeHost, FakeRuntime, Script

IS_ROOT = os.geteuid() == 0
"""Whether containers of other users can be started here."""
FIRST_USER = 1_900_000_000
RANGES = 1_900_019_712
STARTER = Path(__file__).with_name("start_container.py")
REPOSITORY = Path(__file__).parents[2]


class Subject(ABC):
    """One kind of runtime on one host."""

    runtime: Runtime
    ended = ENDED
    """The exit code of what ended because it was asked to."""

    @abstractmethod
    def spec(self, name: AgentName, script: Script) -> ContainerSpec:
        """Return a container whose command does what the script says."""

    @abstractmethod
    def another(self) -> Runtime:
        """Return a second runtime on the same host, which saw no start."""

    @abstractmethod
    def crash(self, name: AgentName) -> None:
        """Kill a container's command."""

    @abstractmethod
    async def start_and_die(self, spec: ContainerSpec) -> Runtime:
        """Start from a daemon that is then killed; return what the next daemon has."""

    async def sweep(self) -> None:
        """End whatever a test left running."""
        for status in await self.runtime.running():
            await self.runtime.stop(status.name, grace_s=0)


class FakeSubject(Subject):
    """The fake that other tests use."""

    def __init__(self) -> None:
        self._host = FakeHost()
        self.runtime = self._fake = FakeRuntime(self._host)

    def spec(self, name: AgentName, script: Script) -> ContainerSpec:
        self._fake.scripts[name] = script
        return ContainerSpec(name, ("command",), {}, (), "/")

    def another(self) -> FakeRuntime:
        other = FakeRuntime(self._host)
        other.scripts = self._fake.scripts
        return other

    def crash(self, name: AgentName) -> None:
        self._fake.crash(name, 137)

    async def start_and_die(self, spec: ContainerSpec) -> FakeRuntime:
        await self.runtime.start(spec)
        return self.another()


@attrs.define
class ProcessSubject(Subject):
    """A runtime that starts processes, by a daemon that can be killed."""

    kind: str
    root: Path
    binds: tuple[Bind, ...] = attrs.field(default=(), kw_only=True)

    @property
    def paths(self) -> Paths:
        """The paths of the hive under test."""
        return Paths(self.root / "state", self.root / "run")

    def shell(self, name: AgentName, command: str) -> ContainerSpec:
        """Return a container that runs a shell command."""
        argv = ("/bin/sh", "-c", command)
        return ContainerSpec(name, argv, {"PATH": "/usr/bin:/bin"}, self.binds, "/tmp")

    def spec(self, name: AgentName, script: Script) -> ContainerSpec:
        if script.fails is not None:
            return attrs.evolve(self.shell(name, ""), argv=("/no/such/program",))
        words = [f"echo '{line}'" for line in script.prints]
        if script.ignores_term:
            words.append("trap '' TERM")
        if script.exits is None:
            words.append(
                "while :; do sleep 1000; done" if script.ignores_term else "exec sleep 1000"
            )
        else:
            words.append(f"exit {script.exits}")
        return self.shell(name, "; ".join(words))

    async def start_and_die(self, spec: ContainerSpec) -> Runtime:
        with self.daemon(spec) as daemon:
            assert daemon.stdout is not None
            said = b""
            while b"started" not in said:
                said = await trio.to_thread.run_sync(daemon.stdout.readline)
                assert said, "the daemon ended without having started it"
            daemon.kill()
        return self.another()

    def daemon(self, spec: ContainerSpec) -> subprocess.Popen[bytes]:
        """Return a process of its own that starts the container."""
        daemon = subprocess.Popen(
            [sys.executable, str(STARTER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
        )
        assert daemon.stdin is not None
        wanted = {
            "kind": self.kind,
            "state": str(self.paths.state),
            "run": str(self.paths.run),
            "name": spec.name,
            "argv": spec.argv,
            "env": spec.env,
            "binds": [[str(bind.source), bind.target, bind.writable] for bind in spec.binds],
            "cwd": spec.cwd,
            "system": spec.system,
            "user": spec.user,
        }
        daemon.stdin.write(json.dumps(wanted).encode() + b"\n")
        daemon.stdin.flush()
        return daemon


@attrs.define
class RealSubject(ProcessSubject):
    """A runtime that keeps records of the processes it starts."""

    has_users: bool = attrs.field(default=False, kw_only=True)
    """Whether each container is another user's."""
    runtime: RecordedRuntime = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.runtime = self.another()

    def another(self) -> RecordedRuntime:
        made = KINDS[self.kind](self.paths, lambda: 1.0)
        assert isinstance(made, RecordedRuntime)
        return made

    def user(self, name: AgentName) -> int | None:
        """Return whose a container's processes are; None: the daemon's own."""
        return FIRST_USER + zlib.crc32(name.encode()) % 1000 if self.has_users else None

    def shell(self, name: AgentName, command: str) -> ContainerSpec:
        """Return a container that runs a shell command, as its user."""
        return attrs.evolve(ProcessSubject.shell(self, name, command), user=self.user(name))

    def own(self, name: AgentName, *paths: Path) -> None:
        """Let files of the host belong to a container's user."""
        user = self.user(name)
        if user is not None:
            for path in paths:
                os.chown(path, user, user)

    def record(self, name: AgentName) -> Record:
        """Return what is kept of a container."""
        return Record(self.paths.sandbox(name))

    def first(self, name: AgentName) -> int:
        """Return the host's number of a container's command."""
        record = self.record(name)
        run = record.run()
        first = tree_of(record, run).first() if run is not None else None
        assert first is not None
        return first

    def crash(self, name: AgentName) -> None:
        os.kill(self.first(name), signal.SIGKILL)


@attrs.define
class NixosSubject(ProcessSubject):
    """The runtime `nixos`, over the stand-ins or over the real systemd that a test booted."""

    kind: str = "nixos"
    has_users: bool = attrs.field(default=False, kw_only=True)
    runtime: Runtime = attrs.field(init=False)
    ended = 0
    """What nspawn makes of an init that was asked to power off."""

    def __attrs_post_init__(self) -> None:
        self.runtime = self.another()

    def another(self) -> NixosContainer:
        made = KINDS["nixos"](self.paths, lambda: 1.0)
        assert isinstance(made, NixosContainer)
        return made

    def shell(self, name: AgentName, command: str) -> ContainerSpec:
        """Return a container that runs a shell command, with what every one is given."""
        given = self.paths.given(name)
        given.mkdir(parents=True, exist_ok=True)
        plain = ProcessSubject.shell(self, name, command)
        binds = (*self.binds, *nixos_host.binds(), Bind(given, "/etc/hive"))
        system = nixos_host.make_system(self.root / "host")
        user = RANGES + zlib.crc32(name.encode()) % 1000 * EACH if self.has_users else None
        return attrs.evolve(plain, binds=binds, system=system, user=user)

    def crash(self, name: AgentName) -> None:
        host = nixos_host.make_host(self.root / "host")
        shown = ("show", "--property=MainPID", "--value", f"container@{container_name(name)}")
        said = subprocess.run(
            [host.program("systemctl"), *shown], capture_output=True, text=True, check=True
        )
        os.kill(int(said.stdout.strip().removeprefix("MainPID=")), signal.SIGKILL)

    async def sweep(self) -> None:
        """Leave no container to the next test either: on a real host there is one of each name."""
        await ProcessSubject.sweep(self)
        for folder in self.paths.sandbox(AgentName("x")).parent.glob("*"):
            await self.runtime.destroy(agent_name(folder.name))
