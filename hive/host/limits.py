"""What a container may use, held by the kernel's control groups where this host lets us make some.

Both versions of control groups are known. All agents of a hive stand in one group, each in its own
below it: in version 2 beside the daemon's own, below the first group above it that we may write to.
Open files and the size of a file are limits of each process, which what it starts inherits; what is
on the disk as a whole is watched by `nursery/limit_watch`. A limit that cannot be held is never
pretended: `Limiter.ways` says which are, and how.

Everything here but `leave` blocks for as long as the kernel takes, some microseconds to
milliseconds.
"""

from __future__ import annotations

import hashlib
import os
import resource
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import attrs
import trio

from hive.errors import Unavailable
from hive.host.runtime import Finding
from hive.paths import Paths
from hive.wire.agent_config import Limits
from hive.wire.names import AgentName, container_name

MEMORY, CPU, TASKS = "memory", "cpu", "pids"
CONTROLLERS = (MEMORY, CPU, TASKS)
KEYS = {MEMORY: "memory_mib", CPU: "cpu_percent", TASKS: "tasks"}
OPEN_FILES, DISK = "open_files", "disk_mib"
PERIOD_US = 100_000
RLIMIT = "rlimit"
WATCHED = "watched"
NO_GROUPS = (
    "hive may make no control groups here; as a user of systemd, start it with"
    " `systemd-run --user --scope`; as a service, set Delegate=yes and DelegateSubgroup="
)
HITS = {
    (1, MEMORY): ("memory.oom_control", "oom_kill"),
    (2, MEMORY): ("memory.events", "oom_kill"),
    (1, TASKS): ("pids.events", "max"),
    (2, TASKS): ("pids.events", "max"),
}
"""Where the kernel counts how often a limit was met: the file, and the word before the number."""
WAY_IN = {1: "tasks", 2: "cgroup.procs"}
"""The file by which a process moves itself. In version 1 the kernel then moves one thread, all that
a shell has, and does without stopping every fork on the host for it, which takes milliseconds."""
ENTER = (
    '[ "$1" = - ] || ulimit -n "$1" || exit 126; shift;'
    ' [ "$1" = - ] || ulimit -f "$1" || exit 126; shift; n=$1; shift;'
    ' while [ "$n" -gt 0 ]; do echo 0 >"$1" || exit 126; shift; n=$((n-1)); done;'
    ' exec "$@"'
)
"""Limit oneself before one becomes the command: nothing it starts can be outside."""
TASKS_INSIDE = 'ulimit -u "$0" 2>/dev/null || ulimit -p "$0" || exit 126; exec "$@"'
"""Half of the shells call it -u, the others -p."""
FILE_LEAST_MIB = 64
_TRIES = 5
LEAVE_S = 2.0
LEAVE_POLL_S = 0.01


@attrs.frozen
class _Hierarchy:
    """Where the groups of some controllers are made."""

    version: int
    folder: Path
    """The group that the hive's own is made in."""
    controllers: tuple[str, ...]


