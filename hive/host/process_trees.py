"""Everything a container's command started: finding its first process and ending all of them.

Two kinds: a sandbox, where the kernel keeps the tree together by a pid namespace, and a marked
tree, found by a variable in the environment of every process in it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Protocol

import attrs
import trio

from hive.errors import Unavailable
from hive.host import proc
from hive.host.records import Record, Run, Told
from hive.wire.names import AgentName

FIRST_NUMBER = 2
"""In a sandbox bwrap is process 1; numbers under 300 are never used again by the kernel."""

END_S = 10.0
"""How long processes may take to vanish after SIGKILL."""
_PASSES = 200
_POLL_S = 0.001
_HOLDERS_S = 1.0
"""After this whatever holds the lock is killed, even when it never told its number."""


class Tree(Protocol):
    """The processes of one run."""

    def anchor(self) -> int | None:
        """Return the process that keeps the tree together, while it lives and is really it."""
        ...

    def first(self) -> int | None:
        """Return the container's command, while it lives."""
        ...

    def holds(self, pid: int) -> bool:
        """Whether a process is one of them."""
        ...

    def kill(self) -> bool:
        """Send SIGKILL to what is there; false when nothing was."""
        ...


@attrs.frozen
class SandboxTree:
    """A tree in its own pid namespace, held by the bwrap that is process 1 of it."""

    told: Told

    def anchor(self) -> int | None:
        """Return bwrap's process 1."""
        pid, namespace = self.told.anchor, self.told.pid_namespace
        if pid is None or namespace is None or proc.pid_namespace(pid) != namespace:
            return None
        return pid if proc.is_alive(pid) else None

    def first(self) -> int | None:
        """Return process 2, which bwrap started before any other could appear."""
        anchor = self.anchor()
        if anchor is None:
            return None
        for pid in proc.children(anchor):
            if proc.number_inside(pid) == FIRST_NUMBER:
                return pid
        return None

    def holds(self, pid: int) -> bool:
        """Whether a process is in the namespace."""
        namespace = self.told.pid_namespace
        return namespace is not None and proc.pid_namespace(pid) == namespace

    def kill(self) -> bool:
        """Kill process 1; the kernel ends the others with it."""
        return self.told.anchor is not None and _kill(self.told.anchor, self)


@attrs.frozen
class MarkedTree:
    """A tree under a shell that waits for the command; every process carries the marker."""

    marker: str
    told: Told

    def anchor(self) -> int | None:
        """Return the shell."""
        pid = self.told.anchor
        return pid if pid is not None and proc.has_variable(pid, self.marker) else None

    def first(self) -> int | None:
        """Return the shell's only child."""
        anchor = self.anchor()
        return next(iter(proc.children(anchor)), None) if anchor is not None else None

    def holds(self, pid: int) -> bool:
        """Whether a process carries the marker."""
        return proc.has_variable(pid, self.marker)

    def kill(self) -> bool:
        """Kill what carries the marker and what descends from it; the shell only when alone.

        The shell comes last so that it can write down how the command ended.
        """
        anchor = self.anchor()
        spared = {os.getpgrp(), proc.group(anchor) if anchor is not None else None}
        seen, killed = {anchor}, set[int | None]()
        # A pass over the new ones only is quick enough to overtake what forks all the time.
        for _ in range(_PASSES):
            fresh = [pid for pid in proc.pids() if pid not in seen]
            parents = {pid: proc.parent(pid) for pid in fresh}
            found = 0
            for pid, parent in sorted(parents.items()):
                is_ours = parent in {anchor} | killed or proc.has_variable(pid, self.marker)
                if is_ours and _send_kill(pid, spared):
                    killed.add(pid)
                    found += 1
            seen.update(fresh)
            if not found:
                break
        if killed:
            return True
        return anchor is not None and _kill(anchor, self)


def _send_kill(pid: int, spared: set[int | None]) -> bool:
    with proc.opened(pid) as handle:
        if handle is None or not proc.is_alive(pid):
            return False
        group = proc.group(pid)
        if group not in spared:
            # At one stroke: nobody in a group can fork past a signal to all of it, while what
            # forks faster than /proc is read would always be a child ahead.
            proc.send_group(group, signal.SIGKILL)
        proc.send(handle, signal.SIGKILL)
        return True


