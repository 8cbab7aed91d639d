"""Passes a port of loopback on to the daemon: to its proxy, or on the host's network its gateway.

Programs know a proxy by an address and a port, and the way out is a socket in /run/hive. What
speaks HTTP is no concern of this room. A daemon that is away for a moment is waited for.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import attrs
import trio

from hive.config import HarnessConfig
from hive.errors import Unavailable
from hive.relay import relay
from hive.wire.destinations import PROXY, PROXY_PORT, parse_target

LOOPBACK = "127.0.0.1"
AWAY_S = 15.0
"""How long a daemon that restarts is waited for."""
AGAIN_S = 0.1
ANSWER_S = 20.0
PORT_S = 30.0
HEAD_BYTES = 4096
PRIVILEGED = 1024
ANY = 0
"""Lets the kernel choose a port."""
TURN_AWAY_S = 5.0
AWAY = "the daemon is away"

log = logging.getLogger(__name__)


@attrs.define
class Port:
    """Where a harness's forwarder listens; claude is told of it."""

    number: int = PROXY_PORT
    _taken: trio.Event = attrs.field(factory=trio.Event)

    @classmethod
    def of(cls, config: HarnessConfig) -> Port:
        """Return the one that is the same in every container, or any of the host's."""
        return cls(PROXY_PORT if config.network == PROXY else ANY)

    def take(self, number: int) -> None:
        """Say where it listens; the same again when it is begun anew."""
        self.number = number
        self._taken.set()

    async def known(self, config: HarnessConfig) -> int:
        """Return the number once nothing can change it; raises `Unavailable` after a while."""
        if config.network == PROXY or not config.gateway_word:
            return self.number
        with trio.move_on_after(PORT_S):
            await self._taken.wait()
            return self.number
        raise Unavailable("no port could be taken for the way to hive's gateway: see its log")


async def run(config: HarnessConfig, port: Port, *, task_status: trio.TaskStatus[None]) -> None:
    """Listen until cancelled; at once ready where nothing goes by it.

    On the host's network it takes a port that is free, the same again when it is begun anew, and
    what reaches it there goes to the gateway alone. Raises `Unavailable` when the port is taken.
    """
    is_own = config.network == PROXY
    if not is_own and not config.gateway_word:
        task_status.started()
        await trio.sleep_forever()
    async with trio.open_nursery() as nursery:
        serve = partial(_pass_on, config.egress_socket if is_own else config.gateway_socket)
        listener = await _listen(port.number)
        port.take(listener.socket.getsockname()[1])
        await nursery.start(trio.serve_listeners, serve, [listener])
        for service in config.local_services:
            await _offer(nursery, config.egress_socket, service)
        task_status.started()


async def _offer(nursery: trio.Nursery, way_out: Path, service: str) -> None:
    """Answer a port of the host's loopback on the same port here."""
    port = parse_target(service).port
    if port < PRIVILEGED or port == PROXY_PORT:
        log.info("%s is reached by the proxy alone: its port cannot be taken here", service)
        return
    try:
        listener = await _listen(port)
    except Unavailable as error:
        # The agent may have taken it; by the proxy it is reached all the same.
        log.warning("%s is reached by the proxy alone: %s", service, error)
        return
    serve = partial(_tunnel, way_out, service)
    await nursery.start(trio.serve_listeners, serve, [listener])


async def _listen(port: int) -> trio.SocketListener:
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    is_done = False
    try:
        if port != ANY:
            # A port that the kernel chooses could be one that another just takes as well.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        await sock.bind((LOOPBACK, port))
        sock.listen(128)
        is_done = True
    except OSError as error:
        raise Unavailable(f"cannot listen on {LOOPBACK}:{port}: {error.strerror}") from error
    finally:
        if not is_done:
            sock.close()
    return trio.SocketListener(sock)


async def _pass_on(way_out: Path, near: trio.SocketStream) -> None:
    async def begin(far: trio.SocketStream) -> bool:
        del far
        return True

    await _join(way_out, near, begin, says_why=True)


async def _tunnel(way_out: Path, service: str, near: trio.SocketStream) -> None:
    async def begin(far: trio.SocketStream) -> bool:
        await far.send_all(f"CONNECT {service} HTTP/1.1\r\nHost: {service}\r\n\r\n".encode())
        with trio.fail_after(ANSWER_S):
            return await _says_yes(far)

    await _join(way_out, near, begin, says_why=False)


async def _says_yes(far: trio.SocketStream) -> bool:
    """Read the head of an answer, byte by byte: what follows belongs to the service."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        data = await far.receive_some(1)
        if not data or len(head) == HEAD_BYTES:
            return False
        head += data
    return head.startswith(b"HTTP/1.1 200 ")


async def _join(
    way_out: Path,
    near: trio.SocketStream,
    begin: Callable[[trio.SocketStream], Awaitable[bool]],
    *,
    says_why: bool,
) -> None:
    """Connect a client to the daemon and pass everything on; closes both."""
    far: trio.SocketStream | None = None
    why = AWAY
    try:
        with trio.move_on_after(AWAY_S):
            try:
                far = await _connect(way_out)
            except Unavailable as error:
                log.error("%s", error)  # noqa: TRY400 - the sentence is all there is
                why = error.message
        if far is not None:
            if await begin(far):
                await relay(near, far)
        elif says_why:
            await _turn_away(near, why)
    except (trio.BrokenResourceError, trio.TooSlowError):
        return
    finally:
        near.socket.close()
        if far is not None:
            far.socket.close()


async def _turn_away(near: trio.SocketStream, why: str) -> None:
    """Answer a client that cannot be passed on."""
    head = f"HTTP/1.1 503 hive: {why}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with trio.move_on_after(TURN_AWAY_S):
        await near.send_all(head.encode("ascii", "replace"))
        # What the client still sends would make the kernel drop the answer.
        await near.send_eof()
        while await near.receive_some(HEAD_BYTES):
            pass


async def _connect(way_out: Path) -> trio.SocketStream:
    """Connect to the daemon as soon as it answers; raises `Unavailable` when that never will."""
    while True:
        sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        is_done = False
        try:
            await sock.connect(os.fspath(way_out))
            is_done = True
            return trio.SocketStream(sock)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN):
                raise Unavailable(
                    f"{way_out} cannot be used ({error.strerror}): restart the agent"
                ) from error
        finally:
            if not is_done:
                sock.close()
        await trio.sleep(AGAIN_S)
