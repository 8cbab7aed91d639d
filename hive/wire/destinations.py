"""Where an agent may connect to: one entry of `allow`, read strictly, and what it covers.

Names are compared as names and addresses as addresses: a name never stands for an address here, so
that what a name resolves to is looked at apart, by whoever connects.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import attrs

from hive.errors import BadRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PROXY = "proxy"
HOST = "host"
MODES = (PROXY, HOST)
"""How an agent reaches the network: by the daemon's proxy alone, or as the host does."""
PROXY_PORT = 3128
"""Where the proxy answers inside a container: on a loopback of the container's own."""
PROXY_URL = f"http://127.0.0.1:{PROXY_PORT}"
USUAL_PORTS = (443, 80)
"""What an entry without a port means."""
ENTRIES_MOST = 100
ENTRY_BYTES = 300
NAME_BYTES = 253

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_BRACKETS = re.compile(r"\[([^\[\]]*)\](?::([^:]*))?")


@attrs.frozen
class Destination:
    """One entry: a name, or everything below one, or a network; and on which ports."""

    text: str
    """As it was written."""
    ports: tuple[int, ...]
    name: str = ""
    """Lower case, without a dot at its end; empty for a network."""
    is_below: bool = False
    """True for `*.name`: every name below it, not the name itself."""
    network: Network | None = None

    def covers_name(self, name: str, port: int) -> bool:
        """Whether a connection to that name is meant; `name` as `host_name` returns it."""
        if not self.name or port not in self.ports:
            return False
        return name.endswith(f".{self.name}") if self.is_below else name == self.name

    def covers_address(self, address: Address, port: int) -> bool:
        """Whether a connection to that very address is meant."""
        return self.network is not None and port in self.ports and address in self.network


@attrs.frozen
class Target:
    """What somebody asks to be connected to."""

    host: str
    """A name as `host_name` returns it, or an address as text."""
    port: int
    address: Address | None = None
    """None for a name."""

    def __str__(self) -> str:
        """Return it as it is written in `allow`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> Destination:
    """Return what an entry of `allow` says; raises `BadRequest` with the mend."""
    if not text.isascii() or len(text) > ENTRY_BYTES or text != text.strip() or not text:
        raise _bad(text, "write the name of a host in ASCII, with its port if need be")
    host, port = _split(text)
    ports = USUAL_PORTS if port is None else (port,)
    if "/" in host:
        try:
            return Destination(text, ports, network=ip_network(host))
        except ValueError as error:
            raise _bad(text, f"that is no network: {error}") from error
    address = _address(host)
    if address is not None:
        return Destination(text, ports, network=ip_network(address))
    if host.startswith("*."):
        return Destination(text, ports, name=host_name(host[2:]), is_below=True)
    return Destination(text, ports, name=host_name(host))


@lru_cache(maxsize=512)
def parse_all(entries: tuple[str, ...]) -> tuple[Destination, ...]:
    """Return what all entries of an `allow` say; raises `BadRequest`."""
    if len(entries) > ENTRIES_MOST:
        raise BadRequest(f"more than {ENTRIES_MOST} entries: name fewer, or `*.NAME` for many")
    return tuple(parse(entry) for entry in entries)


def check_mode(mode: str) -> str:
    """Return a way to reach the network; raises `BadRequest`."""
    if mode not in MODES:
        raise BadRequest(f"{mode[:80]!r} is no network: give {' or '.join(MODES)}")
    return mode


def parse_target(text: str, usual_port: int | None = None) -> Target:
    """Return what an authority `HOST[:PORT]` names; raises `BadRequest`."""
    host, port = _split(text)
    port = port or usual_port
    if port is None:
        raise _bad(text, "give its port too")
    address = _address(host)
    if address is not None:
        return Target(str(address), port, address)
    return Target(host_name(host), port)


def host_name(text: str) -> str:
    """Return a host's name in lower case, without a dot at its end; raises `BadRequest`.

    What a resolver would read as a number is no name: `127.1` and `0x7f000001` are loopback.
    """
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > NAME_BYTES or not all(_LABEL.fullmatch(label) for label in labels):
        raise _bad(text, "that is not a host's name: use letters, digits, '-' and '.'")
    if _NUMBER.fullmatch(labels[-1]):
        raise _bad(text, "write an address as four numbers, or in brackets when it has colons")
    return name


def _split(text: str) -> tuple[str, int | None]:
    """Return host and port of `HOST`, `HOST:PORT`, `[V6]`, `[V6]:PORT` or a bare V6."""
    found = _BRACKETS.fullmatch(text)
    if found is not None:
        if ":" not in found[1]:
            raise _bad(text, "only an address with colons stands in brackets")
        return found[1], _port(text, found[2])
    if text.count(":") > 1:
        return text, None
    host, colon, port = text.partition(":")
    return host, _port(text, port if colon else None)


def _port(text: str, port: str | None) -> int | None:
    if port is None:
        return None
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise _bad(text, "a port is a number from 1 to 65535")
    return int(port)


def _address(text: str) -> Address | None:
    if "%" in text:
        raise _bad(text, "an address stands without the name of an interface")
    try:
        return ip_address(text)
    except ValueError:
        return None


def _bad(text: str, why: str) -> BadRequest:
    return BadRequest(f"{text[:80]!r} is no destination: {why}")
