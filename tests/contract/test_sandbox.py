"""What an agent finds, and does not find, inside a sandbox."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import attrs
import pytest
import trio

from hive.errors import ProgramFailed, Unavailable
from hive.host import proc, program, syscalls
from hive.host.runtime import Bind, ContainerSpec
from hive.wire.names import MANAGER, AgentName, container_name
from tests.contract.container_subjects import RealSubject

A = AgentName("a")
B = AgentName("b")
PATIENCE_S = 20


@pytest.fixture
def hive(sandbox: RealSubject) -> RealSubject:
    """A hive of two agents; what is started is agent `a` as the daemon would mount it."""
    return _furnish(sandbox)


def _furnish(sandbox: RealSubject) -> RealSubject:
    paths = sandbox.paths
    for name in (A, B, MANAGER):
        folders = (paths.agent_run(name), paths.agent_state(name), paths.agent_claude(name))
        for folder in folders:
            folder.mkdir(parents=True)
            (folder / "mine").write_text(f"of {name}\n")
            sandbox.own(name, folder, folder / "mine")
    paths.shared.mkdir(parents=True)
    paths.shared.chmod(0o1777)
    paths.broker_db.write_text("everybody's mail")
    sandbox.binds = (
        Bind(paths.agent_run(A), "/run/hive", writable=True),
        Bind(paths.agent_state(A), "/state", writable=True),
        Bind(paths.agent_claude(A), "/root/.claude", writable=True),
        Bind(paths.shared, "/shared", writable=True),
    )
    return sandbox


async def _say(subject: RealSubject, command: str) -> list[str]:
    """Run a shell command in the container and return what it printed."""
    await subject.runtime.start(subject.shell(A, f"{{ {command}\n}} 2>&1"))
    with trio.fail_after(PATIENCE_S):
        await subject.runtime.wait_exit(A)
    said = await subject.runtime.logs(A, 500)
    await subject.runtime.destroy(A)
    return said


async def test_only_what_is_needed_stands_in_the_root(hive: RealSubject) -> None:
    expected = {"dev", "etc", "proc", "root", "run", "shared", "state", "tmp", "usr", "var"}
    links = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"}
    packages = {"nix", "gnu"}
    assert set(await _say(hive, "ls -A /")) - links - packages == expected


async def test_nobodys_home_is_there(hive: RealSubject) -> None:
    assert await _say(hive, "ls -d /home /mnt /srv /sys /boot /media 2>/dev/null; true") == []
    assert await _say(hive, "ls -A /root") == [".claude"]


async def test_the_four_directories_are_the_agents_own(hive: RealSubject) -> None:
    said = await _say(hive, "cat /run/hive/mine /state/mine /root/.claude/mine; ls -A /shared")
    assert said == ["of a"] * 3
    await _say(hive, "for d in /run/hive /state /root/.claude /shared; do echo x > $d/new; done")
    paths = hive.paths
    for folder in (paths.agent_run(A), paths.agent_state(A), paths.agent_claude(A), paths.shared):
        assert (folder / "new").read_text() == "x\n"


async def test_no_file_of_the_hive_or_of_another_agent_is_there(hive: RealSubject) -> None:
    words = [str(hive.paths.broker_db), str(hive.paths.agent_state(B)), str(hive.root)]
    assert await _say(hive, f"ls -d {' '.join(words)} 2>/dev/null; true") == []
    found = await _say(
        hive,
        "grep -rsl -e 'of b' -e 'of manager' -e 'mail' / --exclude-dir=proc"
        " --exclude-dir=usr --exclude-dir=etc --exclude-dir=dev; true",
    )
    assert found == []


async def test_the_operators_socket_is_not_there(hive: RealSubject) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(hive.paths.host_socket))
        found = await _say(hive, "find / -xdev -type s; find /run /tmp /state /shared -type s")
    assert found == []


async def test_the_environment_is_what_was_given(hive: RealSubject) -> None:
    spec = attrs.evolve(hive.shell(A, ""), argv=("/usr/bin/env", "-0"), env={"A": "b\nc", "D": "é"})
    await hive.runtime.start(spec)
    await hive.runtime.wait_exit(A)
    said = hive.record(A).log.read_text().rstrip("\0").split("\0")
    # bwrap sets PWD to the working directory, whatever it is told.
    assert sorted(said) == ["A=b\nc", "D=é", "PWD=/tmp"]


async def test_the_environment_is_on_no_command_line_of_the_host(hive: RealSubject) -> None:
    env = {"PATH": "/usr/bin", "TOKEN": f"t{os.getpid()}"}
    await hive.runtime.start(attrs.evolve(hive.shell(A, "exec sleep 100"), env=env))
    assert not [pid for pid in proc.pids() if env["TOKEN"].encode() in proc.words(pid)]


async def test_it_cannot_write_outside_its_binds(hive: RealSubject) -> None:
    places = ("/", "/usr", "/etc", "/dev", "/var", "/bin", "/lib", "/proc", "/proc/sys/kernel")
    said = await _say(hive, "; ".join(f"touch {place}/x && echo wrote {place}" for place in places))
    assert [line for line in said if line.startswith("wrote")] == []


async def test_it_cannot_set_what_the_hosts_kernel_does(hive: RealSubject) -> None:
    names = "kernel/core_pattern kernel/modprobe vm/swappiness kernel/hostname"
    loop = f"for n in {names}; do v=$(cat /proc/sys/$n) && echo $v > /proc/sys/$n && echo set; done"
    said = await _say(hive, f"{loop}; find /proc/sys /proc/irq /proc/bus -writable")
    assert "set" not in said
    assert not [line for line in said if line.startswith("/proc/")]


async def test_a_bind_that_is_not_writable_is_read_only(hive: RealSubject) -> None:
    hive.binds = (Bind(hive.paths.shared, "/shared"),)
    assert "Read-only" in (await _say(hive, "touch /shared/x"))[0]


async def test_the_temporary_directories_have_a_size(hive: RealSubject) -> None:
    said = await _say(hive, "df -Pm /tmp /run /root /dev/shm | awk 'NR>1{print $6, $2}'")
    assert sorted(said) == ["/dev/shm 256", "/root 256", "/run 64", "/tmp 1024"]


async def test_no_key_of_the_machine_is_there(hive: RealSubject) -> None:
    names = "/etc/shadow /etc/ssl/private /etc/ssh /etc/sudoers /etc/machine-id"
    assert await _say(hive, f"ls -d {names} 2>/dev/null; true") == []
    assert await _say(hive, "cut -d: -f1 /etc/passwd") in (
        ["root", "nobody"],
        ["root", "nobody", "agent"],
    )


async def test_a_new_user_namespace_is_refused(hive: RealSubject) -> None:
    said = await _say(hive, "unshare -U true && echo made; unshare -m true && echo made; true")
    assert "made" not in said


async def test_it_has_no_rights(hive: RealSubject) -> None:
    said = await _say(hive, "grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs)' /proc/self/status")
    assert [line.split()[1] for line in said] == ["0" * 16, "0" * 16, "0" * 16, "1"]


async def test_the_keyrings_of_the_daemons_user_are_out_of_reach(hive: RealSubject) -> None:
    known = syscalls.MACHINES.get(os.uname().machine)
    numbers = sorted(known[1].values()) if known else []
    here = program.find(isolated=True)
    words = (
        "import ctypes, sys; libc = ctypes.CDLL(None, use_errno=True); [print(libc.syscall(int(n),"
        " 0, 0, 0, 0, 0), ctypes.get_errno()) for n in sys.argv[1:]]"
    )
    binds = (*hive.binds, *here.binds)
    argv = (*here.argv[:-2], "-c", words, *map(str, numbers))
    env = {"PATH": "/usr/bin", **here.env}
    spec = ContainerSpec(A, argv, env, binds, "/state", user=hive.user(A))
    await hive.runtime.start(spec)
    await hive.runtime.wait_exit(A)
    assert await hive.runtime.logs(A, 50) == [f"-1 {errno.ENOSYS}"] * len(numbers)


async def test_bwraps_own_process_is_filtered_like_those_that_can_trace_it(
    hive: RealSubject,
) -> None:
    mode = "2" if os.uname().machine in syscalls.MACHINES else "0"
    said = await _say(hive, "grep -h ^Seccomp: /proc/1/status /proc/self/status")
    assert [line.split()[1] for line in said] == [mode, mode]


async def test_it_sees_its_own_processes_only(hive: RealSubject) -> None:
    assert set(await _say(hive, "cat /proc/[0-9]*/comm")) <= {"bwrap", "sh", "cat"}
    assert await _say(hive, f"kill -0 {os.getpid()} && echo reached; true") != ["reached"]


@pytest.mark.parametrize("name", ["pid", "mnt", "ipc", "uts", "user", "cgroup"])
async def test_each_namespace_is_its_own(hive: RealSubject, name: str) -> None:
    ours = os.readlink(f"/proc/self/ns/{name}")  # noqa: PTH115
    assert await _say(hive, f"readlink /proc/self/ns/{name}") not in ([ours], [])


async def test_the_host_name_is_the_containers(hive: RealSubject) -> None:
    assert await _say(hive, "uname -n") == [container_name(A)]


async def test_certificates_and_the_resolver_are_there(hive: RealSubject) -> None:
    present = [name for name in ("/etc/resolv.conf", "/etc/ssl/certs") if os.access(name, os.R_OK)]
    assert (
        await _say(hive, f"for f in {' '.join(present)}; do ls $f >/dev/null && echo $f; done")
        == present
    )


async def test_the_records_are_out_of_reach(hive: RealSubject) -> None:
    said = await _say(hive, "ls /proc/self/fd/ /proc/$$/fd/; ls -l /proc/*/fd | grep status; true")
    assert not [line for line in said if "containers" in line and "status" in line]


async def test_this_hive_runs_inside_without_its_virtual_environment(hive: RealSubject) -> None:
    here = program.find(isolated=True)
    hive.binds = (*hive.binds, *here.binds)
    (hive.paths.agent_state(A) / "attrs.py").write_text("raise SystemExit('shadowed')\n")
    words = "import attrs, trio, hive.config, sys; print(sys.prefix == sys.base_prefix)"
    argv = (*here.argv[:-2], "-c", words)
    env = {"PATH": "/usr/bin", **here.env}
    spec = ContainerSpec(A, argv, env, hive.binds, "/state", user=hive.user(A))
    await hive.runtime.start(spec)
    await hive.runtime.wait_exit(A)
    assert await hive.runtime.logs(A, 5) == ["True"]


async def test_what_was_put_in_the_place_of_a_bind_while_it_started_is_not_left_mounted(
    hive: RealSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, victim = hive.paths.agent_state(A), hive.root / "victim"
    victim.mkdir()
    spawn = hive.runtime._spawn

    def swap_and_spawn(*given: Any) -> Any:
        state.rename(state.with_name("aside"))
        state.symlink_to(victim)
        return spawn(*given)

    monkeypatch.setattr(hive.runtime, "_spawn", swap_and_spawn)
    with pytest.raises(Unavailable, match="was replaced"):
        await hive.runtime.start(hive.shell(A, "exec sleep 100"))
    assert await hive.runtime.running() == []


async def test_a_bind_below_a_link_of_the_managers_is_refused(hive: RealSubject) -> None:
    mine, victim = hive.paths.agent_root(A), hive.root / "victim"
    (victim / "state").mkdir(parents=True)
    mine.rename(mine.with_name("aside"))
    mine.symlink_to(victim)
    with pytest.raises(Unavailable, match="cannot open"):
        await hive.runtime.start(hive.shell(A, "exec sleep 100"))
    assert await hive.runtime.running() == []


TAKE_LOCK = """
import fcntl, socket, sys
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen()
    print("listening", flush=True)
    lock = socket.recv_fds(listener.accept()[0], 1, 1)[1][0]
