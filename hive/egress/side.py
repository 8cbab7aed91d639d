"""One end of HTTP/1.1 on a stream: h11's events in and out, each wait with a deadline."""

from __future__ import annotations

from collections.abc import Callable

import h11
import trio

from hive.egress.requests import HEAD_BYTES

WRITE_S = 60.0
CHUNK = 64 * 1024

Event = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


class Gone(Exception):
    """The other end has left, or does not keep to the protocol any more."""


class Side:
    """A client of ours, or the server that we are a client of."""

    def __init__(
        self,
        role: type[h11.CLIENT] | type[h11.SERVER],
        stream: trio.abc.Stream,
        count: Callable[[int, int], None] = lambda _out, _in: None,
    ) -> None:
        """`role` is our own; `count` is told of bytes written and read."""
        self.stream = stream
        self.http = h11.Connection(role, max_incomplete_event_size=HEAD_BYTES)
        self.count = count

    async def next_event(self, within_s: float) -> Event:
        """Return what the other end says next.

        Raises `Gone` when it left, `trio.TooSlowError`, and `h11.RemoteProtocolError` for what is
        no HTTP.
        """
        with trio.fail_after(within_s):
            while True:
                event = self.http.next_event()
                if event is not h11.NEED_DATA:
                    return event
                await self.read_more()

    async def read_more(self) -> bool:
        """Read once; False when the other end said that nothing more comes. Raises `Gone`."""
        try:
            data = await self.stream.receive_some(CHUNK)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Gone(str(error)) from error
        self.count(0, len(data))
        self.http.receive_data(bytes(data))
        return bool(data)

    async def send(self, event: h11.Event) -> None:
        """Write an event; raises `Gone` when nobody takes it."""
        data = self.http.send(event)
        if data:
            self.count(len(data), 0)
            await self.send_bytes(data)

    async def send_bytes(self, data: bytes) -> None:
        """Write bytes as they are; raises `Gone` when nobody takes them."""
        try:
            with trio.fail_after(WRITE_S):
                await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError) as error:
            raise Gone(str(error)) from error

    async def close(self) -> None:
        """Let the connection go at once; cannot be cancelled."""
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self.stream)
