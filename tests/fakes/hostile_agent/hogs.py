"""Taking all there is, within bounds: the test gives small limits."""

from __future__ import annotations

import os
import resource
import signal
import time
from functools import partial
from pathlib import Path

from tests.fakes.hostile_agent.kernel import syscall
from tests.fakes.hostile_agent.trial import Room, Trial

ROOM = Room("Amounts")
MIB = 1 << 20
FORKS_MOST = 600
FILES_MOST = 5000


@ROOM.attempt(
    "a fork bomb",
    "limits.tasks, by a control group or the user's own number",
    where_shared="limits.tasks, by a control group or the number of one sandbox's processes",
)
def forks(trial: Trial) -> None:
    """Fork until it fails."""
    if "tasks" not in trial.ground["held"]:
        trial.done("limits.tasks is not held on this host, and doctor says so")
        return
    leader = os.fork()
    if leader == 0:
        os._exit(_bomb())
    number = os.waitstatus_to_exitcode(os.waitpid(leader, 0)[1])
    trial.holds("fork fails in the end", number == 0, number)


def _bomb() -> int:
    """Fork until it fails, then end them all; 0 when it failed."""
    children: list[int] = []
    done = 1
    while len(children) < FORKS_MOST:
        try:
            pid = os.fork()
        except OSError:
            done = 0
            break
        if pid == 0:
            signal.pause()
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)
    return done


@ROOM.attempt(
    "all memory",
    "limits.memory_mib by a control group, its whole tree counted",
    where_shared="the same where the user may make control groups, else nothing; `doctor` says so",
)
def memory(trial: Trial) -> None:
    """Take three times the memory it may have."""
    wanted = 3 * trial.ground["memory_mib"]
    if "memory_mib" not in trial.ground["held"]:
        trial.done("limits.memory_mib is not held on this host, and doctor says so")
        return
    pid = os.fork()
    if pid == 0:
        try:
            taken = [bytearray(os.urandom(16)) * (MIB // 16) for _ in range(wanted)]
            os._exit(len(taken) and 0)
        except MemoryError:
            os._exit(7)
    number = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    trial.holds("it is ended", number in {-signal.SIGKILL, 7}, number)


@ROOM.attempt("all open files", "limits.open_files, of each process")
def open_files(trial: Trial) -> None:
    """Open files until it fails."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    trial.holds("its limit", most <= trial.ground["open_files"], most)
    held: list[int] = []
    try:
        while len(held) < FILES_MOST:
            held.append(os.open("/dev/null", os.O_RDONLY))
        trial.worked.append(f"{len(held)} open files")
    except OSError as error:
        trial.holds("opening fails in the end", len(held) < most, error)
    finally:
        for handle in held:
            os.close(handle)


@ROOM.attempt("all of a temporary directory", "a tmpfs of its own with a size")
def temporary(trial: Trial) -> None:
    """Write more into /run than its 64 MiB."""
    path = Path("/run/fill")
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(80):
                file.write(bytes(MIB))
        trial.worked.append("80 MiB were written")
    except OSError as error:
        trial.holds("it is full", error.errno is not None, error)
    finally:
        path.unlink(missing_ok=True)


@ROOM.attempt("one file of all the disk", "the size of a file is a limit of each process")
def large_file(trial: Trial) -> None:
    """Make a file larger than limits.disk_mib, by a hole and by what is written behind one."""
    most = trial.ground["disk_mib"] * MIB
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for place in ("/state/large", "/shared/large", "/run/hive/large"):
        handle = os.open(place, os.O_WRONLY | os.O_CREAT)
        trial.fails(f"a hole in {place}", partial(_grow, handle, most + 1))
        trial.fails(f"behind {place}", lambda h=handle: os.pwrite(h, b"x", most) or None)
        trial.holds("its size", os.fstat(handle).st_size == 0, place)
        os.close(handle)
        os.unlink(place)


def _grow(handle: int, size: int) -> str:
    os.ftruncate(handle, size)
    return "grown"


@ROOM.attempt(
    "room without writing", "the system call filter answers as a file system that has none to give"
)
def room(trial: Trial) -> None:
    """Take half of limits.disk_mib at one call, in every directory it may write to."""
    if os.uname().machine not in {"x86_64", "aarch64", "riscv64"}:
        trial.done("no filter is known for this machine")
        return
    number = 285 if os.uname().machine == "x86_64" else 47
    for place in ("/state", "/shared", "/run/hive", "/root/.claude", "/tmp"):
        path = f"{place}/room"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT)
        size = trial.ground["disk_mib"] * MIB // 2
        trial.fails(place, partial(syscall, number, handle, 0, 0, size))
        os.close(handle)
        os.unlink(path)


@ROOM.attempt("all of the processor", "nothing needs to: the kernel shares it, limits.cpu_percent")
def processor(trial: Trial) -> None:
    """Count as fast as it can in as many processes as there are processors, for half a second."""
    end = time.monotonic() + 0.5
    children = []
    for _ in range(2 * (os.cpu_count() or 1)):
        pid = os.fork()
        if pid == 0:
            while time.monotonic() < end:
                pass
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    trial.done("that the daemon answers all the while")


@ROOM.attempt(
    "all of the disk",
    "the daemon counts it, and stops who is a tenth above limits.disk_mib",
    where_shared="the same, but for what lies in `/shared`; the reserve holds for that too",
)
def disk(trial: Trial) -> None:
    """Write half as much again as limits.disk_mib into files of /state."""
    for number in range(3):
        with Path(f"/state/fill{number}").open("wb", buffering=0) as file:
            file.writelines(os.urandom(MIB) for _ in range(trial.ground["disk_mib"] // 2))
    trial.done("that the daemon stops it")