print("taken", flush=True)
sys.stdin.readline()
fcntl.flock(lock, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""
"""Takes descriptors as a desktop's programs do, and here, when told, waits for the lock."""

SEND_LOCK = """
import array, os, socket, time
names = {os.readlink("/proc/1/fd/" + each): each for each in os.listdir("/proc/1/fd")}
lock = os.open("/proc/1/fd/" + next(names[each] for each in names if "lock" in each), os.O_RDWR)
with socket.socket(socket.AF_UNIX) as stream:
    stream.connect("/shared/taker")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [lock]))]
    stream.sendmsg([b"x"], rights)
    time.sleep(100)
"""


@pytest.mark.parametrize("is_late", [False, True])
async def test_who_was_handed_a_containers_lock_is_neither_killed_nor_in_the_way(
    shared_user: RealSubject, is_late: bool
) -> None:
    hive = _furnish(shared_user)
    here = program.find(isolated=True)
    binds = (*hive.binds, *here.binds)
    argv = (*here.argv[:-2], "-c", SEND_LOCK)
    with _taker(hive.paths.shared / "taker") as (innocent, said):
        assert await trio.to_thread.run_sync(said.readline) == b"listening\n"
        await hive.runtime.start(ContainerSpec(A, argv, {"PATH": "/usr/bin"}, binds, "/state"))
        assert await trio.to_thread.run_sync(said.readline) == b"taken\n"
        if is_late:
            await hive.runtime.stop(A, grace_s=0)
        assert innocent.stdin is not None
        innocent.stdin.write(b"\n")
        innocent.stdin.flush()
        if not is_late:
            await hive.runtime.stop(A, grace_s=0)
        assert await trio.to_thread.run_sync(said.readline) == b"locked\n"
        assert not (await hive.runtime.status(A)).is_running
        assert await _say(hive, "echo again") == ["again"]
        assert innocent.poll() is None


@contextmanager
def _taker(path: Path) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    words = [sys.executable, "-c", TAKE_LOCK, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as taker:
        try:
            assert taker.stdout is not None
            yield taker, taker.stdout
        finally:
            taker.kill()


async def test_a_bind_that_is_missing_fails_the_start_in_bwraps_own_words(
    hive: RealSubject,
) -> None:
    hive.binds = (Bind(Path("/no/such/place"), "/place"),)
    with pytest.raises(ProgramFailed, match="/no/such/place"):
        await hive.runtime.start(hive.shell(A, "true"))
    assert await hive.runtime.running() == []


async def test_the_probe_finds_nothing_amiss_here(hive: RealSubject) -> None:
    findings = await hive.runtime.probe()
    fine = [finding.what for finding in findings if finding.is_ok]
    assert fine == ["bubblewrap", "sandbox", "users", "limits"]


async def test_it_has_a_network_of_its_own_with_a_loopback_alone(hive: RealSubject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = await _say(
            hive,
            f"ls /proc/self/net/dev >/dev/null && cut -d: -f1 /proc/self/net/dev | tail -n +3;"
            f" bash -c ': </dev/tcp/127.0.0.1/{port}' && echo reached; true",
        )
    assert said[0].strip() == "lo"
    assert "reached" not in said


async def test_with_the_hosts_network_it_reaches_what_the_host_reaches(hive: RealSubject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = f"bash -c ': </dev/tcp/127.0.0.1/{server.getsockname()[1]}' && echo reached"
        spec = attrs.evolve(hive.shell(A, command), network="host")
        await hive.runtime.start(spec)
        with trio.fail_after(PATIENCE_S):
            await hive.runtime.wait_exit(A)
        assert await hive.runtime.logs(A, 500) == ["reached"]
