"""Which control groups are found, made, set and removed, over a made-up /proc and /sys."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from hive.errors import Unavailable
from hive.host.limits import WAY_IN, Limiter
from hive.paths import Paths
from hive.wire.agent_config import Limits
from hive.wire.names import MANAGER, AgentName

A = AgentName("a")
ALL = Limits(memory_mib=512, cpu_percent=150, tasks=200)
FILES = ("cgroup.procs", "cgroup.controllers", "cgroup.subtree_control", "cgroup.type")
VALUES = ("memory.max", "memory.swap.max", "cpu.max", "pids.max")
ALWAYS = {"open_files": "rlimit", "disk_mib": "watched"}
HELD = ("memory_mib", "cpu_percent", "tasks")
OLD_VALUES = ("memory.limit_in_bytes", "cpu.cfs_period_us", "cpu.cfs_quota_us", "pids.max")


@attrs.define
class Tree:
    """A host's control groups."""

    root: Path
    files: tuple[str, ...]
    mounts: list[str] = attrs.field(factory=list)
    own: list[str] = attrs.field(factory=list)

    def make(self, folder: Path) -> None:
        """Make a group as the kernel does, with its files."""
        folder.mkdir()
        for name in self.files:
            (folder / name).write_text("")

    def limiter(self, *, counts_tasks: bool = False) -> Limiter:
        """Return a limiter that sees this host."""
        proc = self.root / "proc"
        proc.mkdir(exist_ok=True)
        (proc / "cgroup").write_text("".join(f"{line}\n" for line in self.own))
        (proc / "mountinfo").write_text("".join(f"{line}\n" for line in self.mounts))
        paths = Paths(self.root / "state", self.root / "run")
        return Limiter(paths, counts_tasks=counts_tasks, own=proc, make=self.make)


@pytest.fixture
def new(tmp_path: Path) -> Tree:
    """Version 2 as systemd makes it, the daemon in a scope below app.slice."""
    tree = Tree(tmp_path, (*FILES, *VALUES))
    root = tmp_path / "cg"
    for name in ("", "user", "user/app", "user/app/hive.scope"):
        tree.make(root / name)
        (root / name / "cgroup.controllers").write_text("cpuset cpu io memory pids")
        (root / name / "cgroup.subtree_control").write_text("cpu memory pids")
    (root / "cgroup.type").unlink()
    tree.mounts = [f"31 23 0:28 / {root} rw,relatime - cgroup2 cgroup2 rw"]
    tree.own = ["0::/user/app/hive.scope"]
    return tree


@pytest.fixture
def old(tmp_path: Path) -> Tree:
    """Version 1, one hierarchy for each controller, cpu and cpuacct together."""
    tree = Tree(tmp_path, ("cgroup.procs", *OLD_VALUES))
    for number, names in enumerate(("cpu,cpuacct", "memory", "pids")):
        tree.make(tmp_path / names)
        (tmp_path / names / "own").mkdir()
        (tmp_path / names / "own/cgroup.procs").write_text("")
        tree.mounts.append(f"3{number} 1 0:1 / {tmp_path / names} rw - cgroup cgroup rw,{names}")
        tree.own.append(f"{number}:{names}:/own")
    return tree


def value(words: tuple[str, ...], file: str) -> list[str]:
    """Return what is set in the groups that the words lead into."""
    return [(each / file).read_text() for each in groups_of(words) if (each / file).exists()]


def groups_of(words: tuple[str, ...]) -> list[Path]:
    """Return the groups that the words lead into."""
    return [Path(word).parent for word in words if Path(word).name in WAY_IN.values()]


