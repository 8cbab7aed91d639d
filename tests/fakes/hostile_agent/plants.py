"""Leaving traps where the daemon reads and writes: links, pipes, deep trees, sockets of its own.

They stay: the test makes the daemon and the operator come by.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
from contextlib import suppress
from pathlib import Path

from tests.fakes.hostile_agent.broker import say
from tests.fakes.hostile_agent.trial import Room, Trial

ROOM = Room("Traps")
STATE = Path("/state")
RUN = Path("/run/hive")
CLAUDE = Path("/root/.claude")
SHARED = Path("/shared")
DEEP = 1200


def _put_link(path: Path, target: str) -> None:
    _clear(path)
    path.symlink_to(target)


def _put_pipe(path: Path) -> None:
    _clear(path)
    os.mkfifo(path)


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@ROOM.attempt(
    "links in /shared",
    "a page shows regular files alone, reached through no link, and says why not",
)
def shared_links(trial: Trial) -> None:
    """Leave links to others' files, a pipe, a socket and a loop where the operator looks."""
    for number, path in enumerate(trial.ground["victims"]):
        _put_link(SHARED / f"link{number}", path)
    _put_link(SHARED / "folder", os.path.dirname(trial.ground["victims"][0]))
    _put_link(SHARED / "loop", "/shared/loop")
    _put_link(SHARED / "magic", "/proc/self/environ")
    _put_pipe(SHARED / "pipe")
    with socket.socket(socket.AF_UNIX) as sock:
        _clear(SHARED / "sock")
        sock.bind(str(SHARED / "sock"))
    trial.done("what a page shows of them")


@ROOM.attempt("hard links", "another mount is another file system to a link; others' files are not")
def hard_links(trial: Trial) -> None:
    """Make hard links to others' files and to read-only ones, and across its directories."""
    for source in (*trial.ground["victims"], "/etc/hive/harness.json", "/usr/bin/env"):
        for place in (STATE, RUN, SHARED):
            trial.fails(f"{source} in {place}", lambda s=source, p=place: os.link(s, p / "hard"))
    mine = STATE / "mine"
    mine.write_text("x")
    trial.fails("from /state into /shared", lambda: [os.link(mine, SHARED / "hard")])


@ROOM.attempt(
    "links for reminders", "the daemon writes step by step through no link, into a new file"
)
def reminders(trial: Trial) -> None:
    """Have the daemon spill a reminder through a link, into a pipe, out of the directory."""
    victim = trial.ground["victims"][0]
    _put_link(STATE / "link", victim)
    _put_link(STATE / "folder", os.path.dirname(victim))
    _put_pipe(STATE / "pipe")
    paths = ["/state/link", "/state/folder/new", "/state/pipe", "/state/../../x", victim]
    paths += ["/etc/hive/x", "../../x", "/state/a\0b", "/proc/self/x", "/shared/x"]
    for path in paths:
        request = {"cmd": "remind", "message": "x" * 9000, "delay_seconds": 1, "file_path": path}
        (reply,) = say(request)
        trial.holds(path, reply["kind"] == "error", reply)


@ROOM.attempt(
    "links in place of hive's own files",
    "what the daemon writes or removes for an agent follows no link, and opens nothing it finds",
)
def own_files(trial: Trial) -> None:
    """Put links and pipes where the daemon and the harness keep marks, histories and settings."""
    victim = trial.ground["victims"][0]
    database = trial.ground["database"]
    for name in ("hyperhive-paused", "hyperhive-model", "hyperhive-paused.new", "harness.json"):
        _put_link(STATE / name, victim)
    for name in ("hyperhive-rate-limited", "hyperhive-needs-login"):
        _put_link(STATE / name, "x" * 300)
    for name in ("hyperhive-events.sqlite", "hyperhive-turn-stats.sqlite"):
        for end in ("", "-wal", "-shm", "-journal"):
            _put_link(STATE / f"{name}{end}", database + end)
    for name in ("harness.json", "mcp.sock.new", "egress.sock.new", "web.sock.new", "secrets"):
        _put_link(RUN / name, victim)
    _put_link(CLAUDE / ".credentials.json", victim)
    _put_pipe(CLAUDE / ".claude.json")
    trial.done("that the victims stay as they were")


@ROOM.attempt("trees without an end", "trees are walked and removed without recursion")
def deep_trees(trial: Trial) -> None:
    """Nest more directories than a path can name, with modes that keep others out."""
    for place in (STATE, CLAUDE, RUN):
        _nest(place)
        locked = place / "locked"
        locked.mkdir(exist_ok=True)
        (locked / "file").write_text("x")
        locked.chmod(0)
    for name in ("\x1b[2J", "-rf", "new\nline", "\udcff\udcfe", "*", "~", "x" * 255):
        with suppress(OSError):
            (STATE / name).write_text("x")
    trial.done("that it is looked at and removed in the end")


def _nest(place: Path) -> None:
    folder = os.open(place, os.O_RDONLY)
    for _ in range(DEEP):
        with suppress(FileExistsError):
            os.mkdir("deep", dir_fd=folder)
        below = os.open("deep", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)


@ROOM.attempt(
    "its page's socket replaced",
    "the dashboard connects to a socket that stands there itself, and passes on data alone",
)
def web_socket(trial: Trial) -> None:
    """Put a link to the operator's socket in the place of its page's."""
    _put_link(RUN / "web.sock", trial.ground["sockets"][0])
    trial.done("what the dashboard gets there")


@ROOM.attempt("its own sockets replaced", "who spoils its directory troubles itself alone")
def own_sockets(trial: Trial) -> None:
    """Put a directory, a pipe and links in the place of its own mcp.sock and egress.sock."""
    _clear(RUN / "mcp.sock")
    (RUN / "mcp.sock").mkdir()
    (RUN / "mcp.sock/in").write_text("x")
    _put_pipe(RUN / "egress.sock")
    is_pipe = stat.S_ISFIFO((RUN / "egress.sock").stat().st_mode)
    trial.holds("there", is_pipe, "a pipe")
