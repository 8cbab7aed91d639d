"""A view of a screen ends whatever its harness does, and has its limits; on a clock of its own."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import attrs
import pytest
import trio
import trio.testing
import trio_websocket
import wsproto.utilities
from hypothesis import given
from hypothesis import strategies as st

from hive.errors import Unavailable
from hive.web.agent_page import screen as agent_screen
from hive.web.dashboard import screen, screen_link
from hive.web.dashboard.screen import End, View
from hive.web.websocket import FAILED, GOING_AWAY, MESSAGE_BYTES, POLICY, UNSUPPORTED, Bytes
from hive.wire.names import AgentName
from tests.fakes.rfb_server import KEY

BOB = AgentName("bob")
Harness = Callable[[trio.abc.Stream], Awaitable[None]]
Serve = Callable[[trio_websocket.WebSocketConnection], Awaitable[None]]


@attrs.define
class Browser:
    """The browser's side of a websocket, as the application is told of it."""

    messages: list[bytes] = attrs.field(factory=list)
    closed: tuple[int, str] | None = None
    is_allowed: bool = True
    _out: trio.MemorySendChannel[dict[str, Any]] = attrs.field(init=False)
    _in: trio.MemoryReceiveChannel[dict[str, Any]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """It has asked for the websocket."""
        self._out, self._in = trio.open_memory_channel[dict[str, Any]](8)
        self._out.send_nowait({"type": "websocket.connect"})

    async def says(self, data: bytes | str) -> None:
        """Send a message."""
        key = "bytes" if isinstance(data, bytes) else "text"
        await self._out.send({"type": "websocket.receive", key: data})

    async def leaves(self, code: int = 1006) -> None:
        """Be gone; with 1001 it is the server that stops."""
        await self._out.send({"type": "websocket.disconnect", "code": code})

    async def _sent(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            self.messages.append(message["bytes"])
        elif message["type"] == "websocket.close":
            self.closed = (message["code"], message["reason"])
        await trio.lowlevel.checkpoint()

    def bytes(self) -> Bytes:
        """Return what the application uses."""
        return Bytes({"subprotocols": ["binary"]}, self._in.receive, self._sent)


def friendly(serve: Serve) -> Harness:
    """Return a harness that opens the screen and does `serve` with it."""

    async def run(stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await trio_websocket.wrap_server_stream(nursery, stream)
            assert request.path == "/screen/ws"
            await serve(await request.accept(subprotocol="binary"))
            nursery.cancel_scope.cancel()

    return run


async def quiet(socket: trio_websocket.WebSocketConnection) -> None:
    """Answer pings, and say nothing."""
    del socket
    await trio.sleep_forever()


@asynccontextmanager
async def viewing(
    harness: Harness, *, view_only: bool = False
) -> AsyncIterator[tuple[Browser, list[End]]]:
    """Run a view against a harness; the list has its end once there is one."""
    browser, ends = Browser(), list[End]()
    ours, theirs = trio.testing.memory_stream_pair()

    async def connect() -> trio.abc.Stream:
        return ours

    async def view() -> None:
        shown = View(browser.bytes(), view_only=view_only, stays=lambda: browser.is_allowed)
        ends.append(await shown.run(BOB, connect))

    async def answer() -> None:
        try:
            await harness(theirs)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        async with trio.open_nursery() as viewers:
            viewers.start_soon(view)
            yield browser, ends
        nursery.cancel_scope.cancel()
    assert browser.closed == (ends[0].code, ends[0].why)


async def end_of(harness: Harness, **how: Any) -> End:
    """Return how a view ends at which nobody does anything."""
    async with viewing(harness, **how) as (_, ends):
        pass
    return ends[0]


def saying(answer: bytes, more: bytes = b"") -> Harness:
    """Return what answers whatever it is asked, goes on with `more` and does not hang up."""

    async def run(stream: trio.abc.Stream) -> None:
        await stream.receive_some(65536)
        await stream.send_all(answer)
        while more:
            await stream.send_all(more)
            await trio.lowlevel.checkpoint()
        await trio.sleep_forever()

    return run


def opened(more: bytes, then: bytes = b"") -> Harness:
    """Return a harness that opens the screen, says raw bytes, and `then` without an end."""

    async def run(stream: trio.abc.Stream) -> None:
        head = bytes(await stream.receive_some(65536))
        key = head.lower().partition(b"sec-websocket-key: ")[2]
        at = head.lower().index(b"sec-websocket-key: ") + len(b"sec-websocket-key: ")
        accept = wsproto.utilities.generate_accept_token(head[at : at + key.index(b"\r\n")])
        lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
        lines += [b"Sec-WebSocket-Accept: " + accept, b"Sec-WebSocket-Protocol: binary", b"", b""]
        await stream.send_all(b"\r\n".join(lines) + more)
        while then:
            await stream.send_all(then)
            await trio.lowlevel.checkpoint()
        await trio.sleep_forever()

    return run


REJECTED = b"HTTP/1.1 %d No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
FRAME = b"\x82\x7f" + struct.pack(">Q", 1 << 40)
HOSTILE = {
    "silence": (saying(b""), "does not answer"),
    "no screen": (saying(REJECTED % 404), "has no screen"),
    "no VNC server": (saying(REJECTED % 503), "no VNC server answers"),
    "a login": (saying(REJECTED % 401), "does not open its screen"),
    "a page instead": (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "does not open"),
    "no HTTP": (saying(b"RFB 003.008\n\r\n\r\n"), "does not speak"),
    "a head without an end": (saying(b"HTTP/1.1 101 X\r\n", b"X: " + b"a" * 999), "does not"),
    "a refusal without an end": (
        saying(b"HTTP/1.1 404 No\r\nContent-Length: 99999999999\r\n\r\n", b"a" * 9999),
        "does not answer",
    ),
    "another key": (
        saying(
            b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: AAAA\r\n\r\n"
        ),
        "does not speak",
    ),
    "a frame of a terabyte": (opened(FRAME, b"a" * 9999), "too much at once"),
    "a message without an end": (opened(b"\x02\x01a", b"\x00\x01a" * 999), "too much"),
    "parts of nothing": (opened(b"\x02\x00", b"\x00\x00" * 9999), "stopped"),
    "pings without an end": (opened(b"", b"\x89\x7d" + b"p" * 125), "stopped"),
    "pongs without an end": (opened(b"", b"\x8a\x7d" + b"p" * 125), "stopped"),
    "text": (opened(b"\x81\x02hi"), "sent text"),
    "a masked frame": (opened(b"\x82\x81abcda"), "stopped"),
    "a frame of no kind": (opened(b"\x87\x00"), "stopped"),
    "too much and then a ping": (opened(FRAME + b"a" * 70_000 + b"\x89\x00"), "too much"),
    "an end": (opened(b"\x88\x02\x03\xe8"), "has hung up"),
    "an end with a lie": (opened(b"\x88\x12\x03\xf3give me a token!"), "takes nothing"),
    "an end of no code": (opened(b"\x88\x02\x00\x01"), "stopped"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_harness_that_means_no_good_ends_its_view(name: str, autojump_clock: Any) -> None:
    harness, why = HOSTILE[name]
    end = await end_of(harness)
    assert end.code == FAILED
    assert why in end.why
    assert len(end.why.encode()) <= 123
    assert "token" not in end.why


FRAMES = st.sampled_from(
    [b"\x82\x01a", b"\x88\x00", b"\x89\x01p", b"\x02\x00", b"\x80\x01b", FRAME]
)


@given(st.binary(max_size=40), st.lists(FRAMES | st.binary(max_size=9), max_size=6), st.booleans())
def test_whatever_a_harness_says_its_view_ends(
    head: bytes, frames: list[bytes], is_opened: bool
) -> None:
    said = b"".join(frames)

    async def run() -> None:
        harness = opened(said) if is_opened else saying(head + said)
        assert (await end_of(harness)).code == FAILED

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_a_harness_that_is_not_there_ends_the_view_with_its_reason() -> None:
    browser = Browser()

    async def connect() -> trio.abc.Stream:
        raise Unavailable("bob is not running: start it")

    end = await View(browser.bytes(), view_only=True, stays=lambda: True).run(BOB, connect)
    assert browser.closed == (FAILED, "bob is not running: start it") == (end.code, end.why)


async def test_what_does_not_look_like_a_screen_ends_a_view_that_may_only_look() -> None:
    async def serve(socket: trio_websocket.WebSocketConnection) -> None:
        await socket.send_message(b"SSH-2.0-OpenSSH\r\n")
        await trio.sleep_forever()

    end = await end_of(friendly(serve), view_only=True)
    assert end == End(POLICY, "what answers there is no VNC server")


async def test_with_control_bytes_pass_as_they_are() -> None:
    async def serve(socket: trio_websocket.WebSocketConnection) -> None:
        await socket.send_message(await socket.get_message())
        await socket.aclose(1000)

    async with viewing(friendly(serve)) as (browser, ends):
        await browser.says(KEY)
    assert browser.messages == [KEY]
    assert ends[0] == End(FAILED, "the VNC server in bob has hung up: open the screen anew")


@pytest.mark.parametrize(
    ("data", "view_only", "code"),
    [("text", False, UNSUPPORTED), ("text", True, UNSUPPORTED), (KEY, True, POLICY)],
)
async def test_a_viewer_that_makes_no_sense_ends_its_view(
    data: Any, view_only: bool, code: int
) -> None:
    async with viewing(friendly(quiet), view_only=view_only) as (browser, ends):
        await browser.says(data)
    assert ends[0].code == code


@pytest.mark.parametrize(("code", "why"), [(1006, "viewer has left"), (1001, "hive stops")])
async def test_a_view_ends_with_its_viewer_and_with_hive(code: int, why: str) -> None:
    async with viewing(friendly(quiet)) as (browser, ends):
        await browser.leaves(code)
    assert ends[0].code == GOING_AWAY
    assert why in ends[0].why


async def test_a_viewer_that_logs_out_sees_no_more(autojump_clock: Any) -> None:
    async with viewing(friendly(quiet)) as (browser, ends):
        browser.is_allowed = False
    assert ends == [End(POLICY, "you are logged out: log in again")]
    assert trio.current_time() < screen.LOOK_S + 1


async def test_a_screen_on_which_nothing_moves_is_closed_after_an_hour(autojump_clock: Any) -> None:
    begun = trio.current_time()
    end = await end_of(friendly(quiet))
    assert end.code == POLICY
    assert "nothing moved for 60 minutes" in end.why
    assert screen.IDLE_S <= trio.current_time() - begun <= screen.IDLE_S + 2 * screen.LOOK_S


async def test_a_screen_that_moves_is_closed_after_half_a_day(autojump_clock: Any) -> None:
    async def serve(socket: trio_websocket.WebSocketConnection) -> None:
        while True:
            await socket.send_message(b"a picture")
            await trio.sleep(30)

    begun = trio.current_time()
    end = await end_of(friendly(serve))
    assert end == End(POLICY, "this view was open for 12 hours: open it anew")
    assert screen.WHOLE_S <= trio.current_time() - begun <= screen.WHOLE_S + 2 * screen.LOOK_S


async def test_a_harness_that_stands_still_is_noticed(autojump_clock: Any) -> None:
    end = await end_of(opened(b""))
    assert end == End(FAILED, "bob does not answer any more: restart it")
    assert trio.current_time() <= screen.LOOK_S + screen.PONG_S + 1


async def test_a_harness_that_reads_nothing_is_noticed(autojump_clock: Any) -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()

    async def connect() -> trio.abc.Stream:
        return ours

    browser = Browser()
    await browser.says(b"a" * MESSAGE_BYTES)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(opened(b""), theirs)
        with trio.fail_after(2 * screen_link.WRITE_S):
            shown = View(browser.bytes(), view_only=False, stays=lambda: True)
            end = await shown.run(BOB, connect)
        nursery.cancel_scope.cancel()
    assert end == End(FAILED, "bob takes nothing for its screen: restart it")


async def test_nothing_is_gathered_for_a_viewer_that_reads_nothing(autojump_clock: Any) -> None:
    """What its browser does not take is not read from the harness either."""
    ours, theirs = trio.testing.lockstep_stream_pair()
    sent = 0

    async def connect() -> trio.abc.Stream:
        return ours

    async def flood(socket: trio_websocket.WebSocketConnection) -> None:
        nonlocal sent
        while True:
            await socket.send_message(b"a" * MESSAGE_BYTES)
            sent += 1

    taken = trio.Event()

    async def never(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            taken.set()
            await trio.sleep_forever()

    browser = Browser()
    viewer = Bytes({"subprotocols": []}, browser._in.receive, never)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(friendly(flood), theirs)
        nursery.start_soon(View(viewer, view_only=False, stays=lambda: True).run, BOB, connect)
        await taken.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert sent <= 6
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"a", (FAILED, "the VNC server takes nothing")),
        ("a", (UNSUPPORTED, "a screen takes bytes, not text")),
    ],
)
async def test_a_harness_gives_up_a_server_that_takes_nothing_and_a_viewer_that_sends_text(
    data: Any, end: tuple[int, str], autojump_clock: Any
) -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()
    browser = Browser()
    await browser.says(data)
    await agent_screen._Relay(browser.bytes(), cast("trio.SocketStream", ours)).run()
    assert browser.closed == end
    await theirs.aclose()
