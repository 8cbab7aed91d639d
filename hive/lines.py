"""One JSON value per line on a unix socket: serve; `calls` is the other side.

The server answers requests of one connection in order. A bad line gets an error reply and the
connection lives on; a client that says nothing costs a task and nothing else, one that does not
read is cut after a deadline. A request that may park is given up when its client goes away, so that
nothing is handed to a caller that has left.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import attrs
import trio

from hive.errors import Conflict, HiveError, Refused, Unavailable
from hive.wire import codec
from hive.wire.limits import LINE_BYTES

WRITE_DEADLINE_S = 10.0
HALF_CLOSED_CHECK_S = 0.5
CONNECTIONS = 512
BOUND_END = ".new"
"""Of the name a socket is bound by; its listener keeps that, wherever the file is moved."""
_CHUNK = 64 * 1024
_UCRED = "iII"
"""Process, user and group."""

Reply = dict[str, Any]


log = logging.getLogger(__name__)


@attrs.frozen
class Peer:
    """The process that connected, as the kernel knows it."""

    pid: int
    uid: int


@attrs.frozen
class Taken:
    """A connection that speaks another language from here on: a last reply, then `run`.

    The client waits for that reply. `close` is called at the end, whether `run` was begun or not.
    """

    reply: Reply
    run: Callable[[trio.SocketStream], Awaitable[None]]
    close: Callable[[], None]


Replies = Reply | AsyncGenerator[Reply, None] | Taken

_PEER: ContextVar[Peer | None] = ContextVar("hive_peer", default=None)


def peer() -> Peer | None:
    """Return who is on the other side of the connection that is being answered here."""
    return _PEER.get()


def peer_of(sock: trio.socket.SocketType) -> Peer:
    """Return who connected to a unix socket of ours; raises `OSError`."""
    size = struct.calcsize(_UCRED)
    told = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, uid, _ = struct.unpack(_UCRED, told)
    return Peer(pid, uid)


def is_daemons(address: object) -> bool:
    """Whether what is connected to at that address of its own was made by `listen`."""
    return isinstance(address, str) and address.endswith(BOUND_END)


@attrs.frozen
class Door:
    """What a socket says: how it answers a request, how a failure, and which requests park."""

    name: str
    """For the log."""
    handle: Callable[[Any], Awaitable[Replies]]
    fail: Callable[[HiveError], Reply]
    parks: Callable[[Any], bool] = lambda _: False
    """True for a request that may wait long for something to happen."""
    lost: Callable[[Reply], Awaitable[None]] | None = None
    """Told of a reply that could not be written, so that what it carried can be taken back."""
    connections: int = CONNECTIONS
    """How many it answers at a time."""
    admit: Callable[[int], None] = lambda _: None
    """Given the user who connects; raises `Refused` for one that has no business here."""


async def listen(
    path: Path,
    mode: int,
    *,
    made_in: Path | None = None,
    gid: int | None = None,
    owner: int | None = None,
) -> trio.SocketListener:
    """Bind `path` with `mode`, replacing a stale file; it appears only when it can be used.

    With `gid` it is given to that group, with `owner` to that user and its group. Where others may
    write beside it, `made_in` names a directory of our own on the same file system: the socket is
    made there and moved. Raises `Conflict` when somebody answers at `path` (not asked with
    `made_in`: whoever may write there may answer there), `Unavailable` when it cannot be bound.
    """
    if made_in is None and await _answers(path):
        raise Conflict(f"another daemon answers on {path}: stop it first")
    new = (
        path.with_name(path.name + BOUND_END)
        if made_in is None
        else made_in / f"{path.parent.name}-{path.stem}{BOUND_END}"
    )
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        new.unlink(missing_ok=True)
        await sock.bind(os.fspath(new))
        if gid is not None:
            os.chown(new, -1, gid)
        new.chmod(mode)
        if owner is not None and owner != os.geteuid():
            os.chown(new, owner, owner)
        sock.listen(CONNECTIONS)
        new.rename(path)
    except OSError as error:
        sock.close()
        raise Unavailable(f"cannot listen on {path}: {error.strerror}") from error
    return trio.SocketListener(sock)


async def _answers(path: Path) -> bool:
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with sock, trio.move_on_after(1):
        try:
            await sock.connect(os.fspath(path))
        except OSError:
            return False
    return True


async def serve(
    listener: trio.SocketListener,
    door: Door,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve a door for ever; a client beyond its `connections` gets one error reply."""
    room = trio.CapacityLimiter(door.connections)

    async def refuse(stream: trio.SocketStream, why: HiveError) -> None:
        try:
            with trio.move_on_after(WRITE_DEADLINE_S):
                await stream.send_all(codec.dumps(door.fail(why)))
        except trio.BrokenResourceError:
            pass  # it has gone already, and needs no answer
        await stream.aclose()

    async def one(stream: trio.SocketStream) -> None:
        peer = peer_of(stream.socket)
        try:
            door.admit(peer.uid)
        except Refused as error:
            log.warning("%s: %s", door.name, error)
            await refuse(stream, error)
            return
        if room.available_tokens < 1:
            await refuse(stream, Unavailable("too many connections on this socket: close some"))
            return
        async with room:
            # Of this connection's task alone.
            _PEER.set(peer)
            await alone(door.name, _Connection(stream, door).run())

    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, one, [listener])
        task_status.started()


