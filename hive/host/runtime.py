"""The protocol every container runtime fulfils, and the values it takes and returns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import attrs

from hive.wire import destinations
from hive.wire.agent_config import AgentConfig, Limits
from hive.wire.limits import HIVE_LOG
from hive.wire.names import AgentName


@attrs.frozen
class Bind:
    """A host path seen inside a container."""

    source: Path
    target: str
    writable: bool = False


@attrs.frozen
class ContainerSpec:
    """What runs in a container; every path in `argv` and `env` is a path inside it."""

    name: AgentName
    argv: tuple[str, ...]
    env: dict[str, str]
    """The whole environment of the first process; nothing is inherited. A runtime may add `PWD`, or
    the one variable by which it finds the processes again."""
    binds: tuple[Bind, ...]
    """Beside what the runtime itself binds to make programs run at all."""
    cwd: str
    limits: Limits = attrs.field(factory=Limits)
    """None in a field: no limit by hive."""
    system: str = ""
    """What `build` returned for it; runtimes that build nothing ignore it."""
    network: str = destinations.PROXY
    """`proxy`: a network of its own with nothing but a loopback; `host`: the host's. A runtime that
    cannot separate it ignores this."""
    user: int | None = None
    """Number of the user and of the group whose its processes are on the host; None: the daemon's
    own. Only where the runtime shares no user."""


@attrs.frozen
class BuildOrder:
    """What a runtime makes ready before a container is started from it."""

    name: AgentName
    sha: str
    """The commit in the applied repository, 40 hex digits."""
    config: AgentConfig
    tree: Path
    """The files of that commit on the host; written once, never changed."""


@attrs.frozen
class ContainerStatus:
    """What a runtime knows of one container."""

    name: AgentName
    is_running: bool
    started_at: float | None = None
    """Unix seconds."""
    exit_code: int | None = None
    """Of the last run, when the runtime could learn it; None while it runs or when unknown."""


@attrs.frozen
class Inside:
    """Where a container finds hive's directories."""

    run: str
    state: str
    home: str
    claude: str
    shared: str
    given: str
    """What the daemon wrote for it; read-only there, as far as the runtime isolates."""
    agents: str = "/agents"
    """Every agent's directory, in the manager's container, as the next two."""
    applied: str = "/applied"
    meta: str = "/meta"


INSIDE = Inside(
    run="/run/hive",
    state="/state",
    home="/root",
    claude="/root/.claude",
    shared="/shared",
    given="/etc/hive",
)
"""Where they are in a container that has a file system of its own."""


@attrs.frozen
class Finding:
    """One line of `doctor`."""

    what: str
    is_ok: bool
    detail: str
    mend: str = ""
    """What to do about it when it is not ok."""


class Runtime(Protocol):
    """Starts, stops and finds containers.

    A container outlives the daemon that started it. Every method may be called after a restart of
    the daemon, by an object that never saw the start.
    """

    kind: str
    isolates: bool
    """False when an agent can reach whatever the daemon's user can."""
    separates_network: bool
    """Whether a container can have a network of its own."""
    shares_user: str | None
    """Why all containers run as the daemon's user, for people; None where each may get another. May
    change in `probe`."""
    weak: tuple[str, ...]
    """What of this host's programs is known to let containers out, in sentences; `probe` looks."""
    units: tuple[str, ...]
    """Which logs its containers have, of `limits.LOGS`."""
    users_each: int
    """How many users' numbers each container takes where it has its own: its `user` is the first of
    them, and all of them are its alone."""

    def user(self, name: AgentName) -> int:
        """Return the user whose that container's processes are, of its newest run where it ended.

        The daemon's own for one that never ran.
        """
        ...

    def root(self, name: AgentName) -> Path | None:
        """Return that container's root where it is kept on the disk; it counts as the agent's."""
        ...

    async def probe(self) -> list[Finding]:
        """Try what this host needs; never raises for a host that lacks something."""
        ...

    def inside(self, name: AgentName) -> Inside:
        """Return the paths by which that container knows hive's directories."""
        ...

    async def build(self, order: BuildOrder, say: Callable[[str], None]) -> str:
        """Make ready what `start` needs of a commit; return its name for `ContainerSpec.system`.

        Nothing that runs is touched, so a failed build changes nothing. `say` takes the build's
        lines as they come. Raises `BadRequest` for a configuration that this host cannot fulfil,
        with the mend, and `ProgramFailed` with the end of the build's output.
        """
        ...

    async def start(self, spec: ContainerSpec) -> None:
        """Start a container.

        Raises `Conflict` when one of that name runs, `ProgramFailed` when it cannot be started.
        Cancelled, it leaves nothing running.
        """
        ...

    async def stop(self, name: AgentName, *, grace_s: float) -> None:
        """End a container and everything it started; returns once all of it is gone.

        The first process is asked (SIGTERM) and has `grace_s` seconds. Not running is no error.
        """
        ...

    async def status(self, name: AgentName) -> ContainerStatus:
        """Return what is known of that container; unknown names are not running."""
        ...

    async def running(self) -> list[ContainerStatus]:
        """Return every container of this hive that runs, found again after a restart too."""
        ...

    async def wait_exit(self, name: AgentName) -> ContainerStatus:
        """Wait until that container does not run; at once when it does not."""
        ...

    async def hits(self, name: AgentName) -> dict[str, int]:
        """Return how often a running container met its limits since it was started, by their keys.

        What the kernel does not count here is left out.
        """
        ...

    async def written(self) -> dict[AgentName, int]:
        """Return how many bytes each running container gave the kernel to keep on a disk.

        As of its start, as far as the kernel counts it; for comparing two looks.
        """
        ...

    async def logs(self, name: AgentName, lines: int, unit: str = HIVE_LOG) -> list[str]:
        """Return the newest `lines` lines of one of its `units`, oldest first."""
        ...

    async def destroy(self, name: AgentName) -> None:
        """Forget a stopped container: its records and its log. Raises `Conflict` while it runs."""
        ...
