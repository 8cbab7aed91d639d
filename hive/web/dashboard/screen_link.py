"""The daemon's end of a screen: a websocket to an agent's harness, which is not trusted.

trio-websocket speaks it. What it would gather for a peer that means no good is bounded by what may
come through the stream underneath; and whatever it makes of such a peer is one failure here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import h11
import trio
import trio_websocket
from wsproto.utilities import ProtocolError

from hive.errors import HiveError, NotFound, Unavailable
from hive.web.dashboard import harness_door
from hive.web.websocket import BINARY, FAILED, MESSAGE_BYTES
from hive.wire.names import AgentName

TARGET = "/screen/ws"
HANDSHAKE_S = 15.0
WRITE_S = 10.0
UNTAKEN_BYTES = 6 * MESSAGE_BYTES
"""What may come while nothing of it is taken: messages under way, and no more than a few."""
_READ_BYTES = 64 * 1024
_NORMAL = 1000
_TOO_BIG = 1009


class HungUp(Unavailable):
    """The harness, or the VNC server behind it, has ended the view."""


class _Bounded(trio.abc.Stream):
    """A stream that breaks when too much comes of which nothing is taken."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.untaken = 0
        self.ended = trio.Event()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._stream.receive_some(max_bytes)
        except BaseException:
            self.ended.set()
            raise
        self.untaken += len(data)
        if not data:
            self.ended.set()
        if self.untaken > UNTAKEN_BYTES:
            self.ended.set()
            raise trio.BrokenResourceError("too much of it is never finished")
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


class Link:
    """An open screen."""

    def __init__(
        self, name: AgentName, socket: trio_websocket.WebSocketConnection, stream: _Bounded
    ) -> None:
        self._name = name
        self._socket = socket
        self._stream = stream

    async def receive(self) -> bytes:
        """Return what comes next; raises `HungUp`."""
        try:
            message = await self._socket.get_message()
        except trio_websocket.ConnectionClosed as closed:
            raise HungUp(_why(self._name, closed)) from closed
        if not isinstance(message, bytes):
            raise HungUp(f"{self._name} sent text for its screen: rebuild it")
        self._stream.untaken = 0
        return message

    async def send(self, data: bytes) -> None:
        """Send one message; raises `HungUp`, also when it is not taken in time."""
        try:
            with trio.fail_after(WRITE_S):
                await self._socket.send_message(data)
        except trio.TooSlowError as error:
            raise HungUp(f"{self._name} takes nothing for its screen: restart it") from error
        except trio_websocket.ConnectionClosed as closed:
            raise HungUp(_why(self._name, closed)) from closed

    async def ping(self, patience_s: float) -> None:
        """Ask whether somebody is there; raises `HungUp` when nobody says so in time."""
        try:
            with trio.fail_after(patience_s):
                await self._socket.ping()
        except trio.TooSlowError as error:
            raise HungUp(f"{self._name} does not answer any more: restart it") from error
        except trio_websocket.ConnectionClosed as closed:
            raise HungUp(_why(self._name, closed)) from closed


Work = Callable[[Link], Awaitable[None]]


async def speak(name: AgentName, stream: trio.abc.Stream, work: Work) -> None:
    """Open the screen over a connection to the harness and do `work`; closes the connection.

    Raises `NotFound` when there is no screen, `Unavailable` for whatever else goes wrong.
    """
    failure: HiveError | None = None
    try:
        async with trio.open_nursery() as nursery:
            try:
                await work(await _shake_hands(nursery, name, _Bounded(stream)))
            except HiveError as error:
                # Kept, because a nursery would wrap it.
                failure = error
            nursery.cancel_scope.cancel()
    except* trio_websocket.ConnectionRejected as group:
        failure = _rejected(name, group.exceptions[0])
    except* (ProtocolError, h11.ProtocolError, trio_websocket.HandshakeError):
        failure = HungUp(f"{name} does not speak as a screen does: rebuild it")
    finally:
        await trio.aclose_forcefully(stream)
    if failure is not None:
        raise failure


async def _shake_hands(nursery: trio.Nursery, name: AgentName, stream: _Bounded) -> Link:
    """Return the open screen; trio-websocket itself would wait on for a peer that is gone."""
    opened: list[Link] = []

    async def give_up(scope: trio.CancelScope) -> None:
        await stream.ended.wait()
        scope.cancel()

    async with trio.open_nursery() as race:
        race.start_soon(give_up, race.cancel_scope)
        with trio.move_on_after(HANDSHAKE_S):
            socket = await trio_websocket.wrap_client_stream(
                nursery,
                cast("trio.SocketStream", stream),
                "agent",
                TARGET,
                subprotocols=[BINARY],
                max_message_size=MESSAGE_BYTES,
                receive_buffer_size=_READ_BYTES,
            )
            opened.append(Link(name, socket, stream))
        race.cancel_scope.cancel()
    if not opened:
        raise HungUp(f"{name} does not answer for its screen: restart it")
    return opened[0]


def _rejected(name: AgentName, error: BaseException) -> HiveError:
    """Return what a refusal means, in our words: the harness's own are not for the operator."""
    status = getattr(error, "status_code", 0)
    if status == NotFound.http_status:
        return NotFound(harness_door.no_screen(name))
    if status == Unavailable.http_status:
        return HungUp(f"no VNC server answers in {name}: look whether it runs, and on which port")
    return HungUp(f"{name} does not open its screen: rebuild it")


def _why(name: AgentName, closed: trio_websocket.ConnectionClosed) -> str:
    code = closed.reason.code if closed.reason is not None else 0
    if code == _NORMAL:
        return f"the VNC server in {name} has hung up: open the screen anew"
    if code == FAILED:
        return f"the VNC server in {name} takes nothing any more: restart it"
    if code == _TOO_BIG:
        return f"{name} sent too much at once for its screen: rebuild it"
    return f"{name} has stopped, or is being restarted: open the screen anew"