async def alone(name: str, conversation: Awaitable[None]) -> None:
    """Run what serves one client; what nobody foresaw is logged and ends that client alone."""
    try:
        await conversation
    except Exception:
        log.exception("%s: a client's conversation failed", name)


class _Connection:
    """One client: its buffer and its turn to speak."""

    def __init__(self, stream: trio.SocketStream, door: Door) -> None:
        self._stream = stream
        self._door = door
        self._buffer = bytearray()
        self._searched = 0
        self._is_over = False
        """Whether the line that is being read was told already that it is too long."""
        self._is_half_closed = False

    async def run(self) -> None:
        try:
            while (line := await self._line()) is not None:
                if not await self._answer(line):
                    return
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time()):
                await self._stream.aclose()

    async def _line(self) -> bytes | None:
        """Return the next line, of one that is too long the beginning; None at the end.

        What is too long is told so at once, whether it ends or not; its rest is passed over. What
        the client has written last is a line too, without its newline.
        """
        if self._buffer:
            # Who sends many requests at once waits its turn among the other clients.
            await trio.lowlevel.checkpoint()
        while True:
            end = self._buffer.find(b"\n", self._searched)
            size = len(self._buffer) if end < 0 else end
            if self._is_over:
                self._take(size)
            elif end >= 0 or size > LINE_BYTES:
                self._is_over = end < 0
                return self._take(size)
            else:
                self._searched = size
            if end >= 0:
                self._is_over = False
            elif self._is_half_closed or not await self._read():
                return self._take(size) or None

    def _take(self, size: int) -> bytes:
        """Take so many bytes out of the buffer, and the newline behind them."""
        line = bytes(self._buffer[:size])
        del self._buffer[: size + 1]
        self._searched = 0
        return line

    async def _read(self) -> bool:
        # The wait comes first: a client that has its reply has rarely sent the next request yet.
        data: bytes | None = None
        while data is None:
            await trio.lowlevel.wait_readable(self._stream.socket)
            try:
                data = os.read(self._stream.socket.fileno(), _CHUNK)
            except BlockingIOError:
                continue
            except OSError as error:
                raise trio.BrokenResourceError(f"cannot read: {error.strerror}") from error
        if not data:
            self._is_half_closed = True
            return False
        self._buffer += data
        return True

    async def _answer(self, line: bytes) -> bool:
        """Answer one line; False when the client is to be let go."""
        try:
            request = codec.loads(line)
            if self._door.parks(request):
                answer = await self._handle_parked(request)
                if answer is None:
                    return False
            else:
                answer = await self._door.handle(request)
        except HiveError as error:
            answer = self._door.fail(error)
        except Exception:
            log.exception("%s: a request failed: %.200r", self._door.name, line)
            answer = self._door.fail(HiveError("hive failed at this request; its log says why"))
        if isinstance(answer, Taken):
            return await self._hand_over(answer)
        if not isinstance(answer, dict):
            return await self._stream_out(answer)
        is_written = False
        try:
            is_written = await self._write(answer)
        finally:
            if not is_written and self._door.lost is not None:
                await self._door.lost(answer)
        return is_written

    async def _handle_parked(self, request: object) -> Replies | None:
        """Run a request that may park; None when the client left before it was answered."""
        answer: list[Replies] = []
        failure: list[HiveError] = []

        async def work() -> None:
            try:
                answer.append(await self._door.handle(request))
            except HiveError as error:
                failure.append(error)
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._wait_gone, nursery.cancel_scope)
            nursery.start_soon(work)
        if failure:
            raise failure[0]
        return answer[0] if answer else None

    async def _wait_gone(self, scope: trio.CancelScope) -> None:
        """Cancel `scope` once the client is gone for good; keep what it sends meanwhile."""
        try:
            while len(self._buffer) <= LINE_BYTES and await self._read():
                pass
        except trio.BrokenResourceError:
            scope.cancel()
            return
        # The kernel wakes nobody when the second half of a socket closes; this case is rare.
        while not _hung_up(self._stream.socket):  # noqa: ASYNC110
            await trio.sleep(HALF_CLOSED_CHECK_S)
        scope.cancel()

    async def _hand_over(self, taken: Taken) -> bool:
        """Let somebody else speak to the client; the connection ends with that."""
        try:
            # What stands behind the request already would be read by nobody.
            if not self._buffer and await self._write(taken.reply):
                await taken.run(self._stream)
        finally:
            taken.close()
        return False

    async def _stream_out(self, replies: AsyncGenerator[Reply, None]) -> bool:
        """Write replies until they end or the client leaves; the connection ends with them."""

        async def pump() -> None:
            async with aclosing(replies):
                async for reply in replies:
                    if not await self._write(reply):
                        break
                    await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._wait_gone, nursery.cancel_scope)
            nursery.start_soon(pump)
        return False

    async def _write(self, reply: Reply) -> bool:
        """Write a reply; False when the client does not read within the deadline."""
        line = codec.dumps(reply)
        # Nearly always the kernel takes all of it at once: no deadline and no turn is needed.
        try:
            written = os.write(self._stream.socket.fileno(), line)
        except BlockingIOError:
            written = 0
        except OSError as error:
            raise trio.BrokenResourceError(f"cannot write: {error.strerror}") from error
        if written == len(line):
            return True
        with trio.move_on_after(WRITE_DEADLINE_S) as scope:
            await self._stream.send_all(line[written:])
        return not scope.cancelled_caught


def _hung_up(sock: trio.socket.SocketType) -> bool:
    poll = select.poll()
    poll.register(sock.fileno(), 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
