"""A program of its own: drops old rows of one agent's event history, fenced in beforehand.

The file is the agent's, so whatever can be wrong with a database may be wrong with this one: links
in place of it or of its journal, a journal that names other files, triggers without end, pages that
upset sqlite itself. Hence the daemon never opens it. This program does, after it has given up, by
Landlock, every right but those to that one directory, and within limits of time and memory. It
needs nothing but the standard library: `event_sweep.py AGENTS NAME CUTOFF [unfenced]`.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sqlite3
import stat
import struct
import sys
import time

FILE = "hyperhive-events.sqlite"
BATCH = 2000
"""Rows of one transaction: the harness waits no longer than that takes."""
WORK_S = 20.0
CPU_S = 30
MEMORY_BYTES = 512 * 1024 * 1024
BUSY_S = 5.0

DONE, FAILED, NO_FENCE = 0, 1, 3
"""Exit statuses; with `DONE` the number of rows is on the standard output."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVS = 38
_HANDLED = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many kinds of access to files each version knows; newer ones know those of the last."""
_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE, _MAKE_REG, _TRUNCATE = (
    1 << bit for bit in (1, 2, 3, 5, 8, 14)
)
_NEEDED = _WRITE_FILE | _READ_FILE | _READ_DIR | _REMOVE_FILE | _MAKE_REG | _TRUNCATE
_NETWORK_SINCE, _SCOPED_SINCE = 4, 6
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def main(words: list[str]) -> int:
    """Sweep the history of one agent; returns the exit status."""
    agents, name, cutoff, *rest = words
    limit()
    try:
        os.fchdir(enter(agents, name))
        become_owner()
        if not stat.S_ISREG(os.lstat(FILE).st_mode):
            sys.stderr.write(f"{FILE} is not a regular file\n")
            return FAILED
    except FileNotFoundError:
        sys.stdout.write("0\n")
        return DONE
    except OSError as error:
        sys.stderr.write(f"{FILE} cannot be reached: {error.strerror}\n")
        return FAILED
    if not rest and not fence():
        return NO_FENCE
    try:
        dropped = sweep(float(cutoff))
    except sqlite3.Error as error:
        sys.stderr.write(f"{FILE} cannot be swept: {error}\n")
        return FAILED
    sys.stdout.write(f"{dropped}\n")
    return DONE


def limit() -> None:
    """Bound what a database that is made to cost can cost."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def enter(agents: str, name: str) -> int:
    """Return a descriptor of the agent's state directory, reached through no link."""
    folder = os.open(agents, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in (name, "state"):
        folder = os.open(part, _DIRECTORY, dir_fd=folder)
    return folder


def become_owner() -> None:
    """Be the user whose this directory is, and see nothing else, where root has given it away.

    What sqlite makes beside the file is then the agent's too.
    """
    about = os.lstat(".")
    if os.geteuid() != 0 or about.st_uid == 0:
        return
    os.chroot(".")
    os.setgroups([])
    os.setresgid(about.st_gid, about.st_gid, about.st_gid)
    os.setresuid(about.st_uid, about.st_uid, about.st_uid)


def fence() -> bool:
    """Give up all access to files but to those in this directory; False where that cannot be."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    version = call(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    kinds = (1 << _HANDLED[min(version, max(_HANDLED))]) - 1
    # No TCP, and no signal or abstract socket of who is outside.
    network = 0b11 if version >= _NETWORK_SINCE else 0
    scoped = 0b11 if version >= _SCOPED_SINCE else 0
    size = 24 if scoped else 16 if network else 8
    rules = call(_CREATE_RULESET, struct.pack("=QQQ", kinds, network, scoped), size, 0)
    if rules < 0:
        return False
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    allowed = struct.pack("=Qi", kinds & _NEEDED, here)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    is_fenced = bool(
        call(_ADD_RULE, rules, _PATH_BENEATH, allowed, 0) == 0
        and prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and call(_RESTRICT_SELF, rules, 0) == 0
    )
    os.close(here)
    os.close(rules)
    return is_fenced


def sweep(cutoff: float) -> int:
    """Delete what is older than a moment in Unix seconds, some rows at a time."""
    connection = sqlite3.connect(f"file:{FILE}?mode=rw", uri=True, isolation_level=None)
    until = time.monotonic() + WORK_S
    connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
    try:
        for setting in (
            f"busy_timeout = {int(BUSY_S * 1000)}",
            "trusted_schema = OFF",
            "temp_store = MEMORY",
            "cell_size_check = ON",
            "mmap_size = 0",
        ):
            connection.execute(f"PRAGMA {setting}")
        dropped = 0
        while True:
            gone = connection.execute(
                "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE ts < ? LIMIT ?)",
                (cutoff, BATCH),
            ).rowcount
            dropped += max(gone, 0)
            if gone < BATCH:
                return dropped
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
