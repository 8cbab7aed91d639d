"""Asking the kernel for what a sandbox must not have."""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
import socket
import struct
from functools import partial
from pathlib import Path

from tests.fakes.hostile_agent.trial import Room, Trial

ROOM = Room("The kernel")
LIBC = ctypes.CDLL(None, use_errno=True)
NAMESPACES = {
    "user": 0x10000000,
    "mount": 0x00020000,
    "pid": 0x20000000,
    "network": 0x40000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
    "cgroup": 0x02000000,
}
X86_64 = {
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "bpf": 321,
    "userfaultfd": 323,
    "perf_event_open": 298,
    "io_uring_setup": 425,
}
GENERIC = {
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "bpf": 280,
    "userfaultfd": 282,
    "perf_event_open": 241,
    "io_uring_setup": 425,
}
SETTINGS = (
    "kernel/core_pattern",
    "kernel/modprobe",
    "kernel/hostname",
    "kernel/sysrq",
    "kernel/yama/ptrace_scope",
    "kernel/unprivileged_userns_clone",
    "fs/protected_symlinks",
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
)
OTHER_FILES = (
    "/proc/sysrq-trigger",
    "/proc/kcore",
    "/proc/kmsg",
    "/dev/mem",
    "/dev/kmsg",
    "/dev/sda",
    "/dev/vda",
    "/dev/fuse",
    "/dev/kvm",
    "/dev/loop-control",
    "/dev/net/tun",
    "/dev/tty",
    "/dev/console",
    "/sys/kernel/uevent_helper",
    "/sys/fs/cgroup/cgroup.procs",
)
SETGID_AND_UID = 0o6755


def call(name: str, *words: object) -> int:
    """Call the C library; raises `OSError` for -1."""
    done = int(getattr(LIBC, name)(*words))
    if done == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return done


def syscall(number: int, *words: object) -> int:
    """Make a system call by its number."""
    return call("syscall", ctypes.c_long(number), *words)


@ROOM.attempt("new namespaces", "user namespaces are switched off inside, and it has no capability")
def new_namespaces(trial: Trial) -> None:
    """Make a namespace of every kind, or enter those of process 1 and of the daemon."""
    for name, flag in NAMESPACES.items():
        trial.fails(f"unshare {name}", partial(_in_child, partial(call, "unshare", flag)))
    for pid in trial.ground["pids"]:
        for name in ("mnt", "net", "user", "pid"):
            path = f"/proc/{pid}/ns/{name}"
            trial.fails(path, lambda path=path: os.open(path, os.O_RDONLY))
    for name in ("mnt", "user", "net"):
        trial.fails(f"setns {name}", partial(_in_child, partial(_enter, f"/proc/1/ns/{name}")))


def _enter(path: str) -> int:
    handle = os.open(path, os.O_RDONLY)
    try:
        return call("setns", handle, 0)
    finally:
        os.close(handle)


def _in_child(way: partial[int]) -> int:
    """Try in a child, so that what works changes nothing here; raises its `OSError`."""
    pid = os.fork()
    if pid == 0:
        try:
            way()
            os._exit(0)
        except OSError as error:
            os._exit(error.errno or 255)
    number = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if number != 0:
        raise OSError(number, os.strerror(abs(number)))
    return 0


@ROOM.attempt("mounts", "no capability in the user namespace that owns the mounts")
def mounts(trial: Trial) -> None:
    """Mount, unmount what covers something, make the root writable, change it, make a device."""
    tmpfs = (b"none", b"/tmp", b"tmpfs", 0, None)
    trial.fails("mount", partial(call, "mount", *tmpfs))
    trial.fails("proc", partial(call, "mount", b"proc", b"/tmp", b"proc", 0, None))
    trial.fails("remount", partial(call, "mount", b"none", b"/", None, 32 | 4096, None))
    for place in (b"/etc/hive", b"/proc", b"/shared", b"/state", b"/"):
        trial.fails(f"unmount {place!r}", partial(call, "umount2", place, 2))
    trial.fails("chroot", lambda: os.chroot("/tmp") or "done")
    trial.fails("pivot_root", partial(syscall, 155 if os.uname().machine == "x86_64" else 41, 0, 0))
    trial.fails("mknod", lambda: os.mknod("/tmp/disk", 0o60666, os.makedev(8, 0)) or "made")


@ROOM.attempt(
    "the host's settings", "/proc is read-only, and what it shows of the kernel belongs to the host"
)
def settings(trial: Trial) -> None:
    """Write to the kernel's settings and devices, and to control groups."""
    for name in SETTINGS:
        path = f"/proc/sys/{name}"
        trial.fails(path, lambda path=path: os.open(path, os.O_WRONLY))
    for path in OTHER_FILES:
        trial.fails(path, lambda path=path: os.open(path, os.O_WRONLY))
    trial.fails("host name", lambda: socket.sethostname("mine") or "set")
    trial.fails("clock", partial(call, "settimeofday", struct.pack("qq", 0, 0), None))
    trial.fails("swap", partial(call, "swapoff", b"/swap"))
    trial.fails("accounting", partial(call, "acct", b"/tmp/acct"))
    trial.fails("ctrl-alt-del", partial(call, "reboot", 0))


