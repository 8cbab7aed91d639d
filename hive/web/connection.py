"""One HTTP connection: hypercorn's HTTP/1 between a socket and an ASGI application.

This room drives hypercorn's protocol itself instead of its Trio server, because that server leaves
`Connection: close` open, waits without limit for a client that does not read, and speaks HTTP/2 in
the clear to whoever asks. Here every write has a deadline, a close is a close, and `abort` ends a
connection at once, whatever its peer does. The application sees plain ASGI and one extension,
`RAW`, by which an event stream whose answer has begun writes its own chunks.
"""

from __future__ import annotations

import json
import math
import os
import socket
from contextlib import suppress
from typing import Any, cast

import attrs
import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, RawData, Updated
from hypercorn.protocol.events import Request
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol, H11WSConnection

from hive.errors import BadRequest
from hive.web import replies, websocket
from hive.web.exchange import App, Exchanges
from hive.web.secure_headers import SECURE_HEADERS

_READ_BYTES = 16 * 1024
_WRITE_BYTES = 64 * 1024
_LINGER_BYTES = 1024 * 1024
NO_REQUEST = "this is no HTTP request: send one Host, well-formed headers and not too many of them"


@attrs.frozen
class Limits:
    """How long and how much a client may take; times in seconds, sizes in bytes."""

    keep_alive_s: float = 30.0
    """A connection without a whole request head is closed after this."""
    write_s: float = 10.0
    """A client that takes none of 64 KiB for so long is let go."""
    linger_s: float = 1.0
    """After our last byte, how long the client may go on sending before we hang up."""
    stop_s: float = 0.5
    """At a stop, how long the answers under way may take."""
    head_bytes: int = 16 * 1024
    """Request line and headers together."""
    connections: int = 900
    """At a time; a further one is closed at once. Stays under the usual 1,024 open files."""


class _Flag:
    """hypercorn's idea of an event: one that can be cleared."""

    def __init__(self) -> None:
        self._event = trio.Event()

    async def clear(self) -> None:
        self._event = trio.Event()

    async def wait(self) -> None:
        await self._event.wait()

    async def set(self) -> None:
        self._event.set()

    def set_nowait(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()


class Context:
    """What hypercorn's protocol asks of its worker; one for all connections of a server."""

    event_class = _Flag

    def __init__(self) -> None:
        """Not terminated."""
        self.terminate = _Flag()
        self.terminated = _Flag()

    async def mark_request(self) -> None:
        """hypercorn counts requests here to restart its worker; nothing to do."""

    @staticmethod
    async def sleep(wait: float) -> None:
        """Sleep on Trio's clock."""
        await trio.sleep(wait)

    @staticmethod
    def time() -> float:
        """Trio's clock."""
        return trio.current_time()


class _Http1(H11Protocol):
    """hypercorn's HTTP/1 without its upgrade to HTTP/2, which would go round our deadlines.

    A websocket is one of ours.
    """

    async def _check_protocol(self, event: object) -> None:
        """Stay with HTTP/1 whatever the client asks for."""

    async def _send_error_response(self, status_code: int) -> None:
        """Say of what is no request what is said of every failure."""
        body = json.dumps(replies.error_body(BadRequest(NO_REQUEST), status_code)).encode()
        headers = [
            (b"content-type", replies.PROBLEM),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *SECURE_HEADERS,
            *self.config.response_headers("h11"),
        ]
        await self._send_h11_event(h11.Response(status_code=status_code, headers=headers))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())

    async def _create_stream(self, request: h11.Request) -> None:
        if not websocket.is_wanted(request):
            await super()._create_stream(request)
            return
        self.stream = websocket.Stream(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            STREAM_ID,
        )
        self.connection = H11WSConnection(cast("h11.Connection", self.connection))
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=[each for each in request.headers if each[0] != websocket.EXTENSIONS],
                http_version=request.http_version.decode(),
                method="GET",
                raw_path=request.target,
                state=self.connection_state,
            )
        )


