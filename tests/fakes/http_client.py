"""A small HTTP client on Trio: one request per connection, and event streams read by the event."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import h11
import trio

Where = int | Path
"""A TCP port on loopback, or a unix socket."""
REPLY_S = 10.0


@attrs.frozen
class Reply:
    """A whole answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the one value of a header."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, found
        return found[0] if found else None

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error."""
        return self.json()["error"]["code"]


async def connect(where: Where) -> trio.SocketStream:
    """Connect to a server of a test."""
    if isinstance(where, int):
        return await trio.open_tcp_stream("127.0.0.1", where)
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    await sock.connect(str(where))
    return trio.SocketStream(sock)


async def fetch(
    where: Where,
    method: str,
    target: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> Reply:
    """Make one request and return its answer."""
    with trio.fail_after(REPLY_S):
        async with await connect(where) as stream:
            given = {"Host": f"127.0.0.1:{where}" if isinstance(where, int) else "agent"}
            given |= headers or {}
            if body or method == "POST":
                given.setdefault("Content-Length", str(len(body)))
            lines = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
            head = f"{method} {target} HTTP/1.1\r\nConnection: close\r\n{lines}\r\n"
            await stream.send_all(head.encode("latin-1") + body)
            return await read_reply(stream, method)


async def read_reply(stream: trio.SocketStream, method: str = "GET") -> Reply:
    """Read one answer."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    status, headers, body = 0, [], b""
    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:
            client.receive_data(bytes(await stream.receive_some(65536)))
        elif isinstance(event, h11.Response):
            status = event.status_code
            headers = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return Reply(status, headers, body)


@attrs.frozen
class Event:
    """One server-sent event as a browser would see it."""

    name: str
    id: str
    data: Any


class EventReader:
    """Reads an event stream as a browser does, its last id included."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.last_id = ""
        self.beats = 0
        self.is_ended = False
        self.status = 0
        self._stream = stream
        self._text = b""
        self._h11 = h11.Connection(h11.CLIENT)
        self._h11.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
        self._h11.send(h11.EndOfMessage())

    async def next(self) -> Event | None:
        """Return the next event; None at the end of the stream."""
        while True:
            while b"\n\n" in self._text:
                block, _, self._text = self._text.partition(b"\n\n")
                event = self._parse(block.decode())
                if event is not None:
                    return event
            if not await self.read_more():
                return None

    async def read_more(self) -> bool:
        """Read some bytes; False at the end."""
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                self._h11.receive_data(bytes(await self._stream.receive_some(65536)))
            elif isinstance(event, h11.Response):
                self.status = event.status_code
            elif isinstance(event, h11.Data):
                self._text += bytes(event.data)
                return True
            elif isinstance(event, h11.EndOfMessage):
                self.is_ended = True
                return False

    def _parse(self, block: str) -> Event | None:
        name, data = "message", None
        for line in block.split("\n"):
            key, _, value = line.partition(": ")
            if key == "id":
                self.last_id = value
            elif key == "event":
                name = value
            elif key == "data":
                data = json.loads(value)
        if name == "awake":
            self.beats += 1
            return None
        return None if data is None else Event(name, self.last_id, data)


@asynccontextmanager
async def open_events(
    where: Where, target: str, *, headers: dict[str, str] | None = None
) -> AsyncIterator[EventReader]:
    """Open an event stream; it is reset when the block is left."""
    async with await connect(where) as stream:
        given = {"Host": f"127.0.0.1:{where}" if isinstance(where, int) else "agent"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in (given | (headers or {})).items())
        await stream.send_all(f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode())
        reader = EventReader(stream)
        with trio.fail_after(REPLY_S):
            while reader.status == 0 or reader.last_id == "":
                assert await reader.read_more()
                if b"\n\n" in reader._text:
                    block, _, reader._text = reader._text.partition(b"\n\n")
                    assert reader._parse(block.decode()) is None
        yield reader
