"""What a NixOS container's start script is told: nspawn's flags and the lines of its `.conf`.

nixos-container has no option for binds. Its unit reads the `.conf` as environment, and the start
script splits `EXTRA_NSPAWN_FLAGS` at blanks without any quoting: so a path that holds a blank, a
pattern or nspawn's own separator cannot be passed, and is refused here instead of meaning something
else there.
"""

from __future__ import annotations

import re
from pathlib import Path

from hive.errors import BadRequest, Unavailable
from hive.host import nspawn_users
from hive.host.limits import file_bytes
from hive.host.runtime import Bind, ContainerSpec
from hive.wire import destinations

NO_SETTINGS = "--settings=no"
"""No `.nspawn` file counts: one that was planted beside a root is a known way out of a container
(CVE-2026-40226), and hive needs none."""
NO_DAEMON = "--inaccessible=/nix/var/nix/daemon-socket"
"""The unit binds the host's Nix daemon, and root of a container is root to it: a trusted user, who
may have it run programs on the host."""
OURS = {
    "PRIVATE_USERS": "",
    "HOST_ADDRESS": "",
    "HOST_ADDRESS6": "",
    "LOCAL_ADDRESS": "",
    "LOCAL_ADDRESS6": "",
    "HOST_BRIDGE": "",
    "HOST_PORT": "",
    "AUTO_START": "0",
}
"""`create` gives every container addresses, and an address means an interface that leads to the
host. Users are given by a flag of our own: by the key NixOS's script would map the host's profile
directory into the container too, where root then makes files that are root's on the host. hive
itself starts containers after a boot, so systemd does not."""
_NETWORK = "PRIVATE_NETWORK"
"""1 with no address: a loopback and nothing else."""
IN_ROOT = ("etc", "root", "usr", "usr/bin", "var", "var/lib", "var/lib/private")
"""Where the start script makes things in a container's root, as root of the host."""
TOUCHED = ("etc/os-release", "etc/machine-id")
"""What it makes where nothing is: through a link that leads nowhere it makes a file of the host."""
_EXTRA = "EXTRA_NSPAWN_FLAGS"
_PLAIN = re.compile(r"/[A-Za-z0-9_./+@=-]*")
_KEY = re.compile(r"[A-Z][A-Z0-9_]*(?==)")


def flags(spec: ContainerSpec) -> tuple[str, ...]:
    """Return nspawn's arguments for a container; raises `BadRequest` for a path it cannot take."""
    words = ["--quiet", NO_SETTINGS, NO_DAEMON]
    if spec.user is not None:
        words += nspawn_users.words(spec.user)
    # nspawn gives what it starts the kernel's own limits, whatever its unit has.
    if spec.limits.open_files is not None:
        words.append(f"--rlimit=NOFILE={spec.limits.open_files}")
    size = file_bytes(spec.limits)
    if size is not None:
        words.append(f"--rlimit=FSIZE={size}")
    for bind in spec.binds:
        option = "--bind" if bind.writable else "--bind-ro"
        words.append(f"{option}={plain(bind.source)}:{plain(bind.target)}")
    return tuple(words)


def plain(path: Path | str) -> str:
    """Return a path that every reader of the `.conf` takes as it is; raises `BadRequest`."""
    text = str(path)
    if not _PLAIN.fullmatch(text):
        raise BadRequest(
            f"{text!r} cannot be shown in a NixOS container: a path may hold letters, digits and"
            " '_ . / + @ = -' only; move it, or give another --root"
        )
    return text


def conf(text: str, words: tuple[str, ...], network: str) -> str:
    """Return a container's `.conf` with hive's own lines in place of whatever stood for them.

    Lines of other keys stay as they are, in their order.
    """
    is_own = "0" if network == destinations.HOST else "1"
    ours = {_NETWORK: is_own, **OURS, _EXTRA: f'"{" ".join(words)}"'}
    kept = [line for line in text.splitlines() if line.strip() and _key(line) not in ours]
    return "".join(f"{line}\n" for line in [*kept, *(f"{k}={v}" for k, v in ours.items())])


def mentions(text: str, needle: str) -> bool:
    """Whether a `.conf` passes that path on to its container."""
    return any(_key(line) == _EXTRA and needle in line for line in text.splitlines())


def mount_points(binds: tuple[Bind, ...]) -> list[tuple[Path, bool]]:
    """Return what must exist in a source so that another bind can be mounted inside of it.

    nspawn makes missing mount points itself, but not below a bind that is read-only. Each is a path
    on the host and whether it is a directory.
    """
    found = []
    for outer in binds:
        for inner in binds:
            below = Path(inner.target)
            if inner is not outer and not outer.writable and below.is_relative_to(outer.target):
                place = outer.source / below.relative_to(outer.target)
                found.append((place, inner.source.is_dir()))
    return found


def check_sources(binds: tuple[Bind, ...]) -> None:
    """See that everything that is to be bound is there, and make what it is mounted onto.

    nspawn ends at the first source that is missing, with a sentence that nobody sees. Raises
    `Unavailable`.
    """
    for bind in binds:
        if not bind.source.exists():
            raise Unavailable(f"{bind.source} is not there and is to be seen in the container")
    for place, is_folder in mount_points(binds):
        if is_folder:
            place.mkdir(parents=True, exist_ok=True)
        elif not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()


def check_root(root: Path) -> None:
    """See that the start script stays within a container's root, which the agent's root can change.

    Raises `Unavailable` for a link where it makes directories or changes their modes, and for one
    that it would make a file through.
    """
    for part in (*IN_ROOT, *TOUCHED):
        place = root / part
        if place.is_symlink() and not (part in TOUCHED and place.exists()):
            raise Unavailable(
                f"{place} is a link, through which the container's start would change the host:"
                " look who put it there, the agent can, and remove it"
            )


def _key(line: str) -> str:
    found = _KEY.match(line.strip())
    return found.group() if found else ""
