"""The HTTP server: an ASGI application on TCP and unix sockets, as one Trio task.

`serve` binds, says where, and serves until `shutdown` is set. A port that is taken is tried again
for ever; a stale unix socket is replaced, and ours is removed at the end. A stop ends idle
connections and event streams at once, gives answers under way half a second, and then closes what
is left whatever its peer does.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import attrs
import trio
from hypercorn.config import Config

from hive.errors import Unavailable
from hive.feed import Feed
from hive.web import replies, websocket
from hive.web.connection import Connection, Context, Limits
from hive.web.exchange import App

BIND_RETRY_S = 2.0
FREE_RETRY_S = 0.2
_RETRIES_PER_WARNING = 30
_BACKLOG = 512
_UNACKNOWLEDGED_MS = 30_000
_TRY_AGAIN = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL})

log = logging.getLogger(__name__)


@attrs.frozen
class TcpBind:
    """An address and a port; port 0 takes a free one."""

    host: str
    port: int


@attrs.frozen
class UnixBind:
    """A socket file with its mode."""

    path: Path
    mode: int = 0o600


Bind = TcpBind | UnixBind


@attrs.frozen
class Bound:
    """Where the server answers."""

    address: str
    """`http://127.0.0.1:7000`, or `unix:` and the path."""
    port: int | None
    """None for a unix socket."""


def loopback_binds(host: str, port: int) -> list[TcpBind]:
    """Return the binds of a configured host; `localhost` is both loopback addresses."""
    if host != "localhost":
        return [TcpBind(host, port)]
    binds = [TcpBind("127.0.0.1", port)]
    # With a free port asked for, a second socket would get another one.
    if port and _has_ipv6_loopback():
        binds.append(TcpBind("::1", port))
    return binds


def _has_ipv6_loopback() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


async def serve(
    app: App,
    binds: Sequence[Bind],
    *,
    shutdown: trio.Event,
    limits: Limits | None = None,
    task_status: trio.TaskStatus[list[Bound]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` on `binds` until `shutdown` is set; started with one `Bound` per bind.

    Raises `Unavailable` for an address that can never be bound. Returns at most `limits.stop_s`
    and a little after `shutdown` is set; cancelled, it closes everything at once.
    """
    limits = limits or Limits()
    sockets: list[BoundSocket] = []
    try:
        for bind in binds:
            bound = await _bind_until(bind, shutdown)
            if bound is None:
                return
            sockets.append(bound)
        task_status.started([each.bound for each in sockets])
        await _Server(app, limits).run(sockets, shutdown)
    finally:
        for each in sockets:
            each.close()


