"""A feed as server-sent events: numbered, resumable, each frame encoded once.

A client says with `Last-Event-ID` (or `?last_event_id=`) what it has seen and gets the rest, or the
event `reset` when the feed no longer holds it: then it takes a new snapshot. Frames go straight
from one shared piece of bytes to the socket; only a client that does not keep up is written to by
way of the server, with its deadline, and one that falls behind the feed's ring is reset.

The event `awake` comes first and then every 15 seconds: a connection that died without a word is
known by its silence, and a comment would be hidden from the page. A comment comes with it all the
same, for whoever looks for one.
"""

from __future__ import annotations

from collections import OrderedDict

import trio

from hive.feed import Feed, Watch
from hive.web import replies
from hive.web.exchange import RAW, RawWriter, Receive, Scope, Send

HEARTBEAT_S = 15.0
RETRY_MS = 1000
_KEPT_CHUNKS = 64
_BATCH_BYTES = 256 * 1024
_UNKNOWN = 0
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """Serves one feed to any number of clients; an ASGI application for one path."""

    def __init__(self, feed: Feed, heartbeat_s: float = HEARTBEAT_S) -> None:
        """Serve `feed`."""
        self._feed = feed
        self._heartbeat_s = heartbeat_s
        self._chunks: OrderedDict[int, bytes] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client leaves or is logged out, or the feed is closed."""
        replies.need_method(scope, "GET")
        after = _last_event_id(scope)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(replies.wait_gone, receive, nursery.cancel_scope)
            nursery.start_soon(replies.wait_shut_out, scope, nursery.cancel_scope)
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            client = _Client(scope, send, self._feed.seq if after is None else after)
            nursery.start_soon(self._keep_awake, client)
            await self._pump(client)
            nursery.cancel_scope.cancel()
        # Outside, so that a client which is told to go gets the end of its answer too.
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pump(self, client: _Client) -> None:
        """Write frames until the feed is closed, starting anew for a client that fell behind."""
        # The number comes first of all: a client cut off before its first frame can resume too.
        first = b"retry: %d\nid: %d\n\n" % (RETRY_MS, client.seq)
        await client.write(client.frame(first + self._awake(client)))
        while True:
            with self._feed.watch(client.seq) as watch:
                await self._follow(watch, client)
                if not watch.needs_reset:
                    return
            client.seq = self._feed.seq
            told = _event(client.seq, b'{"kind":"reset","seq":%d}' % client.seq)
            await client.write(client.frame(b"event: reset\n" + told))

    async def _follow(self, watch: Watch, client: _Client) -> None:
        while (frames := await watch.next()) is not None:
            if len(frames) == 1:
                client.seq = frames[0][0]
                await client.write(self._chunk(*frames[0], client))
            else:
                await self._write_batch(frames, client)

    async def _keep_awake(self, client: _Client) -> None:
        # A task of its own: a deadline around every wait for a frame costs more than the frame.
        while True:
            await trio.sleep(self._heartbeat_s)
            await client.write(client.frame(self._awake(client)))

    def _awake(self, client: _Client) -> bytes:
        """Return the sign of life; its number is that of what the client was written before."""
        told = b'{"kind":"awake","seq":%d,"every_s":%g}' % (client.seq, self._heartbeat_s)
        return b": awake\nevent: awake\n" + _event(client.seq, told)

    async def _write_batch(self, frames: list[tuple[int, bytes]], client: _Client) -> None:
        batch = bytearray()
        for seq, line in frames:
            batch += self._chunk(seq, line, client)
            if len(batch) > _BATCH_BYTES or seq == frames[-1][0]:
                client.seq = seq
                await client.write(bytes(batch))
                batch.clear()

    def _chunk(self, seq: int, line: bytes, client: _Client) -> bytes:
        """Return a frame as it goes over the wire, made once and kept for the other clients."""
        if not client.is_chunked:
            return _event(seq, line)
        chunk = self._chunks.get(seq)
        if chunk is None:
            chunk = self._chunks[seq] = client.frame(_event(seq, line))
            if len(self._chunks) > _KEPT_CHUNKS:
                self._chunks.popitem(last=False)
        return chunk


class _Client:
    """One client's end: framed as its HTTP version wants, past the protocol where that is safe."""

    def __init__(self, scope: Scope, send: Send, seq: int) -> None:
        self.seq = seq
        """The number of the newest frame that was written to it, or that it says it has."""
        self._send = send
        self._raw: RawWriter | None = scope["extensions"].get(RAW)
        # Without a way past the protocol, the protocol itself makes the chunks.
        self.is_chunked = self._raw is not None and scope["http_version"] >= "1.1"

    def frame(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked else data

    async def write(self, data: bytes) -> None:
        if self._raw is None:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            return
        taken = self._raw.write_nowait(data)
        if taken < len(data):
            await self._raw.write(data[taken:])


def _event(seq: int, line: bytes) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (seq, line)


def _last_event_id(scope: Scope) -> int | None:
    """Return what the client has seen; None when it says nothing, 0 when it says nonsense."""
    text = replies.header(scope, b"last-event-id")
    if text is None:
        text = replies.query(scope).get("last_event_id")
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else _UNKNOWN
