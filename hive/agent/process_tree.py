"""Finds and kills every process that one claude started, wherever it went.

claude runs each Bash command in a session of its own, so a signal to claude's process group leaves
them behind, and one that has detached itself is nobody's descendant any more. So every claude gets
a mark in its environment, which everything it starts inherits, and /proc is searched for it.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import attrs
import trio

MARK = "HIVE_CLAUDE_MARK"
"""Environment variable that tells which claude a process belongs to."""
ROUNDS = 100
PAUSE_S = 0.02

_PROC = Path("/proc")


@attrs.frozen
class _Process:
    pid: int
    state: str
    parent: int
    session: int


def find(root: int | None, mark: str) -> set[int]:
    """Return the pids of what `root` started, itself included, that are alive.

    A process is one of them when it descends from `root`, is of the session that `root` leads, or
    carries the mark. Zombies are left out: they are waiting for their parent only. `root` is None
    once it has been reaped, because its number may then belong to another.
    """
    processes = [p for p in map(_read, _pids()) if p is not None and p.state not in "ZX"]
    found = {p.pid for p in processes if root is not None and root in (p.pid, p.session)}
    found |= {p.pid for p in processes if _has_mark(p.pid, mark)}
    while more := {p.pid for p in processes if p.parent in found} - found:
        found |= more
    return found - {os.getpid()}


def apart(root: int, mark: str) -> set[int]:
    """Return those of `find` that `root` has put into sessions of their own.

    claude does so with the agent's commands, and not with the servers of tools it starts.
    """
    found = {pid: _read(pid) for pid in find(root, mark)}
    return {pid for pid, p in found.items() if p is not None and p.session != root}


async def kill(root: int | None, mark: str) -> bool:
    """Kill `root` and everything it started; False when something survived about 2 s of trying.

    Repeats until nothing is found, because a process may start another between look and blow.
    """
    for _ in range(ROUNDS):
        found = find(root, mark)
        if not found:
            return True
        for pid in found:
            send(pid, signal.SIGKILL)
        await trio.sleep(PAUSE_S)
    return not find(root, mark)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _read(pid: int) -> _Process | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The command stands in parentheses and may hold any byte, a closing parenthesis among them.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return _Process(pid, fields[0].decode(), int(fields[1]), int(fields[3]))


def _has_mark(pid: int, mark: str) -> bool:
    try:
        environ = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{MARK}={mark}".encode() in environ.split(b"\0")
