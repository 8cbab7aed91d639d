"""Sending bytes past the proxy."""

from __future__ import annotations

import socket
import struct
from functools import partial
from pathlib import Path

from tests.fakes.hostile_agent.trial import Room, Trial, unix

ROOM = Room("The network")
QUERY = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\x06c2VjcmV0\x07example\x03com\0\0\1\0\1"
METADATA = ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192")
INTERNET = ("1.1.1.1", "8.8.8.8", "10.0.0.1", "192.168.0.1", "172.17.0.1")
SIX = ("::1", "fd00:ec2::254", "2606:4700:4700::1111", "fe80::1")
SHORT_S = 0.3
LONG_S = 3.0
NETLINK_ROUTE, NEWLINK = 0, 16


def tcp(host: str, port: int, timeout_s: float = LONG_S) -> str:
    """Connect."""
    with socket.create_connection((host, port), timeout_s) as sock:
        return f"connected to {sock.getpeername()}"


def udp(host: str, port: int, data: bytes = b"hello") -> str:
    """Send a datagram and wait a moment for an answer."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(SHORT_S)
        sock.connect((host, port))
        sock.send(data)
        return f"answered {sock.recv(512)!r}"


@ROOM.attempt("the host's loopback", "a network namespace with a loopback of its own")
def loopback(trial: Trial) -> None:
    """Connect by TCP and UDP to services on the host's 127.0.0.1 and ::1, the dashboard too."""
    for port in (trial.ground["closed"], trial.ground["dashboard"], 22, 631):
        for host in ("127.0.0.1", "127.0.1.1", "::1", "localhost", "0.0.0.0"):
            trial.fails(f"{host}:{port}", partial(tcp, host, port))
    for host in ("127.0.0.1", "127.255.255.254", "::1"):
        trial.fails(f"a datagram to {host}", partial(udp, host, trial.ground["udp"]))
    for address in trial.ground["addresses"]:
        trial.fails(f"{address}", partial(tcp, address, trial.ground["closed"]))


@ROOM.attempt("abstract sockets of the host", "they belong to the host's network namespace")
def abstract(trial: Trial) -> None:
    """Connect to an abstract socket that the host listens on, and to those of a desktop."""
    for name in (trial.ground["abstract"], "/tmp/.X11-unix/X0", "/tmp/dbus-1", "/org/freedesktop"):
        trial.fails(name, lambda name=name: unix(f"\0{name}").getpeername())
    seen = Path("/proc/net/unix").read_text()
    trial.holds("/proc/net/unix", trial.ground["abstract"] not in seen, "not listed")


@ROOM.attempt("metadata and the internet", "its network has no route and no interface but lo")
def away(trial: Trial) -> None:
    """Connect to a cloud's metadata addresses, to the internet and to private networks."""
    for host in (*METADATA, *INTERNET, *SIX[1:]):
        trial.fails(f"{host}:80", partial(tcp, host, 80))
        trial.fails(f"a datagram to {host}", partial(udp, host, 53))
    names = {name for _, name in socket.if_nameindex()}
    trial.holds("interfaces", names <= {"lo", "sit0", "tunl0", "ip6tnl0"}, names)


@ROOM.attempt("DNS", "no resolver is reachable; names are looked up by the daemon, if listed")
def dns(trial: Trial) -> None:
    """Tunnel out by questions to 127.0.0.53, to the servers of resolv.conf, to the resolver."""
    servers = {"127.0.0.53", "127.0.0.1", "8.8.8.8"}
    resolv = Path("/etc/resolv.conf")
    if resolv.exists():
        words = [line.split() for line in resolv.read_text().splitlines()]
        servers |= {each[1] for each in words if len(each) > 1 and each[0] == "nameserver"}
    for server in sorted(servers):
        trial.fails(f"question to {server}", partial(udp, server, 53, QUERY))
        trial.fails(f"tcp to {server}", partial(tcp, server, 53))
    for name in ("c2vjcmv0.example.com", "metadata.google.internal", "host.docker.internal"):
        trial.fails(name, lambda name=name: socket.getaddrinfo(name, 443))
    for path in ("/run/systemd/resolve/io.systemd.Resolve", "/run/nscd/socket", "/run/dbus/x"):
        trial.fails(path, lambda path=path: unix(path).getpeername())


@ROOM.attempt("raw sockets and other families", "no capability, and nothing behind them")
def families(trial: Trial) -> None:
    """Open raw and packet sockets, make an interface by netlink, speak to a hypervisor."""
    kinds = (
        ("raw", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        ("raw 6", socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6),
        ("packet", socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)),
    )
    for what, family, kind, protocol in kinds:
        trial.fails(what, lambda f=family, k=kind, p=protocol: socket.socket(f, k, p).close() or 1)
    trial.fails("a new interface", _new_link)
    trial.fails("hypervisor", _hypervisor)


def _new_link() -> str:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as sock:
        sock.settimeout(LONG_S)
        body = struct.pack("BxHiII", 0, 0, 0, 0, 0) + struct.pack("HH5s3x", 9, 3, b"mine\0")
        head = struct.pack("IHHII", 16 + len(body), NEWLINK, 0x605, 1, 0)
        sock.send(head + body)
        said = sock.recv(4096)
        (number,) = struct.unpack_from("i", said, 16)
        if number != 0:
            raise OSError(-number, "refused")
        return "made"


def _hypervisor() -> str:
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as sock:
        sock.settimeout(LONG_S)
        sock.connect((2, 1024))
        return "connected"
