"""Run inside a sandbox: tries every way out it can think of and prints as JSON what came of each.

Arguments: the host's allowed port, another port of the host's loopback, and an abstract socket.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable

TIMEOUT_S = 10.0
Family = socket.AddressFamily


def tcp(host: str, port: int, family: Family = socket.AF_INET) -> str:
    """Connect and say something."""
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT_S)
        sock.connect((host, port))
        sock.sendall(b"hello")
        sock.shutdown(socket.SHUT_WR)
        return f"answered {sock.recv(100)!r}"


def udp(host: str, port: int) -> str:
    """Send a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"hello", (host, port))
        return "sent"


def raw() -> str:
    """Open a raw socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP):
        return "opened"


def packets() -> str:
    """Open a packet socket."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)):
        return "opened"


def abstract(name: str) -> str:
    """Connect to an abstract socket of the host."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(f"\0{name}")
        return "connected"


def lookup(name: str) -> str:
    """Ask the resolver."""
    return f"resolved {socket.getaddrinfo(name, 443)[0][4]!r}"


def tunnel(target: str) -> str:
    """Ask the proxy for a tunnel and speak through it; return its first line when it says no."""
    with socket.create_connection(("127.0.0.1", 3128), TIMEOUT_S) as sock:
        sock.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        said = b""
        while b"\r\n\r\n" not in said:
            data = sock.recv(1)
            if not data:
                break
            said += data
        line = said.partition(b"\r\n")[0].decode()
        if not line.startswith("HTTP/1.1 200 "):
            return line
        sock.sendall(b"hello")
        sock.shutdown(socket.SHUT_WR)
        return f"answered {sock.recv(100)!r}"


def plain(url: str) -> str:
    """Ask as an ordinary program does, by the variables of its environment."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as reply:
            return f"answered {reply.read(100)!r}"
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.reason}"


def interfaces() -> str:
    """Name the network's interfaces."""
    return " ".join(name for _, name in socket.if_nameindex())


def tried(way: Callable[[], str]) -> str:
    """Return what came of a way, or why it failed."""
    try:
        return way()
    except OSError as error:
        return f"failed: {type(error).__name__}: {error}"


def main() -> None:
    """Try everything."""
    allowed, closed, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    ways: dict[str, Callable[[], str]] = {
        "interfaces": interfaces,
        "a port of the host's loopback": lambda: tcp("127.0.0.1", closed),
        "an address of the internet": lambda: tcp("1.1.1.1", 443),
        "the metadata of a cloud": lambda: tcp("169.254.169.254", 80),
        "an address by IPv6": lambda: tcp("2606:4700::1111", 443, socket.AF_INET6),
        "a datagram": lambda: udp("8.8.8.8", 53),
        "a raw socket": raw,
        "a packet socket": packets,
        "an abstract socket of the host": lambda: abstract(name),
        "a name by the resolver": lambda: lookup("c2VjcmV0.example.com"),
        "tunnel to what is listed": lambda: tunnel(f"127.0.0.1:{allowed}"),
        "tunnel to another port": lambda: tunnel(f"127.0.0.1:{closed}"),
        "tunnel to metadata": lambda: tunnel("169.254.169.254:80"),
        "tunnel to a name": lambda: tunnel("c2VjcmV0.example.com:443"),
        "tunnel to the proxy itself": lambda: tunnel("127.0.0.1:3128"),
        "tunnel to loopback by number": lambda: tunnel(f"2130706433:{closed}"),
        "tunnel to loopback in IPv6": lambda: tunnel(f"[::ffff:127.0.0.1]:{closed}"),
        "a plain request": lambda: plain("http://intranet.example/"),
        "the listed port on its own loopback": lambda: tcp("127.0.0.1", allowed),
        "environment": lambda: " ".join(sorted(key for key in os.environ if "PROXY" in key)),
    }
    print(json.dumps({about: tried(way) for about, way in ways.items()}))


if __name__ == "__main__":
    main()
