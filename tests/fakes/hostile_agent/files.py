"""Reaching for files and sockets that are not this agent's."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from tests.fakes.hostile_agent.kernel import syscall
from tests.fakes.hostile_agent.trial import STEERING, Room, Trial, read, unix

ROOM = Room("Files and sockets")
PIDFD_GETFD = 438
"""The same number on every architecture."""
NOT_WALKED = (sys.base_prefix, "/proc", "/dev", "/usr", "/opt", "/nix", "/gnu", "/lib", "/bin")


def _pids() -> list[str]:
    return [each for each in os.listdir("/proc") if each.isdigit()]


def _victims(trial: Trial) -> list[str]:
    return [str(each) for each in trial.ground["victims"]]


@ROOM.attempt(
    "others' files by the host's paths", "the sandbox has a root of its own that lacks them"
)
def by_host_paths(trial: Trial) -> None:
    """Open the operator's, the daemon's, the manager's and another agent's files by their names."""
    for path in (*_victims(trial), *trial.ground["folders"]):
        trial.fails(f"open {path}", lambda path=path: os.open(path, os.O_RDONLY))


@ROOM.attempt(
    "others' files by way of /proc", "a pid namespace of its own: /proc has no process of the host"
)
def by_proc(trial: Trial) -> None:
    """Walk out through root, cwd and exe of every process, number 1 and its parents among them."""
    for pid in (*_pids(), "self", *map(str, trial.ground["pids"])):
        for link in ("root", "cwd", "exe", "task/1/root", "task/1/cwd"):
            for path in _victims(trial):
                for way in (f"/proc/{pid}/{link}{path}", f"/proc/{pid}/{link}/../../../..{path}"):
                    trial.fails(way, lambda way=way: os.open(way, os.O_RDONLY))


@ROOM.attempt(
    "handles that were left open",
    "the daemon opens everything close-on-exec; bwrap is given descriptors of its own files alone",
)
def by_descriptors(trial: Trial) -> None:
    """Open again what any process here holds in /proc/PID/fd and /dev/fd, and step out of it."""
    for pid in (*_pids(), "self"):
        folder = f"/proc/{pid}/fd"
        try:
            handles = os.listdir(folder)
        except OSError:
            trial.tried += 1
            continue
        for handle in handles:
            _by_descriptor(trial, f"{folder}/{handle}")
    for path in _victims(trial):
        trial.fails("/dev/fd", lambda path=path: os.open(f"/dev/fd/0/..{path}", os.O_RDONLY))


def _by_descriptor(trial: Trial, link: str) -> None:
    try:
        target, kind = os.readlink(link), os.stat(link).st_mode
        if stat.S_ISREG(kind):
            trial.looked(f"{link} ({target})", read(link))
        if stat.S_ISDIR(kind):
            for path in _victims(trial):
                trial.fails(link, lambda path=path: os.open(f"{link}/../..{path}", os.O_RDONLY))
        is_daemons = target.startswith(trial.ground["root"]) and "/containers/" not in target
        trial.holds(link, not is_daemons, target)
    except OSError:
        trial.tried += 1


@ROOM.attempt(
    "handles taken from other processes",
    "what bwrap holds says nothing alone: its monitor outside holds a lock that nobody inside sees",
)
def taken_descriptors(trial: Trial) -> None:
    """Copy the descriptors of process 1 and of the harness, unlock its lock, write in its log."""
    for pid in _pids():
        try:
            handles = os.listdir(f"/proc/{pid}/fd")
            process = os.pidfd_open(int(pid))
        except OSError:
            trial.tried += 1
            continue
        for handle in handles:
            with suppress(OSError):
                _misuse(trial, f"{pid}/{handle}", syscall(PIDFD_GETFD, process, int(handle), 0))
        os.close(process)
    trial.done("that the daemon knows it for running, and ends all of it")


def _misuse(trial: Trial, what: str, handle: int) -> None:
    try:
        target = os.readlink(f"/proc/self/fd/{handle}")
        if not target.startswith(trial.ground["root"]):
            return
        own = f"{trial.ground['root']}/state/containers/mallory/"
        trial.holds(what, target.startswith((own + "lock", own + "log")), target)
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.write(handle, STEERING.encode() + b"\n")
    finally:
        os.close(handle)


@ROOM.attempt(
    "what the mounts are made from",
    "what a mount table tells is a name of the host's tree, and no way into it",
)
def by_mounts(trial: Trial) -> None:
    """Take the sources in mountinfo for paths, beside and above what is mounted."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        source, place = line.split()[3:5]
        if source.startswith(trial.ground["root"]):
            trial.fails(f"open {source}", lambda source=source: os.open(source, os.O_RDONLY))
        for path in _victims(trial):
            trial.fails(
                f"{place}/..", lambda path=path, at=place: os.open(f"{at}/../..{path}", os.O_RDONLY)
            )


