"""The arguments that make bwrap build an agent's view of the machine.

A list and nothing else: what is not named here is not there. The root, /dev and every file of the
host are read-only; the only places to write are small tmpfs and the writable binds.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hive.host.runtime import Bind, ContainerSpec
from hive.wire import destinations

NAMESPACES = (
    "--unshare-user",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup",
)
OWN_NETWORK = ("--unshare-net",)
"""A loopback and nothing else; abstract sockets of the host are gone with the host's network."""
RIGHTS = ("--disable-userns", "--cap-drop", "ALL", "--new-session")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the host's own programs are, inside and outside."""
PACKAGE_TREES = ("/usr", "/nix/store", "/gnu/store")
ROOT_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_VISIBLE = tuple(f"{tree}/" for tree in (*PACKAGE_TREES, *ROOT_LINKS))
SYSTEM_LINKS = ("/run/current-system",)
"""Links into a package tree that programs are found by."""
ETC = (
    "alternatives",
    "ca-certificates",
    "gai.conf",
    "host.conf",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "protocols",
    "resolv.conf",
    "services",
    # Never the directory as a whole: it holds the machine's private keys.
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "static",
    "timezone",
)
"""Below /etc; links are followed by bwrap, so a file is seen even when it lives below /run."""
TMPFS = (
    ("/tmp", "1777", 1024),
    ("/run", "0755", 64),
    ("/root", "0700", 256),
    ("/dev/shm", "1777", 256),
)
"""Path, permissions, and how many MiB it may hold."""
READ_ONLY = ("/dev", "/proc", "/")
"""/proc too: without any capability, what runs as root's number could still set the host's
/proc/sys/kernel/core_pattern, since for those files the kernel looks at the owner alone."""


def is_visible(path: Path) -> bool:
    """Whether a host path is seen at the same place in every sandbox without a bind."""
    return f"{path}/".startswith(_VISIBLE)


def arguments(
    spec: ContainerSpec, hostname: str, accounts: dict[str, int], etc: Path | None = None
) -> list[str]:
    """Return bwrap's arguments for a container.

    `accounts` maps `/etc/passwd` and the like to descriptors that hold their text. `etc` is a copy
    of what is seen of /etc, with the mount points for what is below; None mounts each by itself.
    """
    network = () if spec.network == destinations.HOST else OWN_NETWORK
    words = [*NAMESPACES, *network, *RIGHTS, "--hostname", hostname, "--clearenv"]
    for key, value in spec.env.items():
        words += ["--setenv", key, value]
    words += _system(etc)
    for path, handle in accounts.items():
        words += ["--ro-bind-data", str(handle), path]
    # A bind below another one must come after it.
    for bind in sorted(spec.binds, key=lambda bind: Path(bind.target).parts):
        words += _bind(bind)
    # Last: until here bwrap makes the places that things are mounted on.
    for path in READ_ONLY:
        words += ["--remount-ro", path]
    return [*words, "--chdir", spec.cwd]


def account_files(uid: int, gid: int) -> dict[str, str]:
    """Return the only accounts known inside: root, nobody, and the user that runs the hive."""
    users = [f"root:x:0:0:root:/root:{SHELL}", f"nobody:x:65534:65534:nobody:/:{SHELL}"]
    groups = ["root:x:0:", "nogroup:x:65534:"]
    if uid not in {0, 65534}:
        users.append(f"agent:x:{uid}:{gid}:agent:/root:{SHELL}")
    if gid not in {0, 65534}:
        groups.append(f"agent:x:{gid}:")
    return {
        "/etc/passwd": "".join(f"{line}\n" for line in users),
        "/etc/group": "".join(f"{line}\n" for line in groups),
    }


SHELL = "/bin/sh"


def points_in_etc(spec: ContainerSpec, accounts: Iterable[str]) -> dict[str, bool]:
    """Return what is mounted below /etc, and whether it is a directory."""
    found = dict.fromkeys(accounts, False)
    found |= {bind.target: bind.source.is_dir() for bind in spec.binds}
    etc = Path("/etc")
    return {
        str(Path(path).relative_to(etc)): is_directory
        for path, is_directory in found.items()
        if etc in (parents := Path(path).parents)
        and not any(str(above) in found for above in parents)
    }


def _system(etc: Path | None) -> list[str]:
    words = []
    for tree in PACKAGE_TREES:
        words += ["--ro-bind-try", tree, tree]
    for root in ROOT_LINKS:
        words += _as_on_host(Path(root))
    if etc is not None:
        words += ["--ro-bind", str(etc), "/etc"]
    for name in ETC if etc is None else ():
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for path, mode, size_mib in TMPFS:
        words += ["--perms", mode, "--size", str(size_mib * 1024 * 1024), "--tmpfs", path]
    for link in SYSTEM_LINKS:
        words += _as_on_host(Path(link))
    return [*words, "--symlink", "/tmp", "/var/tmp", "--symlink", "/run", "/var/run"]


def _as_on_host(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind-try", str(path), str(path)]


def _bind(bind: Bind) -> list[str]:
    return ["--bind" if bind.writable else "--ro-bind", str(bind.source), bind.target]
