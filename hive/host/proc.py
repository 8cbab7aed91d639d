"""Looking at processes through /proc and ending them by pidfd, safe against reused numbers.

Everything here is small local reads of /proc and does not block; a process that is gone, or that
belongs to somebody else, reads as one without children, words or variables.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import trio

_PROC = Path("/proc")


@cache
def boot_id() -> str:
    """Return the kernel's name of this boot: no process of another boot is alive."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def pids() -> list[int]:
    """Return the number of every process that can be seen."""
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def words(pid: int) -> bytes:
    """Return a process's command line as the kernel has it; empty while it is being replaced."""
    return _read(pid, "cmdline")


def has_variable(pid: int, assignment: str) -> bool:
    """Whether a process was started with that `NAME=value` in its environment."""
    return assignment.encode() in _read(pid, "environ").split(b"\0")


def mounts(pid: int) -> str:
    """Return a process's table of mounts as the kernel writes it."""
    return os.fsdecode(_read(pid, "mountinfo"))


def is_alive(pid: int) -> bool:
    """Whether there is such a process and it has not ended; a zombie has."""
    state = _stat(pid)[:1]
    return bool(state) and state[0] not in {b"Z", b"X"}


def parent(pid: int) -> int | None:
    """Return the number of a process's parent."""
    fields = _stat(pid)
    return int(fields[1]) if len(fields) > 1 else None


def group(pid: int) -> int | None:
    """Return the process group of a process."""
    fields = _stat(pid)
    return int(fields[2]) if len(fields) > 2 else None


def children(pid: int) -> list[int]:
    """Return the numbers of a process's children, oldest first."""
    listed = _read(pid, f"task/{pid}/children")
    if listed or (_PROC / "self/task" / str(os.getpid()) / "children").exists():
        return [int(word) for word in listed.split()]
    return sorted(child for child in pids() if parent(child) == pid)


def number_inside(pid: int) -> int | None:
    """Return the number a process has in its own pid namespace."""
    for line in _read(pid, "status").splitlines():
        if line.startswith(b"NSpid:"):
            return int(line.split()[-1])
    return None


def pid_namespace(pid: int) -> int | None:
    """Return the inode of a process's pid namespace."""
    try:
        link = (_PROC / str(pid) / "ns/pid").readlink()
    except OSError:
        return None
    return int(str(link).removeprefix("pid:[").removesuffix("]"))


def group_path(pid: int) -> str:
    """Return the control group of version 2 that a process is in; "" where there is none."""
    for line in _read(pid, "cgroup").decode(errors="replace").splitlines():
        if line.startswith("0::"):
            return line.removeprefix("0::")
    return ""


def written_bytes(pid: int) -> int:
    """Return how much a process, and its children that ended, made dirty or wrote of disks."""
    for line in _read(pid, "io").splitlines():
        if line.startswith(b"write_bytes:"):
            return int(line.split()[1])
    return 0


def holders(path: Path) -> list[int]:
    """Return every process that has that file open."""
    try:
        wanted = path.stat()
    except FileNotFoundError:
        return []
    return [pid for pid in pids() if _has_open(pid, wanted)]


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    try:
        handles = list((_PROC / str(pid) / "fd").iterdir())
    except OSError:
        return False
    for handle in handles:
        try:
            found = handle.stat()
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
            return True
    return False


@contextmanager
def opened(pid: int) -> Iterator[int | None]:
    """Hold a pidfd for as long as the block lasts; None when the process is gone.

    Check inside the block that it is the process you mean: from then on a reused number is
    harmless.
    """
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def send(handle: int, number: signal.Signals) -> None:
    """Signal the process behind a pidfd; one that has ended is no error."""
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return


def send_group(group: int | None, number: signal.Signals) -> None:
    """Signal a whole process group at once; one that is gone, or that is no number, is no error.

    Hold a member of it: while that lives, or is not reaped, the number means this group.
    """
    if group is None or group <= 1:
        return
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


async def wait_ended(handle: int) -> None:
    """Wait until the process behind a pidfd has ended, reaped or not.

    The first process of a pid namespace counts as ended only when the kernel has ended all others
    in it.
    """
    await trio.lowlevel.wait_readable(handle)


def _stat(pid: int) -> list[bytes]:
    """Return the fields of a process's `stat` from its state on."""
    # The field before is the program's name in brackets and may itself hold brackets and spaces.
    return _read(pid, "stat").rpartition(b")")[2].split()


def _read(pid: int, what: str) -> bytes:
    try:
        return (_PROC / str(pid) / what).read_bytes()
    except OSError:
        return b""