def test_version_2_stands_beside_the_daemons_own_group(new: Tree) -> None:
    limiter = new.limiter()
    assert limiter.ways() == {**dict.fromkeys(HELD, "cgroup v2"), **ALWAYS}
    words = limiter.enter(A, ALL)
    (file,) = [Path(word) for word in words if word.endswith("cgroup.procs")]
    assert file.parent.name == "h-a"
    assert file.parents[2] == new.root / "cg/user/app"
    assert value(words, "memory.max") == [str(512 * 1024 * 1024)]
    assert value(words, "memory.swap.max") == ["0"]
    assert value(words, "cpu.max") == ["150000 100000"]
    assert value(words, "pids.max") == ["200"]
    assert (file.parents[1] / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"


def test_what_is_not_limited_is_set_free(new: Tree) -> None:
    limiter = new.limiter()
    limiter.enter(MANAGER, ALL)
    words = limiter.enter(MANAGER, Limits(tasks=70))
    assert value(words, "memory.max")[0].startswith("max")
    assert value(words, "cpu.max")[0].startswith("max 100000")
    assert Path(words[-1]).parent.name == "hm1nd"


def test_a_group_that_belongs_to_somebody_else_is_passed_over(new: Tree) -> None:
    (new.root / "cg/user/app/cgroup.controllers").write_text("io")
    words = new.limiter().enter(A, ALL)
    assert Path(words[-1]).parents[2] == new.root / "cg/user"


def test_only_the_root_of_all_may_have_processes_of_its_own(new: Tree) -> None:
    new.own = ["0::/"]
    assert Path(new.limiter().enter(A, ALL)[-1]).parents[2] == new.root / "cg"
    (new.root / "cg/cgroup.type").write_text("domain")
    assert new.limiter().ways() == ALWAYS


def test_version_1_stands_below_the_daemons_own_groups(old: Tree) -> None:
    limiter = old.limiter()
    assert limiter.ways() == {**dict.fromkeys(HELD, "cgroup v1"), **ALWAYS}
    words = limiter.enter(A, ALL)
    files = [Path(word) for word in words if word.endswith("/tasks")]
    assert {file.parents[2].name for file in files} == {"own"}
    assert len(files) == 3
    assert words[4:7] == ("-", "-", "3")
    assert str(512 * 1024 * 1024) in value(words, "memory.limit_in_bytes")
    assert "150000" in value(words, "cpu.cfs_quota_us")
    assert "200" in value(words, "pids.max")


def test_without_a_limit_of_the_kernels_no_group_is_made(new: Tree) -> None:
    assert new.limiter().enter(A, Limits()) == ()
    words = new.limiter().enter(A, Limits(disk_mib=64))
    assert not [word for word in words if word.endswith("cgroup.procs")]


@pytest.mark.parametrize(("disk_mib", "file_mib"), [(1, 64), (64, 64), (300, 300)])
def test_no_file_gets_larger_than_all_may_be(tmp_path: Path, disk_mib: int, file_mib: int) -> None:
    words = Tree(tmp_path, ()).limiter().enter(A, Limits(disk_mib=disk_mib))
    most = file_mib << 20
    grow = f"import os; os.truncate('x', {most}); os.truncate('x', {most} + 1)"
    (tmp_path / "x").touch()
    command = [*words, sys.executable, "-c", grow]
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert "File too large" in said.stderr
    assert (tmp_path / "x").stat().st_size == most


def test_open_files_are_limited_without_groups_too(tmp_path: Path) -> None:
    words = Tree(tmp_path, ()).limiter().enter(A, Limits(open_files=300))
    said = subprocess.run([*words, "/bin/sh", "-c", "ulimit -n"], capture_output=True, text=True)
    assert said.stdout == "300\n"


def test_open_files_beyond_the_daemons_own_are_what_the_daemon_has(tmp_path: Path) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    words = Tree(tmp_path, ()).limiter().enter(A, Limits(open_files=most + 1))
    assert words[4] == str(most)


def test_how_often_a_limit_was_met_is_what_the_kernel_counted(new: Tree, old: Tree) -> None:
    for tree, file in ((new, "memory.events"), (old, "memory.oom_control")):
        limiter = tree.limiter()
        groups = groups_of(limiter.enter(A, ALL))
        for group in groups:
            (group / file).write_text("low 0\noom 3\noom_kill 2\n")
            (group / "pids.events").write_text("max 7\n")
        assert limiter.hits(A) == {"memory_mib": 2, "tasks": 7}
        assert limiter.hits(MANAGER) == {}


@pytest.mark.parametrize("text", ["", "0::/", "9:name=systemd:/\n0::/\n"])
async def test_a_host_without_groups_says_so(tmp_path: Path, text: str) -> None:
    tree = Tree(tmp_path, (), [], text.splitlines())
    limiter = tree.limiter()
    assert limiter.ways() == ALWAYS
    assert len(limiter.unheld(ALL)) == 3
    assert limiter.unheld(Limits()) == []
    assert limiter.enter(A, ALL) == ()
    assert "not held" in limiter.finding().detail
    assert limiter.finding().is_ok
    await limiter.leave(A)


def test_a_process_limit_is_the_last_resort_for_tasks_alone(tmp_path: Path) -> None:
    limiter = Tree(tmp_path, ()).limiter(counts_tasks=True)
    assert limiter.ways() == {"tasks": "rlimit", **ALWAYS}
    assert limiter.inner(ALL)[-1] == "200"
    assert limiter.inner(Limits(memory_mib=512)) == ()
    assert [line.split(" ")[0] for line in limiter.unheld(ALL)] == [
        "limits.memory_mib",
        "limits.cpu_percent",
    ]


def test_a_group_comes_before_a_process_limit(new: Tree) -> None:
    limiter = new.limiter(counts_tasks=True)
    assert limiter.ways()["tasks"] == "cgroup v2"
    assert limiter.inner(ALL) == ()


def test_a_value_the_kernel_refuses_fails_the_start(new: Tree) -> None:
    limiter = new.limiter()
    file = Path(limiter.enter(A, ALL)[-1]).with_name("memory.max")
    file.unlink()
    file.mkdir()
    with pytest.raises(Unavailable, match=r"cannot limit a: .*memory\.max"):
        limiter.enter(A, ALL)