@ROOM.attempt(
    "a search of everything",
    "only the agent's own directories and read-only programs are mounted, its secrets placeholders",
)
def by_search(trial: Trial) -> None:
    """Read every file that can be found, for the other agents' and the operator's secrets."""
    for path in _everything():
        try:
            trial.looked(path, read(path))
        except OSError:
            trial.tried += 1


def _everything() -> Iterator[str]:
    for at, folders, files in os.walk("/"):
        folders[:] = [each for each in folders if os.path.join(at, each) not in NOT_WALKED]
        for name in files:
            path = os.path.join(at, name)
            if os.path.islink(path) or os.path.isfile(path):
                yield path


@ROOM.attempt(
    "secrets of processes",
    "environments are built from nothing, and what is secret stays with the daemon",
)
def by_processes(trial: Trial) -> None:
    """Read environment, command line and memory maps of every process."""
    for pid in _pids():
        for what in ("environ", "cmdline", "maps", "auxv"):
            try:
                trial.looked(f"{what} of {pid}", read(f"/proc/{pid}/{what}"))
            except OSError:
                trial.tried += 1


@ROOM.attempt("others' sockets", "no socket but the agent's own is in its mount namespace")
def others_sockets(trial: Trial) -> None:
    """Connect to the operator's socket, and to another agent's and the manager's, by any path."""
    for path in trial.ground["sockets"]:
        for way in (path, f"/proc/1/root{path}", f"/run/hive/../..{path}"):
            trial.fails(way, lambda way=way: unix(way).getpeername())
    for name in ("../host.sock", "../../host.sock", f"../{trial.ground['other']}/mcp.sock"):
        trial.fails(name, lambda name=name: unix(f"/run/hive/{name}").getpeername())


@ROOM.attempt(
    "writing where it may only read", "binds that are read-only, a root and /proc that are too"
)
def read_only(trial: Trial) -> None:
    """Write to its settings, the programs it runs, the root, the devices and the kernel's."""
    places = ["/", "/etc", "/etc/hive", "/usr", "/usr/bin", "/opt/hive", "/proc", "/dev", "/var"]
    for place in places:
        new = os.path.join(place, "mine")
        trial.fails(new, lambda new=new: os.open(new, os.O_WRONLY | os.O_CREAT))
    there = ["/etc/hive/harness.json", "/etc/passwd", "/usr/bin/env", *_programs()]
    for path in there:
        trial.fails(path, lambda path=path: os.open(path, os.O_WRONLY))
        trial.fails(f"remove {path}", partial(os.unlink, path))
        trial.fails(f"mode of {path}", partial(_chmod, path))


def _chmod(path: str) -> str:
    os.chmod(path, 0o777)
    return "changed"


def _programs() -> list[str]:
    found = []
    for at, _, files in os.walk("/opt/hive"):
        found += [os.path.join(at, name) for name in files if name == "lines.py"]
    return found


@ROOM.attempt(
    "another agent's shared file",
    "a user of its own and a sticky directory",
    where_shared="**it works**: agents are one user, and `/shared` is theirs together",
    works=True,
)
def others_shared(trial: Trial) -> None:
    """Read, change, replace, rename and hard-link what another agent keeps in /shared."""
    path = "/shared/private"
    trial.fails("read", lambda: os.open(path, os.O_RDONLY))
    trial.fails("write", lambda: os.open(path, os.O_WRONLY))
    trial.fails("mode", partial(_chmod, path))
    trial.fails("rename", lambda: [os.rename(path, "/shared/taken")])
    trial.fails("replace", lambda: [os.replace("/shared/ground.json", path)])
    trial.fails("remove", lambda: [os.unlink(path)])
    Path("/shared/mallorys").write_text("x")
    if Path("/proc/sys/fs/protected_hardlinks").read_text().strip() == "1":
        trial.fails("hard link", lambda: [os.link(path, "/shared/linked")])
