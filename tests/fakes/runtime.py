"""A container runtime in memory, on trio's clock, that can be told to crash and to fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import attrs
import trio

from hive.errors import BadRequest, Conflict, ProgramFailed, Unavailable
from hive.host.runtime import BuildOrder, ContainerSpec, ContainerStatus, Finding, Inside
from hive.wire.limits import HIVE_LOG
from hive.wire.names import AgentName

KILLED = 137
ENDED = 143


@attrs.frozen
class Script:
    """What the command of a container does."""

    exits: int | None = None
    """Ends by itself at once with this code; None: runs until it is told to end."""
    ignores_term: bool = False
    prints: tuple[str, ...] = ()
    fails: str | None = None
    """Cannot be started, and why."""
    takes_s: float = 0
    """How long its start takes."""


@attrs.frozen
class BuildScript:
    """What the builds of an agent do."""

    says: tuple[str, ...] = ()
    takes_s: float = 0
    fails: str | None = None
    """The end of the build's output, when it fails."""
    refuses: str | None = None
    """Why the configuration cannot be fulfilled, when it cannot."""


@attrs.define
class _Container:
    spec: ContainerSpec
    started_at: float
    script: Script
    is_up: bool = False
    exit_code: int | None = None
    ended: trio.Event = attrs.field(factory=trio.Event)


@attrs.define
class FakeHost:
    """What survives a daemon: share it between two `FakeRuntime`s to play a restart."""

    containers: dict[AgentName, _Container] = attrs.field(factory=dict)
    logs: dict[AgentName, list[str]] = attrs.field(factory=dict)


class FakeRuntime:
    """Fulfils `Runtime` without a process."""

    kind = "fake"
    isolates = True
    separates_network = True
    shares_user: str | None = "they are in memory"
    weak: tuple[str, ...] = ()
    units: tuple[str, ...] = (HIVE_LOG,)
    users_each = 1

    def __init__(
        self, host: FakeHost | None = None, clock: Callable[[], float] = trio.current_time
    ) -> None:
        self.host = host or FakeHost()
        self.scripts: dict[AgentName, Script] = {}
        """What the next start of a container does; running until stopped where there is none."""
        self.started: list[ContainerSpec] = []
        """Every start that was tried, oldest first."""
        self.builds: dict[AgentName, BuildScript] = {}
        """What the builds of an agent do; they succeed at once where there is none."""
        self.built: list[BuildOrder] = []
        """Every build that was tried, oldest first."""
        self.met: dict[AgentName, dict[str, int]] = {}
        """How often a container met its limits."""
        self.wrote: dict[AgentName, int] = {}
        """What a container has written to the disk."""
        self.cannot_await = False
        """That nobody can wait for the end of a container."""
        self.roots: dict[AgentName, Path] = {}
        """The roots that are kept on the disk."""
        self._clock = clock

    def crash(self, name: AgentName, exit_code: int = 1) -> None:
        """End a running container without having been asked."""
        self._end(self.host.containers[name], exit_code)

    def adopt(self, spec: ContainerSpec) -> None:
        """Let a container run that another daemon started."""
        self.host.containers[spec.name] = _Container(spec, 0.0, Script(), is_up=True)

    def say(self, name: AgentName, line: str) -> None:
        """Add a line to a container's log."""
        self.host.logs.setdefault(name, []).append(line)

    def user(self, name: AgentName) -> int:
        """Return the user of who plays the agents."""
        del name
        return os.geteuid()

    def root(self, name: AgentName) -> Path | None:
        """Return what a test says."""
        return self.roots.get(name)

    async def probe(self) -> list[Finding]:
        """Find nothing amiss."""
        await trio.lowlevel.checkpoint()
        return [Finding("fake", True, "in memory")]

    def inside(self, name: AgentName) -> Inside:
        """Return the paths of a real container."""
        del name
        return Inside("/run/hive", "/state", "/root", "/root/.claude", "/shared", "/etc/hive")

    async def build(self, order: BuildOrder, say: Callable[[str], None]) -> str:
        """Say the lines of the build's script and return a name made of the commit."""
        self.built.append(order)
        script = self.builds.get(order.name, BuildScript())
        for line in script.says:
            say(line)
        await trio.sleep(script.takes_s)
        if script.refuses is not None:
            raise BadRequest(script.refuses)
        if script.fails is not None:
            raise ProgramFailed(("nix", "build"), 1, script.fails)
        return f"system-{order.sha[:12]}"

    async def start(self, spec: ContainerSpec) -> None:
        """Run the container's script."""
        script = self.scripts.get(spec.name, Script())
        self.started.append(spec)
        current = self.host.containers.get(spec.name)
        if current is not None and not current.ended.is_set():
            raise Conflict(f"the container of {spec.name} is running: stop it first")
        made = _Container(spec, self._clock(), script)
        self.host.containers[spec.name] = made
        try:
            await trio.sleep(script.takes_s)
            if script.fails is not None:
                raise ProgramFailed(spec.argv, 1, script.fails)
            made.is_up = True
        finally:
            if not made.is_up:
                made.ended.set()
        for line in script.prints:
            self.say(spec.name, line)
        if script.exits is not None:
            self._end(made, script.exits)

    async def stop(self, name: AgentName, *, grace_s: float) -> None:
        """End the container, after the grace when its script ignores being asked."""
        await trio.lowlevel.checkpoint()
        found = self.host.containers.get(name)
        if found is None or found.ended.is_set():
            return
        if found.script.ignores_term or grace_s <= 0:
            with trio.move_on_after(max(0, grace_s)):
                await found.ended.wait()
            self._end(found, KILLED)
        else:
            self._end(found, ENDED)

    async def status(self, name: AgentName) -> ContainerStatus:
        """Return what is known of the container."""
        await trio.lowlevel.checkpoint()
        found = self.host.containers.get(name)
        if found is None:
            return ContainerStatus(name, is_running=False)
        is_running = not found.ended.is_set()
        return ContainerStatus(name, is_running, found.started_at, found.exit_code)

    async def running(self) -> list[ContainerStatus]:
        """Return every container that runs, by name."""
        found = [await self.status(name) for name in sorted(self.host.containers)]
        return [status for status in found if status.is_running]

    async def wait_exit(self, name: AgentName) -> ContainerStatus:
        """Wait until the container does not run."""
        if self.cannot_await:
            raise Unavailable(f"who knows {name}")
        found = self.host.containers.get(name)
        if found is not None:
            await found.ended.wait()
        return await self.status(name)

    async def hits(self, name: AgentName) -> dict[str, int]:
        """Return what the test says."""
        await trio.lowlevel.checkpoint()
        return dict(self.met.get(name, {}))

    async def written(self) -> dict[AgentName, int]:
        """Return what the test says of those that run."""
        return {each.name: self.wrote.get(each.name, 0) for each in await self.running()}

    async def logs(self, name: AgentName, lines: int, unit: str = HIVE_LOG) -> list[str]:
        """Return the newest lines, of the console in capitals."""
        await trio.lowlevel.checkpoint()
        found = self.host.logs.get(name, [])[-lines:] if lines > 0 else []
        return found if unit == HIVE_LOG else [line.upper() for line in found]

    async def destroy(self, name: AgentName) -> None:
        """Forget a container that does not run."""
        if (await self.status(name)).is_running:
            raise Conflict(f"the container of {name} is running: stop it first")
        self.host.containers.pop(name, None)
        self.host.logs.pop(name, None)

    def _end(self, container: _Container, exit_code: int) -> None:
        if not container.ended.is_set():
            container.exit_code = exit_code
            container.ended.set()