async def serve_until_cancelled(
    app: App,
    binds: Sequence[Bind],
    feed: Feed,
    *,
    task_status: trio.TaskStatus[list[Bound]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve as a supervised task does: cancelled, end the feed's watches, then stop in order."""
    shutdown = trio.Event()

    async def shielded(*, task_status: trio.TaskStatus[list[Bound]]) -> None:
        with trio.CancelScope(shield=True):
            await serve(app, binds, shutdown=shutdown, task_status=task_status)
        await trio.sleep_forever()

    async def wait_cancelled(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            feed.close()
            shutdown.set()

    async with trio.open_nursery() as nursery:
        # First, so that a stop is heard while a taken port is still waited for.
        await nursery.start(wait_cancelled)
        task_status.started(await nursery.start(shielded))


class _Server:
    """The connections of one `serve`."""

    def __init__(self, app: App, limits: Limits) -> None:
        self._app = replies.Boundary(app)
        self._limits = limits
        self._config = Config()
        self._config.errorlog = logging.getLogger("hive.web.hypercorn")
        self._config.include_server_header = False
        self._config.h11_max_incomplete_size = limits.head_bytes
        self._config.websocket_max_message_size = websocket.MESSAGE_BYTES
        self._config.websocket_ping_interval = websocket.PING_S
        self._context = Context()
        self._open: dict[Connection, None] = {}
        self._none_open = trio.Event()
        self._is_stopping = False

    async def run(self, sockets: list[BoundSocket], shutdown: trio.Event) -> None:
        listeners = [each.listener for each in sockets]
        async with trio.open_nursery() as handlers, trio.open_nursery() as accepting:
            accepting.start_soon(
                partial(trio.serve_listeners, self._handle, listeners, handler_nursery=handlers)
            )
            try:
                await shutdown.wait()
            finally:
                accepting.cancel_scope.cancel()
                for each in sockets:
                    each.close()
                self._stop(handlers)

    def _stop(self, handlers: trio.Nursery) -> None:
        self._is_stopping = True
        self._note_closed()
        self._context.terminated.set_nowait()
        for connection in list(self._open):
            connection.stop()
        handlers.start_soon(self._abort_late, handlers.cancel_scope)

    async def _abort_late(self, scope: trio.CancelScope) -> None:
        """Close what is still open when the time to stop is over."""
        try:
            with trio.move_on_after(self._limits.stop_s):
                await self._none_open.wait()
        finally:
            for connection in list(self._open):
                connection.abort()
            scope.cancel()

    async def _handle(self, stream: trio.SocketStream) -> None:
        if len(self._open) >= self._limits.connections and not self._make_room():
            log.warning("too many connections: one was closed unanswered")
            stream.socket.close()
            return
        connection = Connection(self._app, self._config, self._context, self._limits, stream)
        self._open[connection] = None
        try:
            await replies.contain("a connection", connection.run)
        finally:
            self._open.pop(connection, None)
            self._note_closed()

    def _make_room(self) -> bool:
        """Close the oldest connection that has no request under way, if there is one.

        Else whoever opens many and says nothing would keep everybody out.
        """
        for connection in self._open:
            if connection.is_idle:
                connection.abort()
                del self._open[connection]
                return True
        return False

    def _note_closed(self) -> None:
        if self._is_stopping and not self._open:
            self._none_open.set()


class BoundSocket:
    """One listening socket and the file that belongs to it."""

    def __init__(self, sock: trio.socket.SocketType, path: Path | None) -> None:
        sock.listen(_BACKLOG)
        self.listener = trio.SocketListener(sock)
        self.path = path
        self.bound = _describe(sock, path)
        self._inode = path.stat().st_ino if path else None

    def close(self) -> None:
        """Close it, and remove its file unless somebody else has put theirs there."""
        self.listener.socket.close()
        inode, self._inode = self._inode, None
        if self.path is not None and inode is not None:
            with suppress(FileNotFoundError):
                if self.path.stat().st_ino == inode:
                    self.path.unlink()


def _describe(sock: trio.socket.SocketType, path: Path | None) -> Bound:
    if path is not None:
        return Bound(f"unix:{path}", None)
    host, port = sock.getsockname()[:2]
    return Bound(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}", port)


async def wait_free(binds: Sequence[TcpBind], tries: int) -> None:
    """Wait `tries` times `FREE_RETRY_S` for addresses; raises `Unavailable` when one stays taken.

    For a person in front of a terminal; a daemon that restarts goes on trying.
    """
    for bind in binds:
        for _ in range(tries):
            if await _is_free(bind):
                break
            await trio.sleep(FREE_RETRY_S)
        else:
            raise Unavailable(
                f"{_name(bind)} is taken by another program, maybe by another hive: stop it, or"
                " give another port with --port"
            )


async def _is_free(bind: TcpBind) -> bool:
    try:
        bound = await _bind_tcp(bind)
    except OSError as error:
        # Any other failure is told better by the one who binds to stay.
        return error.errno not in _TRY_AGAIN
    bound.close()
    return True


async def _bind_until(bind: Bind, shutdown: trio.Event) -> BoundSocket | None:
    """Bind, trying again while somebody else holds the address; None when told to stop."""
    tries = 0
    while not shutdown.is_set():
        try:
            bound = await (_bind_tcp(bind) if isinstance(bind, TcpBind) else bind_unix(bind))
        except OSError as error:
            if error.errno not in _TRY_AGAIN:
                raise Unavailable(f"cannot listen on {_name(bind)}: {error.strerror}") from error
            level = logging.WARNING if tries % _RETRIES_PER_WARNING == 0 else logging.DEBUG
            log.log(
                level,
                "cannot listen on %s yet (%s): trying every %g s; stop whoever has it, or choose"
                " another port",
                _name(bind),
                error.strerror,
                BIND_RETRY_S,
            )
            tries += 1
            with trio.move_on_after(BIND_RETRY_S):
                await shutdown.wait()
        else:
            log.info("listening on %s", bound.bound.address)
            return bound
    return None


def _name(bind: Bind) -> str:
    return f"{bind.host} port {bind.port}" if isinstance(bind, TcpBind) else str(bind.path)


async def _bind_tcp(bind: TcpBind) -> BoundSocket:
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    sock = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by what is accepted: a client that vanished without a word is noticed at the
        # next heartbeat, not after the kernel's quarter of an hour.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        await sock.bind((bind.host, bind.port))
        return BoundSocket(sock, None)
    except BaseException:
        sock.close()
        raise


async def bind_unix(bind: UnixBind) -> BoundSocket:
    """Bind under another name and rename: the file has its mode before anybody can connect.

    Raises `OSError`, with EADDRINUSE when somebody answers there.
    """
    await _refuse_if_answered(bind.path)
    new = bind.path.with_name(f".{secrets.token_hex(3)}")
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        await sock.bind(os.fspath(new))
        new.chmod(bind.mode)
        sock.listen(_BACKLOG)
        new.rename(bind.path)
        return BoundSocket(sock, bind.path)
    except BaseException:
        sock.close()
        new.unlink(missing_ok=True)
        raise


async def _refuse_if_answered(path: Path) -> None:
    """Raise EADDRINUSE when somebody answers at `path`, `Unavailable` when it is no socket."""
    if not _is_there(path):
        return
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with sock, trio.move_on_after(1):
        try:
            await sock.connect(os.fspath(path))
        except OSError:
            return
    raise OSError(errno.EADDRINUSE, "somebody answers there")


def _is_there(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISSOCK(mode):
        raise Unavailable(f"{path} is in the way and is not a socket: move it")
    return True
