"""A hostile agent in a NixOS container: what is tried in a sandbox, and what only its root can try.

Runs inside, as root of the container. Left out of the sandbox's list is what a machine of systemd
may: namespaces and mounts of its own, raw sockets, its own settings.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from functools import partial
from pathlib import Path

from tests.fakes.hostile_agent import broker, files, network, proxy
from tests.fakes.hostile_agent.__main__ import run
from tests.fakes.hostile_agent.kernel import call
from tests.fakes.hostile_agent.network import tcp
from tests.fakes.hostile_agent.trial import Room, Trial, read, unix

ROOM = Room("A container's root")
MAY = frozenset(
    {
        "raw sockets and other families",
        "writing where it may only read",
        "handles taken from other processes",
    }
)
"""What a sandbox may not and a container's root may, within what is its own."""
BIND, REMOUNT, DETACH = 4096, 32, 2


@ROOM.attempt("the host's root", "a user namespace: root inside is nobody's root outside")
def host_root(trial: Trial) -> None:
    """Write to files of the host's root, and to the host's kernel, as root."""
    trial.holds("uid", os.getuid() == 0, os.getuid())
    for path in ("/usr/bin/env", "/nix/store/mine", "/nix/var/nix/profiles/mine", "/etc/hive/run"):
        trial.fails(path, partial(os.open, path, os.O_WRONLY | os.O_CREAT))
        trial.fails(f"own {path}", partial(_own, path))
    # That mount is its own, and what it covers belongs to the host's root.
    call("mount", None, b"/proc/sys", None, REMOUNT | BIND, None)
    for name in ("kernel/core_pattern", "kernel/modprobe", "kernel/sysrq", "vm/panic_on_oom"):
        trial.fails(name, partial(os.open, f"/proc/sys/{name}", os.O_WRONLY))
    for path in ("/proc/sysrq-trigger", "/proc/kcore", "/sys/kernel/uevent_helper"):
        trial.fails(path, partial(os.open, path, os.O_WRONLY))
    for path in ("/dev/sda", "/dev/vda", "/dev/mem", "/dev/kmsg", "/dev/fuse"):
        trial.fails(path, partial(os.open, path, os.O_RDWR))
    trial.fails("mknod", lambda: os.mknod("/tmp/disk", 0o60666, os.makedev(254, 0)) or "made")


def _own(path: str) -> str:
    os.chown(path, 0, 0)
    return "changed"


@ROOM.attempt("what covers and what is read-only", "mounts of a stronger namespace are locked")
def locked_mounts(trial: Trial) -> None:
    """Uncover the host's Nix daemon, and make what is read-only writable."""
    daemon = b"/nix/var/nix/daemon-socket"
    trial.fails("uncover", partial(call, "umount2", daemon, DETACH))
    for place in (b"/etc/hive", b"/usr", b"/nix/store"):
        flags = REMOUNT | BIND
        trial.fails(f"remount {place!r}", partial(call, "mount", None, place, None, flags, None))
        trial.fails(f"unmount {place!r}", partial(call, "umount2", place, DETACH))
    trial.fails("daemon", lambda: unix(f"{daemon.decode()}/socket").getpeername())


@ROOM.attempt("another user of its own range", "a socket is for the one that is the agent")
def another_user(trial: Trial) -> None:
    """Speak on the agent's own sockets as another user of the container."""
    for name in ("mcp.sock", "egress.sock", "gateway.sock"):
        Path("/run/hive").chmod(0o777)
        Path(f"/run/hive/{name}").chmod(0o777)
        trial.holds(name, not _as_other(f"/run/hive/{name}"), "refused")


def _as_other(path: str) -> bool:
    """Whether the daemon does for another user what it does for the agent."""
    pid = os.fork()
    if pid == 0:
        os.setresgid(7, 7, 7)
        os.setresuid(7, 7, 7)
        try:
            with unix(path) as sock:
                word = b"CONNECT api.anthropic.com:443 HTTP/1.1\r\n\r\n"
                sock.sendall(b'{"cmd": "whoami"}\n' if "mcp" in path else word)
                said = sock.recv(4096)
        except OSError:
            os._exit(1)
        os._exit(0 if said and b"only " not in said else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@ROOM.attempt("a network by its own rights", "no interface leads anywhere, whatever it may set up")
def own_network(trial: Trial) -> None:
    """Give itself addresses and routes, and look for a way to the host all the same."""
    trial.holds("interfaces", {name for _, name in socket.if_nameindex()} == {"lo"})
    for words in ("addr add 192.0.2.7/24 dev lo", "route add default dev lo"):
        os.system(f"ip {words} >/dev/null 2>&1")
    for host in (*trial.ground["addresses"], "1.1.1.1"):
        trial.fails(host, partial(tcp, host, trial.ground["closed"]))


@ROOM.attempt("the way out", "the forwarder and the daemon's proxy: to what is listed alone")
def way_out(trial: Trial) -> None:
    """Go by the proxy's port to what is listed, which works, and to what is not, which does not."""
    for port, is_open in ((trial.ground["allowed"], True), (trial.ground["closed"], False)):
        with socket.create_connection(("127.0.0.1", 3128), 20) as sock:
            host = f"127.0.0.1:{port}"
            sock.sendall(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            said = sock.recv(4096)
        trial.holds(host, (b" 200 " in said.partition(b"\r\n")[0]) is is_open, said)


@ROOM.attempt("secrets", "what is secret stays with the daemon, behind the proxy")
def secrets(trial: Trial) -> None:
    """Read what the container is given."""
    for path in sorted(Path("/etc/hive").rglob("*")):
        if path.is_file():
            trial.looked(str(path), read(str(path)))


ATTEMPTS = [
    *(
        each
        for room in (files, network, proxy, broker)
        for each in room.ROOM.attempts
        if each.name not in MAY
    ),
    *ROOM.attempts,
]

if __name__ == "__main__":
    run(ATTEMPTS, json.loads(Path(sys.argv[1]).read_text()))
