"""Where a NixOS host keeps what belongs to its containers, and how its programs are called.

Every call has a deadline. Perl's exit status of nixos-container means nothing beyond zero or not:
the same kind of failure was seen with 255, 25, 2 and 1, so a failure is told by its words.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import attrs
import trio

from hive.environment import program_environment, search_path
from hive.errors import (
    BadRequest,
    Conflict,
    HiveError,
    NotFound,
    ProgramFailed,
    Refused,
    Unavailable,
)
from hive.host import proc, systemd
from hive.host.limits import MEMORY, TASKS, read_hits
from hive.host.systemd import PROPERTIES, Unit
from hive.process import Completed, run

CREATE_S = 120.0
SHORT_S = 20.0
LEADER_S = 5.0
LEADER_POLL_S = 0.05
NIXOS_CONTAINER = "nixos-container"
PROGRAMS = (NIXOS_CONTAINER, "systemctl", "machinectl", "journalctl", "nix", "nix-env")


@attrs.frozen
class NixosHost:
    """The places of one host; a test has its own."""

    confs: Path = Path("/etc/nixos-containers")
    roots: Path = Path("/var/lib/nixos-containers")
    profiles: Path = Path("/nix/var/nix/profiles/per-container")
    drop_ins: Path = Path("/run/systemd/system")
    groups: Path = Path("/sys/fs/cgroup")
    """Control groups of version 2, the only one that systemd still makes."""
    proc: Path = Path("/proc")
    """Where it is looked up which users and which network a container has."""
    path: str | None = None
    """Where programs are looked for; None: the daemon's own PATH."""

    def program(self, name: str) -> str:
        """Return where a program is; raises `Unavailable`."""
        found = shutil.which(name, path=self.path or search_path())
        if found is None:
            raise Unavailable(f"{name} is not on PATH: the runtime `nixos` needs a NixOS host")
        return found

    def conf(self, container: str) -> Path:
        """The file by which nixos-container knows a container."""
        return self.confs / f"{container}.conf"

    def profile(self, container: str) -> Path:
        """The link to the system a container starts with."""
        return self.profiles / container / "system"

    def drop_in(self, container: str) -> Path:
        """hive's drop-in of a container's unit; gone after a reboot of the host."""
        return self.drop_ins / f"{systemd.unit_name(container)}.d" / systemd.DROP_IN

    async def call(self, name: str, *words: str, timeout_s: float = SHORT_S) -> Completed:
        """Run one of the host's programs; a failure is the error its words stand for."""
        try:
            return await run(
                (self.program(name), *words), timeout_s=timeout_s, env=program_environment()
            )
        except ProgramFailed as error:
            raise classify(error) from error

    async def units(self, *containers: str) -> list[Unit]:
        """Return what systemd knows of these containers' units, in their order."""
        if not containers:
            return []
        names = [systemd.unit_name(container) for container in containers]
        wanted = [f"--property={','.join(PROPERTIES)}"]
        said = await self.call("systemctl", "show", "--no-pager", *wanted, "--", *names)
        found = {unit.name: unit for unit in systemd.parse_units(said.stdout)}
        return [found.get(name, Unit(name)) for name in names]

    async def unit(self, container: str) -> Unit:
        """Return what systemd knows of a container's unit."""
        return (await self.units(container))[0]

    async def hits(self, container: str) -> dict[str, int]:
        """Return how often a container's unit met its limits; nothing where it has no group."""
        name = systemd.unit_name(container)
        said = await self.call("systemctl", "show", "--no-pager", "--property=ControlGroup", name)
        group = said.stdout.strip().removeprefix("ControlGroup=").lstrip("/")
        if not group:
            return {}
        read = partial(read_hits, self.groups / group, 2, (MEMORY, TASKS))
        return await trio.to_thread.run_sync(read)

    def written(self, unit: Unit) -> int:
        """Return how much the processes of a running unit wrote to disks; blocks shortly."""
        return self.written_below(proc.group_path(unit.main_pid), unit.name)

    def written_below(self, group: str, unit: str) -> int:
        """Return what was written by all of a unit, by the group that one of its processes is in.

        Nothing of a group that is not the unit's: it has ended meanwhile.
        """
        above, found, _ = group.partition(f"/{unit}")
        if not found:
            return 0
        total = 0
        for file in (self.groups / above.lstrip("/") / unit).rglob("cgroup.procs"):
            with suppress(OSError):
                total += sum(proc.written_bytes(int(pid)) for pid in file.read_text().split())
        return total

    async def leader(self, container: str) -> int | None:
        """Return the host's number of a container's first process; None when it has ended.

        Raises `Unavailable` when it runs and machined does not know it.
        """
        words = ("show", container, "--property=Leader", "--value")
        with trio.move_on_after(LEADER_S):
            while True:
                try:
                    said = (await self.call("machinectl", *words)).stdout.strip()
                except ProgramFailed:
                    said = ""
                if said.isdigit():
                    return int(said)
                if not (await self.unit(container)).is_running:
                    return None
                await trio.sleep(LEADER_POLL_S)
        raise Unavailable(
            f"machinectl does not know {container}, which runs: see that systemd-machined does"
        )

    async def forget_failure(self, container: str) -> None:
        """Let systemd forget how a unit ended; else the whole host stays `degraded` for it."""
        if (await self.unit(container)).active == "failed":
            await self.call("systemctl", "reset-failed", systemd.unit_name(container))


_KINDS: tuple[tuple[str, Callable[[str], HiveError]], ...] = (
    ("already exists", Conflict),
    ("does not exist", NotFound),
    ("cannot destroy declarative container", Refused),
    ("is too long", BadRequest),
    ("invalid container name", BadRequest),
    ("out of IP addresses", Unavailable),
)


def classify(error: ProgramFailed) -> HiveError:
    """Return the error that a failure of a host's program stands for, told by its words."""
    if error.status is None:
        return error
    for line in error.stderr.splitlines():
        for words, kind in _KINDS:
            if words in line:
                return kind(line.strip())
    return error
