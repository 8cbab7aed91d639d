"""Whether each agent can be a user of its own on this host, and how a program becomes that user."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from hive.environment import search_path
from hive.errors import Unavailable
from hive.host.runtime import Bind

CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_FOWNER": 3,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_SYS_CHROOT": 18,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
}
"""What root needs for it, and has outside of containers."""
END = 0x7FFE0000
"""Every number of an agent is below it: from here on are systemd's own, and what needs more than 31
bits."""
_BECOME = (
    "import os, sys; number = int(sys.argv[1]); os.setgroups([]);"
    " os.setresgid(number, number, number); os.setresuid(number, number, number);"
    " os.execv(sys.argv[2], sys.argv[2:])"
)
_SELF = Path("/proc/self")


def beginning(first: int, each: int) -> int:
    """Return where the users begin that may begin at `first`, when each takes `each` numbers.

    Ranges begin at a multiple of their length: nspawn gives away only such.
    """
    return -(-first // each) * each


def why_shared(first: int, own: Path = _SELF) -> str | None:
    """Return why agents run as the daemon's user, or None where each may get one, from `first` on.

    Found without trying: from who the daemon is and what it may do.
    """
    user = os.geteuid()
    if user != 0:
        return (
            f"agents run as your user (uid {user}): their sandboxes keep them apart, the rights of"
            " files do not; a daemon that is root gives each agent a user of its own"
        )
    lacks = lacking(first, 1, own)
    return None if lacks is None else _as_root(lacks)


def lacking(first: int, each: int, own: Path = _SELF) -> str | None:
    """Return what this root lacks to give files and processes to `each` users, or None."""
    missing = _missing(int(_status(own)["CapEff"], 16))
    if missing:
        return f"this root has no {', '.join(missing)}"
    ids = [line.split() for line in (own / "uid_map").read_text().splitlines()]
    last = first + each - 1
    if not any(int(start) <= first and last < int(start) + int(n) for start, _, n in ids):
        which = f"user {first}" if each == 1 else f"range of users {first} to {last}"
        return f"there is no {which} in this user namespace: set agent_uids"
    return None


def why_unreadable(binds: tuple[Bind, ...]) -> str | None:
    """Return why agents cannot have users of their own: hive's own files are closed to others."""
    closed = unreadable(binds)
    if closed is None:
        return None
    return _as_root(f"other users cannot read {closed}: chmod -R o+rX it, and start hive anew")


def unreadable(binds: Iterable[Bind]) -> Path | None:
    """Return the first source that not everybody may read; what is not there is left out."""
    for bind in binds:
        wanted = 0o005 if bind.source.is_dir() else 0o004
        if bind.source.exists() and bind.source.stat().st_mode & wanted != wanted:
            return bind.source
    return None


def check_readable(binds: Iterable[Bind], state: Path) -> None:
    """Raise `Unavailable` for what is to be read by another user, and may not be.

    Of what lies in the hive's own state that is seen to elsewhere.
    """
    given = (each for each in binds if not each.writable)
    closed = unreadable(each for each in given if not each.source.is_relative_to(state))
    if closed is not None:
        raise Unavailable(f"agents' users cannot read {closed}: chmod -R o+rX it")


def failed(said: str) -> str:
    """Return why agents run as the daemon's user after a try did not work."""
    return _as_root(f"a sandbox of another user does not start: {said}")


def become(user: int) -> list[str]:
    """Return the words that run what follows them, by its whole path, as a user and its group."""
    program = shutil.which("setpriv", path=search_path())
    # The one of busybox does not know the options.
    if program is not None and Path(program).resolve().name == "setpriv":
        number = str(user)
        return [program, "--reuid", number, "--regid", number, "--clear-groups", "--"]
    return [sys.executable, "-I", "-S", "-c", _BECOME, str(user)]


def _as_root(why: str) -> str:
    return f"agents run as root's number, without its rights, all of them the same user: {why}"


def _missing(effective: int) -> list[str]:
    return [name for name, bit in CAPABILITIES.items() if not effective >> bit & 1]


def _status(own: Path) -> dict[str, str]:
    lines = (own / "status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