@ROOM.attempt("calls that are not an agent's", "the system call filter that bwrap loads")
def filtered(trial: Trial) -> None:
    """Use keyrings, bpf, userfaultfd, perf and io_uring, and other architectures' calls."""
    machine = os.uname().machine
    known = {"x86_64": X86_64, "aarch64": GENERIC, "riscv64": GENERIC}.get(machine, {})
    if not known:
        trial.done(f"no filter is known for {machine}")
    for name, number in known.items():
        trial.fails(name, partial(syscall, number, 0, 0, 0, 0, 0))
    if machine == "x86_64":
        trial.fails("a call of x32", partial(syscall, 0x40000000 | 39))
        done = _as_i386(20)
        trial.holds("getpid of i386", done < 0, done)


def _as_i386(number: int) -> int:
    """Make a system call as a program of 32 bits would; return what the kernel says."""
    code = b"\x53\xb8" + struct.pack("<I", number) + b"\x31\xdb\xcd\x80\x5b\xc3"
    with mmap.mmap(-1, mmap.PAGESIZE, prot=7) as page:
        page.write(code)
        held = ctypes.c_char.from_buffer(page)
        done = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(held))()
        del held
    return int(done)


@ROOM.attempt(
    "processes of others", "a pid namespace of its own: their numbers are nobody's inside"
)
def processes(trial: Trial) -> None:
    """Signal, trace and read the memory of the daemon and of other agents' processes."""
    for pid in trial.ground["pids"]:
        if Path(f"/proc/{pid}").exists():
            continue  # the same number, and one of ours
        trial.fails(f"signal {pid}", lambda pid=pid: os.kill(pid, signal.SIGKILL) or "sent")
        trial.fails(f"trace {pid}", partial(call, "ptrace", 16, pid, None, None))
        trial.fails(f"seize {pid}", partial(call, "ptrace", 0x4206, pid, None, None))
        trial.fails(f"memory of {pid}", lambda pid=pid: os.open(f"/proc/{pid}/mem", os.O_RDWR))
        trial.fails(f"pidfd {pid}", partial(os.pidfd_open, pid))
        trial.fails(f"limits of {pid}", lambda pid=pid: resource.prlimit(pid, resource.RLIMIT_CPU))


@ROOM.attempt(
    "more rights",
    "no new privileges, no capability, and one user in the namespace",
    where_shared="the same; what it leaves with a setuid bit is the daemon's own user's, and lies"
    " where no other user comes",
)
def rights(trial: Trial) -> None:
    """Become root by setuid, by a file's bits or owner, by priority, by handles of inodes."""
    no_new = LIBC.prctl(39, 0, 0, 0, 0)
    trial.holds("no new privileges", no_new == 1, no_new)
    status = dict(
        line.split(":\t", 1)
        for line in Path("/proc/self/status").read_text().splitlines()
        if ":\t" in line
    )
    for which in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        trial.holds(which, int(status[which], 16) == 0, status[which])
    for user in {0, 1, 1000, 65534} - {os.getuid()}:
        trial.fails(f"setuid {user}", partial(_in_child, partial(call, "setuid", user)))
        trial.fails(f"setgid {user}", partial(_in_child, partial(call, "setgid", user)))
    trial.fails("priority", lambda: os.nice(-5))
    trial.fails("more open files", _raise_limit)
    trial.fails("inode by handle", partial(call, "open_by_handle_at", 3, bytes(24), 0))
    for place in ("/state", "/shared", "/run/hive", "/root/.claude"):
        _leave_setuid(trial, f"{place}/become")


def _raise_limit() -> str | None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))
    except ValueError:
        return None  # what Python makes of the kernel's refusal
    return "raised"


def _leave_setuid(trial: Trial, path: str) -> None:
    Path(path).write_bytes(Path("/usr/bin/id").read_bytes())
    for user in {0, 1} - {os.getuid()}:
        trial.fails(f"give {path} to {user}", lambda user=user: os.chown(path, user, user) or "did")
    os.chmod(path, SETGID_AND_UID)
    with os.popen(f"{path} -u") as said:
        trial.holds(path, said.read().strip() in {str(os.getuid()), ""}, "ran as itself")
    trial.fails("a capability of a file", lambda: _set_capability(path))


def _set_capability(path: str) -> str:
    os.setxattr(path, "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 21, 0, 0, 0))
    return "set"