class Limiter:
    """The control groups of one hive."""

    def __init__(
        self,
        paths: Paths,
        *,
        counts_tasks: bool,
        own: Path = Path("/proc/self"),
        make: Callable[[Path], None] = Path.mkdir,
    ) -> None:
        """`counts_tasks`: a process limit of the runtime counts one container's processes alone."""
        state = os.fsencode(paths.state.absolute())
        self._group = f"hive-{hashlib.sha256(state).hexdigest()[:12]}"
        self._counts_tasks = counts_tasks
        self._own = own
        self._make = make
        self._known: list[_Hierarchy] | None = None

    def ways(self) -> dict[str, str]:
        """Return how each key of `limits` is held here; one that is not is left out."""
        found = {OPEN_FILES: RLIMIT, DISK: WATCHED}
        if self._counts_tasks:
            found[KEYS[TASKS]] = RLIMIT
        for each in self._hierarchies():
            for controller in each.controllers:
                found[KEYS[controller]] = f"cgroup v{each.version}"
        return found

    def unheld(self, limits: Limits) -> list[str]:
        """Return one sentence for every limit that is asked for and not held here."""
        wanted = attrs.asdict(limits)
        ways = self.ways()
        return [
            f"limits.{key} is not held on this host: {NO_GROUPS}"
            for key in KEYS.values()
            if wanted[key] is not None and key not in ways
        ]

    def finding(self) -> Finding:
        """Return the line of `doctor`."""
        ways = self.ways()
        keys = (*KEYS.values(), OPEN_FILES, DISK)
        said = "; ".join(f"{key}: {ways.get(key, 'not held')}" for key in keys)
        if len(ways) < len(keys):
            said = f"{said} ({NO_GROUPS})"
        return Finding("limits", True, said)

    def enter(self, name: AgentName, limits: Limits) -> tuple[str, ...]:
        """Make and set the agent's groups; return the words that put the command behind them in.

        Raises `Unavailable`.
        """
        is_alone = attrs.evolve(limits, disk_mib=None) == Limits()
        files = [] if is_alone else self._groups(name, limits)
        own = (_open_files(limits), _file_blocks(limits))
        if not files and own == ("-", "-"):
            return ()
        return ("/bin/sh", "-c", ENTER, "sh", *own, str(len(files)), *files)

    def hits(self, name: AgentName) -> dict[str, int]:
        """Return how often an agent met each limit since its container was started.

        Limits that the kernel does not count are left out, as is an agent without groups.
        """
        found = {}
        for each in self._hierarchies():
            folder = each.folder / self._group / container_name(name)
            found.update(read_hits(folder, each.version, each.controllers))
        return found

    def _groups(self, name: AgentName, limits: Limits) -> list[str]:
        """Make and set the agent's groups; return the files by which one gets in."""
        for _ in range(_TRIES):
            try:
                return [
                    str(self._set(each, name, limits) / WAY_IN[each.version])
                    for each in self._hierarchies()
                ]
            except FileNotFoundError:
                continue  # the last agent's end took the hive's group away under us
            except OSError as error:
                raise Unavailable(
                    f"cannot limit {name}: {error.filename}: {error.strerror}"
                ) from error
        raise Unavailable(f"cannot limit {name}: its control groups vanish again and again")

    def inner(self, limits: Limits) -> tuple[str, ...]:
        """Return the words to put before the command inside, for what no group holds."""
        if limits.tasks is None or self.ways().get(KEYS[TASKS]) != RLIMIT:
            return ()
        return ("/bin/sh", "-c", TASKS_INSIDE, str(limits.tasks))

    async def leave(self, name: AgentName) -> None:
        """Remove an agent's groups, and the hive's with the last.

        What was killed is in them until the kernel has let it go; one that is in use longer than a
        moment stays, and the next end finds it.
        """
        with trio.move_on_after(LEAVE_S):
            while not await trio.to_thread.run_sync(self._leave, name):  # noqa: ASYNC110
                await trio.sleep(LEAVE_POLL_S)

    def _leave(self, name: AgentName) -> bool:
        """Remove what is not in use; returns whether that was all of the agent's."""
        is_left = True
        for each in self._hierarchies():
            group = each.folder / self._group
            for folder in (group / container_name(name), group):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    continue
                except OSError:
                    is_left = is_left and folder == group
                    break
        return is_left

    def _set(self, where: _Hierarchy, name: AgentName, limits: Limits) -> Path:
        group = where.folder / self._group
        self._ensure(group)
        if where.version == 2:
            _enable(group, where.controllers)
        folder = group / container_name(name)
        self._ensure(folder)
        for controller in where.controllers:
            for file, value, is_optional in _values(where.version, controller, limits):
                try:
                    _write(folder / file, value)
                except OSError:
                    if not is_optional:
                        raise
        return folder

    def _ensure(self, folder: Path) -> None:
        try:
            self._make(folder)
        except FileExistsError:
            return

    def _hierarchies(self) -> list[_Hierarchy]:
        if self._known is None:
            try:
                self._known = self._look()
            except OSError:
                self._known = []  # a host without control groups at all
        return self._known

    def _look(self) -> list[_Hierarchy]:
        own = _own_paths((self._own / "cgroup").read_text())
        found: list[_Hierarchy] = []
        missing = list(CONTROLLERS)
        mounts = _mounts((self._own / "mountinfo").read_text())
        for version, mount, root, names in sorted(mounts, key=lambda each: -each[0]):
            key = "" if version == 2 else next((n for n in names if n in own), None)
            if key is None or key not in own:
                continue
            place = _below(mount, root, own[key])
            wanted = [name for name in missing if version == 2 or name in names]
            made = self._first_usable(version, mount, place, wanted)
            if made is not None:
                found.append(made)
                missing = [name for name in missing if name not in made.controllers]
        return found

    def _first_usable(
        self, version: int, mount: Path, place: Path, wanted: Sequence[str]
    ) -> _Hierarchy | None:
        if not wanted:
            return None
        if version == 1:
            return _Hierarchy(1, place, tuple(wanted)) if self._can_make(place) else None
        # In version 2 a group with processes in it, as ours, gives its children no controllers;
        # only the root of all may, which has no type.
        above = [place] if not (place / "cgroup.type").exists() else []
        above += [folder for folder in place.parents if folder.is_relative_to(mount)]
        for folder in above:
            available = (folder / "cgroup.controllers").read_text().split()
            controllers = tuple(name for name in wanted if name in available)
            if controllers and self._can_make(folder) and _try_enable(folder, controllers):
                return _Hierarchy(2, folder, controllers)
        return None

    def _can_make(self, folder: Path) -> bool:
        if not os.access(folder / "cgroup.procs", os.W_OK):
            return False
        group = folder / self._group
        try:
            self._ensure(group)
        except OSError:
            return False
        with suppress(OSError):
            group.rmdir()  # it was to see; one that is in use stays
        return True