def _kill(pid: int, tree: Tree) -> bool:
    with proc.opened(pid) as handle:
        if handle is None or tree.anchor() != pid:
            return False
        proc.send(handle, signal.SIGKILL)
        return True


def tree_of(record: Record, run: Run) -> Tree:
    """Return the tree of a run, whichever runtime started it."""
    told = record.told() if run.boot_id == proc.boot_id() else Told()
    return MarkedTree(run.marker, told) if run.marker else SandboxTree(told)


def written(trees: Mapping[AgentName, Tree]) -> dict[AgentName, int]:
    """Return what the processes of each tree wrote, at one pass over all processes."""
    found = dict.fromkeys(trees, 0)
    for pid in proc.pids():
        for name, tree in trees.items():
            if tree.holds(pid):
                found[name] += proc.written_bytes(pid)
                break
    return found


async def end(record: Record, run: Run) -> None:
    """Kill everything of a run; returns once it is gone, however long that takes.

    Two may end the same run. Who is behind leaves the next one alone, which the other has started.
    """
    anchor = tree_of(record, run).anchor()
    if anchor is not None:
        await _end_anchor(anchor, record, run)
    await _end_rest(record, run)


def _is_newest(record: Record, run: Run) -> bool:
    return record.run() == run


async def _end_anchor(anchor: int, record: Record, run: Run) -> None:
    """Kill until the anchor has ended; a sandbox has then ended as a whole."""
    with proc.opened(anchor) as handle:
        ended = trio.Event()
        if handle is None:
            return

        async def watch() -> None:
            await proc.wait_ended(handle)
            ended.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            while not ended.is_set() and _is_newest(record, run):
                tree_of(record, run).kill()
                with trio.move_on_after(_POLL_S):
                    await ended.wait()


async def _end_rest(record: Record, run: Run) -> None:
    """Kill what is left without an anchor, and what holds the lock without ever having told."""
    holders_from = trio.current_time() + _HOLDERS_S
    while _is_newest(record, run) and (tree_of(record, run).kill() or record.is_locked()):
        if trio.current_time() > holders_from:
            if _has_told(record, run):
                record.leave_lock()
            else:
                _kill_holders(record)
        await trio.sleep(_POLL_S)


def _has_told(record: Record, run: Run) -> bool:
    """Whether a sandbox's namespace was known, and with it everything that was in it.

    What ran in there could hand its lock out through a socket, to anybody who takes descriptors; so
    who holds it then is not to be killed for that.
    """
    return not run.marker and record.told().anchor is not None


def _kill_holders(record: Record) -> None:
    for pid in proc.holders(record.lock):
        if pid != os.getpid():
            with proc.opened(pid) as handle:
                if handle is not None:
                    proc.send(handle, signal.SIGKILL)


async def sweep(record: Record) -> None:
    """End what a command that has ended left behind, once for every run."""
    if record.run() is not None and not record.is_swept():
        await end_whole(record)


async def end_whole(record: Record) -> None:
    """Kill everything of a container; returns once it is gone, raises `Unavailable`."""
    run = record.run()
    if run is None:
        return
    try:
        with trio.fail_after(END_S):
            await end(record, run)
        if record.run() != run:
            return
        if not record.is_swept():
            # What ran may have handed it out, to whoever would take it at any later time.
            record.leave_lock()
        record.note_swept()
    except trio.TooSlowError:
        raise Unavailable(
            f"some processes of {record.directory.name} do not end even by SIGKILL"
        ) from None


def is_alive(record: Record, run: Run) -> bool:
    """Whether what keeps the container together lives, or its monitor, or its start."""
    return record.is_locked() or tree_of(record, run).anchor() is not None


def has_command(record: Record) -> bool:
    """Whether the container's command runs, and not a copy of the monitor that will become it."""
    run = record.run()
    tree = tree_of(record, run) if run is not None else None
    anchor, first = (tree.anchor(), tree.first()) if tree is not None else (None, None)
    if anchor is None or first is None:
        return False
    command = proc.words(first)
    return bool(command) and command != proc.words(anchor)
