"""A proxy's client and the servers behind it, on loopback and socket pairs."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_address

import attrs
import trio

from hive.egress import proxy
from hive.egress.forge_gateway import PREFIX, ForgeGateway
from hive.egress.gateway import Gateway, Way
from hive.egress.ledger import Ledger
from hive.egress.rules import Policy
from hive.wire.destinations import Address, parse

PATIENCE_S = 120.0
Serve = Callable[[trio.SocketStream], Awaitable[None]]


@attrs.define
class Client:
    """One connection to the proxy of an agent."""

    stream: trio.SocketStream
    got: bytes = b""

    async def say(self, *lines: str, body: bytes = b"") -> None:
        """Send a head of these lines, and a body."""
        await self.stream.send_all("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
        if body:
            await self.stream.send_all(body)

    async def until(self, mark: bytes) -> bytes:
        """Return what comes up to that mark, which is taken off."""
        with trio.fail_after(PATIENCE_S):
            while mark not in self.got:
                data = await self.stream.receive_some()
                assert data, self.got
                self.got += data
        found, _, self.got = self.got.partition(mark)
        return found

    async def rest(self) -> bytes:
        """Return everything until the proxy closes."""
        with trio.fail_after(PATIENCE_S):
            while data := await self.stream.receive_some():
                self.got += data
        found, self.got = self.got, b""
        return found


@attrs.define
class Room:
    """The proxy of one agent."""

    allowed: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    gateway: Gateway | None = None
    forge: ForgeGateway | None = None
    way: Way | None = None
    """What every path leads to instead of those two."""
    is_gateway: bool = False
    names: dict[str, list[str]] = attrs.field(factory=dict)
    """What names resolve to; one answer after the other where there are several calls."""
    looked_up: list[str] = attrs.field(factory=list)
    tls: ssl.SSLContext | None = None
    now: float = 1000.0
    clients: list[Client] = attrs.field(factory=list)
    ledger: Ledger = attrs.field(init=False)
    nursery: trio.Nursery = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ledger = Ledger(lambda: self.now)

    async def resolve(self, name: str) -> list[Address]:
        """Answer as a resolver would."""
        self.looked_up.append(name)
        if name not in self.names:
            raise OSError(-2, "Name or service not known")
        return [ip_address(each) for each in self.names[name]]

    def make_exit(self) -> proxy.Exit:
        """Return what the proxy works with."""
        return proxy.Exit(
            policy=lambda: Policy(tuple(map(parse, self.allowed)), tuple(map(parse, self.trusted))),
            gateway=self._way,
            ledger=self.ledger,
            denied=self.ledger.denied,
            resolve=self.resolve,
            tls=lambda: self.tls or ssl.create_default_context(),
            is_gateway=self.is_gateway,
        )

    def _way(self, path: bytes) -> Way | None:
        return self.way or (self.forge if path.startswith(PREFIX) else self.gateway)

    def connect(self) -> Client:
        """Return a new connection to it."""
        ours, theirs = trio.socket.socketpair()
        self.nursery.start_soon(proxy.serve, trio.SocketStream(theirs), self.make_exit())
        made = Client(trio.SocketStream(ours))
        self.clients.append(made)
        return made

    async def ask(self, *lines: str, body: bytes = b"") -> bytes:
        """Make one request on a connection of its own; return all that comes back."""
        client = self.connect()
        await client.say(*lines, body=body)
        return await client.rest()


@asynccontextmanager
async def room(*allowed: str, **settings: object) -> AsyncIterator[Room]:
    """Run a proxy for the length of the block."""
    async with trio.open_nursery() as nursery:
        made = Room(allowed, **settings)  # type: ignore[arg-type]
        made.nursery = nursery
        yield made
        for client in made.clients:
            client.stream.socket.close()
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def server(serve: Serve, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Serve on a port of loopback for the length of the block."""
    async with trio.open_nursery() as nursery:
        listen = partial(trio.serve_tcp, serve, 0, host=host)
        listeners = await nursery.start(listen)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def echo(stream: trio.SocketStream) -> None:
    """Send back whatever comes, then end."""
    async for data in stream:
        await stream.send_all(data)
    await stream.send_eof()


class Web:
    """An HTTP server that notes every byte it got and answers from a list."""

    def __init__(self, *answers: bytes, when: bytes = b"\r\n\r\n") -> None:
        """It answers each time it has got `when`."""
        self.answers = list(answers) or [OK]
        self.when = when
        self.heads: list[bytes] = []
        self.connections = 0
        self.bytes = b""

    async def __call__(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        buffer = b""
        async for data in stream:
            self.bytes += data
            buffer += data
            while self.when in buffer:
                head, _, buffer = buffer.partition(self.when)
                self.heads.append(head)
                await stream.send_all(self.answers[min(len(self.heads), len(self.answers)) - 1])


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def free_port() -> int:
    """Return a port of loopback that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