def read_hits(folder: Path, version: int, controllers: Sequence[str]) -> dict[str, int]:
    """Return how often the limits of a group were met, by their keys; no group, nothing."""
    found = {}
    for controller in controllers:
        file, word = HITS.get((version, controller), ("", ""))
        if not file:
            continue
        with suppress(FileNotFoundError):
            for line in (folder / file).read_text().splitlines():
                name, _, number = line.partition(" ")
                if name == word:
                    found[KEYS[controller]] = int(number)
    return found


def _open_files(limits: Limits) -> str:
    """Return the limit as the shell takes it: never above what this process may give itself."""
    if limits.open_files is None:
        return "-"
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    is_free = most == resource.RLIM_INFINITY
    return str(limits.open_files if is_free else min(limits.open_files, most))


def file_bytes(limits: Limits) -> int | None:
    """Return how large a file may get; None: as large as it likes.

    No file is larger than all may be together; but never so small that a log is in its way.
    """
    return None if limits.disk_mib is None else max(limits.disk_mib, FILE_LEAST_MIB) * 1024 * 1024


def _file_blocks(limits: Limits) -> str:
    """Return how large a file may get, as the shell takes it: in blocks of 512 bytes."""
    size = file_bytes(limits)
    if size is None:
        return "-"
    blocks = size // 512
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    return str(blocks if most == resource.RLIM_INFINITY else min(blocks, most // 512))


def _values(version: int, controller: str, limits: Limits) -> list[tuple[str, str, bool]]:
    """Return file, value and whether a kernel may lack it, in the order to write them."""
    if controller == TASKS:
        return [("pids.max", "max" if limits.tasks is None else str(limits.tasks), False)]
    if controller == CPU:
        percent = limits.cpu_percent
        if version == 2:
            quota = "max" if percent is None else str(percent * PERIOD_US // 100)
            return [("cpu.max", f"{quota} {PERIOD_US}", False)]
        quota = "-1" if percent is None else str(percent * PERIOD_US // 100)
        return [("cpu.cfs_period_us", str(PERIOD_US), False), ("cpu.cfs_quota_us", quota, False)]
    mib = limits.memory_mib
    if version == 2:
        size = "max" if mib is None else str(mib * 1024 * 1024)
        # Without swap: a limit that one can swap past is none.
        return [
            ("memory.max", size, False),
            ("memory.swap.max", "max" if mib is None else "0", True),
        ]
    size = "-1" if mib is None else str(mib * 1024 * 1024)
    plain, with_swap = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
    # The kernel refuses to have the second below the first, at any moment.
    return [(with_swap, "-1", True), (plain, size, False), (with_swap, size, True)]


def _own_paths(text: str) -> dict[str, str]:
    """Return the groups of a process by controller, version 2's under the empty name."""
    found = {}
    for line in text.splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            found[name] = path
    return found


def _mounts(text: str) -> list[tuple[int, Path, str, list[str]]]:
    """Return version, place, root and controllers of every mounted hierarchy."""
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, rest = before.split(), after.split()
        if rest and rest[0] in {"cgroup", "cgroup2"}:
            version = 2 if rest[0] == "cgroup2" else 1
            found.append((version, Path(fields[4]), fields[3], rest[-1].split(",")))
    return found


def _below(mount: Path, root: str, path: str) -> Path:
    """Return the folder of a group whose path the kernel gives from the root of all."""
    inside = Path(path)
    if not inside.is_relative_to(root) or ".." in inside.parts:
        return mount  # a group outside of what is mounted: make ours at the top of what we see
    return mount / inside.relative_to(root)


def _try_enable(folder: Path, controllers: Sequence[str]) -> bool:
    try:
        _enable(folder, controllers)
    except OSError:
        return False
    return True


def _enable(folder: Path, controllers: Sequence[str]) -> None:
    """Give a group's children these controllers."""
    file = folder / "cgroup.subtree_control"
    has = file.read_text().split()
    missing = [f"+{name}" for name in controllers if name not in has]
    if missing:
        _write(file, " ".join(missing))


def _write(file: Path, value: str) -> None:
    # Never made: what the kernel has no file for, it does not limit.
    handle = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, value.encode())
    finally:
        os.close(handle)