class Connection:
    """One accepted socket until it is closed."""

    def __init__(
        self,
        app: App,
        config: Config,
        context: Context,
        limits: Limits,
        stream: trio.SocketStream,
    ) -> None:
        """Nothing is read before `run`."""
        self._app = app
        self._config = config
        self._context = context
        self._limits = limits
        self._stream = stream
        self._write_lock = trio.Lock()
        self._reading = trio.CancelScope()
        self._waiting = trio.CancelScope()
        self._wait_until = math.inf
        self._is_idle = True
        self._is_done = False
        self._is_cut = False
        self._is_stopping = False
        self._exchanges: Exchanges | None = None

    async def run(self) -> None:
        """Serve requests until either side closes; the socket is closed when this returns."""
        try:
            client = _address(self._stream.socket.getpeername())
            server = _address(self._stream.socket.getsockname())
        except OSError:
            # The peer left before its address could be read.
            self.abort()
            return
        try:
            async with trio.open_nursery() as nursery:
                self._exchanges = Exchanges(nursery, self)
                self._protocol = _Http1(
                    self._app,  # type: ignore[arg-type]
                    self._config,
                    self._context,  # type: ignore[arg-type]
                    self._exchanges,  # type: ignore[arg-type]
                    _NO_STATE,
                    False,
                    client,
                    server,
                    self._on_event,
                )
                with self._reading:
                    await self._read()
                await self._protocol.handle(Closed())
            await self._linger()
        finally:
            self.abort()

    def stop(self) -> None:
        """Close when idle; else tell the application that its client is gone, and close after."""
        self._is_stopping = True
        if self._is_idle or self._is_done:
            self._reading.cancel()
            self._waiting.cancel()
        elif self._exchanges is not None and self._exchanges.current is not None:
            self._exchanges.current.hang_up()

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self._is_idle

    def abort(self) -> None:
        """Close the socket now; whoever waits for it wakes with an error."""
        self._is_cut = True
        self._stream.socket.close()

    def write_nowait(self, data: bytes) -> int:
        """Write what the kernel takes at once and return how much; 0 while others write.

        Also 0 when the client is gone: `write` then does what is to be done.
        """
        if self._is_cut or self._write_lock.locked():
            return 0
        try:
            return os.write(self._stream.socket.fileno(), data)
        except OSError:
            return 0

    async def _read(self) -> None:
        self._set_idle(True)
        while True:
            data = b""
            with (
                trio.CancelScope(deadline=self._wait_until) as self._waiting,
                suppress(trio.BrokenResourceError, trio.ClosedResourceError),
            ):
                data = bytes(await self._stream.receive_some(_READ_BYTES))
            await self._protocol.handle(RawData(data))
            if not data:
                return

    def _set_idle(self, is_idle: bool) -> None:
        self._is_idle = is_idle
        wait_s = self._limits.keep_alive_s if is_idle else math.inf
        self._wait_until = self._waiting.deadline = trio.current_time() + wait_s
        if is_idle and self._is_stopping:
            self._reading.cancel()

    async def _on_event(self, event: object) -> None:
        if isinstance(event, RawData):
            await self.write(event.data)
        elif isinstance(event, Updated):
            self._set_idle(event.idle)
        elif isinstance(event, Closed):
            await self._protocol.handle(Closed())
            self._reading.cancel()

    async def write(self, data: bytes) -> None:
        """Write all of `data`, or cut the connection; never raises but when cancelled."""
        if self._is_cut:
            return
        view = memoryview(data)
        # Shielded, because half a chunk would garble what follows; bounded, because a client that
        # does not read must not hold up a stop.
        with trio.CancelScope(shield=True) as scope:
            try:
                async with self._write_lock:
                    for start in range(0, len(view), _WRITE_BYTES):
                        scope.deadline = trio.current_time() + self._limits.write_s
                        await self._stream.send_all(view[start : start + _WRITE_BYTES])
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._is_cut = True
        if scope.cancelled_caught or self._is_cut:
            self.abort()
            await self._protocol.handle(Closed())

    async def _linger(self) -> None:
        """Say that we are done, then read on a little, lest a reset overtake our last bytes."""
        self._is_done = True
        if self._is_cut or self._is_stopping:
            return
        with suppress(OSError):
            self._stream.socket.shutdown(socket.SHUT_WR)
        left = _LINGER_BYTES
        with (
            trio.move_on_after(self._limits.linger_s) as self._waiting,
            suppress(trio.BrokenResourceError, trio.ClosedResourceError),
        ):
            while left > 0 and (data := await self._stream.receive_some(_READ_BYTES)):
                left -= len(data)


_NO_STATE: Any = {}


def _address(name: object) -> tuple[str, int] | None:
    """Return host and port of a TCP address; None for a unix socket."""
    return (name[0], name[1]) if isinstance(name, tuple) else None
