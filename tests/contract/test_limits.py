"""What a container may use is held by this host's kernel, or it is said that it is not."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import attrs
import trio

from hive.host import proc
from hive.host.limits import Limiter
from hive.host.runtime import Bind
from hive.paths import Paths
from hive.wire.agent_config import Limits
from hive.wire.names import AgentName
from tests.contract.container_subjects import RealSubject

A = AgentName("a")
B = AgentName("b")
PATIENCE_S = 30
SIZE = 300 * 1024 * 1024
HOARD = f"head -c {SIZE} /dev/zero | tail -c {SIZE} | wc -c"
"""`tail` keeps all of it in memory; the number is what came through."""
FEW = 8 * 1024 * 1024
FORK = "i=0; while [ $i -lt 60 ]; do sleep 2 >/dev/null 2>&1 & i=$((i+1)); done; echo all of them"
BURN = "timeout 2 sh -c 'while :; do :; done'; times"
NOBODY = 65534


async def _say(subject: RealSubject, command: str, limits: Limits) -> str:
    """Run a shell command under limits and return what it printed."""
    spec = subject.shell(A, f"{{ {command}\n}} 2>&1")
    await subject.runtime.start(attrs.evolve(spec, limits=limits))
    with trio.fail_after(PATIENCE_S):
        await subject.runtime.wait_exit(A)
    said = await subject.runtime.logs(A, 500)
    await subject.runtime.destroy(A)
    return "\n".join(said)


def _holds(subject: RealSubject, key: str, said: str) -> bool:
    """Whether this host holds that limit; one it does not hold stands in the container's log."""
    is_held = key in Limiter(subject.paths, counts_tasks=False).ways()
    assert is_held != (f"limits.{key} is not held on this host" in said)
    return is_held


async def test_memory_above_the_limit_is_not_to_be_had(real: RealSubject) -> None:
    said = await _say(real, HOARD, Limits(memory_mib=64))
    assert (str(SIZE) not in said) == _holds(real, "memory_mib", said)


async def test_memory_within_the_limit_is(real: RealSubject) -> None:
    said = await _say(real, HOARD, Limits(memory_mib=1024))
    assert str(SIZE) in said


async def test_no_more_processes_than_the_limit(real: RealSubject) -> None:
    said = await _say(real, FORK, Limits(tasks=30))
    assert ("all of them" not in said) == _holds(real, "tasks", said)


async def test_no_more_of_a_core_than_the_limit(real: RealSubject) -> None:
    said = await _say(real, BURN, Limits(cpu_percent=20))
    if _holds(real, "cpu_percent", said):
        minutes, seconds = said.splitlines()[-1].split()[0].rstrip("s").split("m")
        assert int(minutes) == 0
        assert float(seconds) < 1.0


async def test_no_more_open_files_than_the_limit(real: RealSubject) -> None:
    said = await _say(real, "ulimit -n; ulimit -Hn", Limits(open_files=256))
    assert said.splitlines() == ["256", "256"]


async def test_who_met_a_limit_is_known_while_it_runs(real: RealSubject) -> None:
    limits = Limits(memory_mib=64, tasks=30)
    spec = attrs.evolve(real.shell(A, f"({HOARD}); ({FORK}); exec sleep 1000"), limits=limits)
    await real.runtime.start(spec)
    held = set(Limiter(real.paths, counts_tasks=False).ways()) & {"memory_mib", "tasks"}
    with trio.fail_after(PATIENCE_S):
        while {key for key, n in (await real.runtime.hits(A)).items() if n} != held:  # noqa: ASYNC110
            await trio.sleep(0.05)
    await real.runtime.stop(A, grace_s=1)
    assert await real.runtime.hits(A) == {}


async def test_without_limits_there_is_nothing_in_the_way(real: RealSubject) -> None:
    assert "all of them" in await _say(real, FORK, Limits())


async def test_the_agents_of_a_hive_stand_in_one_group_which_goes_with_the_last(
    real: RealSubject,
) -> None:
    limits = Limits(memory_mib=256, cpu_percent=100, tasks=100)
    for name in (A, B):
        await real.runtime.start(attrs.evolve(real.shell(name, "exec sleep 1000"), limits=limits))
    groups = [_groups(real.first(name)) for name in (A, B)]
    if Limiter(real.paths, counts_tasks=False).ways():
        assert {Path(group).name for group in groups[0]} == {"h-a"}
        assert {Path(group).parent for group in groups[0]} == {
            Path(group).parent for group in groups[1]
        }
    else:
        assert groups == [set(), set()]
    for name in (A, B):
        await real.runtime.stop(name, grace_s=1)
    assert not _left(groups[0] | groups[1])


async def test_a_second_start_takes_the_limits_of_the_second(real: RealSubject) -> None:
    await _say(real, "true", Limits(memory_mib=64))
    said = await _say(real, HOARD, Limits(memory_mib=1024))
    assert str(SIZE) in said


def test_an_ordinary_users_sandbox_counts_its_own_processes(tmp_path: Path) -> None:
    nothing = tmp_path / "proc"
    limiter = Limiter(Paths(tmp_path, tmp_path), counts_tasks=True, own=nothing)
    assert limiter.ways()["tasks"] == "rlimit"
    words = limiter.inner(Limits(tasks=30))
    bwrap = shutil.which("bwrap")
    assert bwrap is not None
    argv = [bwrap, "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--dev", "/dev"]
    argv += ["--proc", "/proc", "--chdir", "/", "--", *words, "/bin/sh", "-c", FORK]
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(argv, capture_output=True, text=True, cwd="/", check=False, **user)  # type: ignore[call-overload]
    assert done.returncode != 0
    assert "all of them" not in done.stdout
    assert "fork" in done.stderr.lower()


def _groups(pid: int) -> set[str]:
    """Return the hive's groups among those of a process."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return {path for line in lines if "/hive-" in (path := line.split(":", 2)[2])}


def _left(groups: set[str]) -> list[Path]:
    roots = [
        Path(line.split()[4])
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
        if " - cgroup" in line
    ]
    return [
        place for root in roots for group in groups if (place := root / group[1:]).parent.exists()
    ]


async def test_what_a_container_wrote_is_known_whatever_became_of_the_file(
    real: RealSubject, tmp_path: Path
) -> None:
    """As of what the kernel counts for ourselves: nothing, where the disk is memory."""
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    before = proc.written_bytes(os.getpid())
    (folder / "own").write_bytes(bytes(FEW))
    ours = proc.written_bytes(os.getpid()) - before
    place = str(folder) if real.kind == "process" else "/disk"
    # By a child that ended, into a file without a name.
    write = f"(head -c {FEW} /dev/zero; rm {place}/x) >{place}/x; echo written; exec sleep 1000"
    spec = attrs.evolve(real.shell(A, write), limits=Limits())
    if real.kind != "process":
        spec = attrs.evolve(spec, binds=(*spec.binds, Bind(folder, place, writable=True)))
    await real.runtime.start(spec)
    await real.runtime.start(real.shell(B, "exec sleep 1000"))
    with trio.fail_after(PATIENCE_S):
        while "written" not in await real.runtime.logs(A, 10):  # noqa: ASYNC110
            await trio.sleep(0.01)
    written = await real.another().written()
    assert set(written) == {A, B}
    assert written[A] >= ours
    assert written[B] < FEW
    await real.sweep()
    assert await real.runtime.written() == {}
