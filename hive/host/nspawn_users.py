"""The range of users that a NixOS container has, and whether this host can give it one.

A container of systemd needs more than one user, so each has 65536 of its own: root inside is the
first of them outside. What is mounted from hive's directories belongs to that one and is mounted as
it is; a mapped mount would let root inside make files that are root's on the host.
"""

from __future__ import annotations

from pathlib import Path

from hive.host import users
from hive.wire import destinations

EACH = 65536
OLDEST = 250
"""The first systemd that is sure to give a container's root away by `--private-users-ownership`."""
_PROC = Path("/proc")


def words(user: int) -> tuple[str, ...]:
    """Return nspawn's flags for the container of a user.

    The container's own root is given to it by changing its files: it holds little, that works on
    every file system, and nothing of the agent's is root's on the host then.
    """
    return (f"--private-users={user}:{EACH}", "--private-users-ownership=chown")


def why_shared(first: int, user: int, proc: Path = _PROC) -> str | None:
    """Return why a container's root is the host's, or None where each has users of its own.

    `user` is the daemon's. Found without trying: from what the kernel makes and what root may do.
    """
    if user != 0:
        return root_is_root("the daemon is not root, who alone may make containers")
    try:
        most = int((proc / "sys/user/max_user_namespaces").read_text())
    except FileNotFoundError:
        return root_is_root("this kernel has no user namespaces")
    if most < 1:
        return root_is_root(
            "this kernel may make no user namespace: set the sysctl user.max_user_namespaces"
        )
    lacks = users.lacking(users.beginning(first, EACH), EACH, proc / "self")
    return None if lacks is None else root_is_root(lacks)


def too_old(version: int) -> str | None:
    """Return why a container's root is the host's with that systemd, or None."""
    if version >= OLDEST:
        return None
    return root_is_root(f"systemd {version} cannot give a container its files: install {OLDEST}")


def root_is_root(why: str) -> str:
    """Return the sentence that says what it means, and why it is so."""
    return f"a container's root is the host's root: {why}"


def lacking(proc: Path, leader: int, user: int | None, network: str) -> str | None:
    """Return what keeps the container of that process less apart than it was to be, or None.

    A start script that does not know a line of its `.conf` passes over it without a word, and what
    runs then is root of the host.
    """
    place = proc / str(leader)
    try:
        for name in ("uid_map", "gid_map") if user is not None else ():
            if (place / name).read_text().split() != ["0", str(user), str(EACH)]:
                return "its users are not those that it was to have"
        if network != destinations.HOST and (place / "ns/net").samefile(proc / "self/ns/net"):
            return "its network is the host's"
    except FileNotFoundError:
        return None  # it has ended
    return None
