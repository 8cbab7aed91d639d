"""The HTTP server over real sockets: everything a client can do to it short of asking nicely."""

from __future__ import annotations

import json
import logging
import os
import resource
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from hive.errors import Unavailable
from hive.feed import Feed
from hive.web import replies, server, sse
from hive.web.connection import Limits
from tests.fakes.http_client import connect, fetch, open_events, read_reply
from tests.fakes.waiting import until
from tests.integration.web.conftest import Serving

PLAIN = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
KEEP_ALIVE_S = Limits().keep_alive_s
EAGER = Limits(keep_alive_s=0.2, write_s=0.3, linger_s=0.2, stop_s=0.3)


class Application:
    """Answers with its path, counts what runs, and streams a feed."""

    def __init__(self) -> None:
        self.feed = Feed(1.0)
        self.running = 0
        self.disconnects = 0
        self.stream = sse.EventStream(self.feed)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.running += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self.running -= 1

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        if path == "/stream":
            await self.stream(scope, receive, send)
        elif path == "/body":
            body = await replies.read_body(receive, 100_000)
            await replies.send_json(scope, send, {"size": len(body)})
        elif path == "/boom":
            raise ValueError("nobody foresaw this")
        elif path == "/halfway":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            raise ValueError("nobody foresaw this")
        elif path == "/large":
            await replies.send_body(scope, send, 200, b"text/plain", b"x" * 30_000_000)
        elif path == "/slow":
            await replies.wait_gone(receive, trio.CancelScope())
            self.disconnects += 1
        else:
            await replies.send_json(scope, send, {"path": path})


async def ask(port: int, data: bytes, wait_s: float = 5.0) -> tuple[bytes, bool]:
    """Send bytes and read; returns them and whether the server closed within `wait_s`."""
    async with await connect(port) as stream:
        await stream.send_all(data)
        answer = b""
        with trio.move_on_after(wait_s) as waiting:
            while piece := await stream.receive_some(65536):
                answer += piece
        return answer, not waiting.cancelled_caught


async def test_connection_close_is_closed_at_once(serving: Serving) -> None:
    async with serving(Application()) as running:
        data = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer, is_closed = await ask(running.port, data)
        assert is_closed
        assert answer.endswith(b'{"path":"/"}')


async def test_http_1_0_is_closed_at_once(serving: Serving) -> None:
    async with serving(Application()) as running:
        answer, is_closed = await ask(running.port, b"GET /a HTTP/1.0\r\n\r\n")
        assert is_closed
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b'{"path":"/a"}')


async def test_a_connection_is_kept_for_the_next_request_and_its_timer_starts_again(
    serving: Serving, mock_clock: trio.testing.MockClock
) -> None:
    async with serving(Application()) as running, await connect(running.port) as stream:
        for _ in range(3):
            await stream.send_all(PLAIN)
            assert (await read_reply(stream)).status == 200
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(KEEP_ALIVE_S - 1)
        mock_clock.jump(1)
        assert await stream.receive_some() == b""


async def test_a_request_head_that_does_not_end_is_not_waited_for(serving: Serving) -> None:
    async with serving(Application(), limits=EAGER) as running:
        _, is_closed = await ask(running.port, b"GET / HTTP/1.1\r\nHost:", 2)
        assert is_closed


async def test_pipelined_requests_are_answered_in_order(serving: Serving) -> None:
    async with serving(Application()) as running:
        data = b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(20))
        data += b"GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer, is_closed = await ask(running.port, data)
        places = [answer.index(b'{"path":"/%d"}' % number) for number in range(20)]
        assert is_closed
        assert places == sorted(places)


async def test_a_request_behind_connection_close_gets_no_answer_of_its_own(
    serving: Serving,
) -> None:
    async with serving(Application()) as running:
        data = b"GET /1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + PLAIN
        answer, is_closed = await ask(running.port, data)
        assert is_closed
        assert answer.count(b"HTTP/1.1 ") == 1


async def test_a_client_that_closes_its_half_still_gets_its_answer(serving: Serving) -> None:
    async with serving(Application()) as running, await connect(running.port) as stream:
        await stream.send_all(PLAIN)
        await stream.send_eof()
        assert (await read_reply(stream)).json() == {"path": "/"}


@pytest.mark.parametrize(
    "upgrade",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_http_2_in_the_clear_is_not_spoken(serving: Serving, upgrade: bytes) -> None:
    async with serving(Application(), limits=EAGER) as running:
        answer, is_closed = await ask(running.port, upgrade)
        assert is_closed
        assert answer.startswith(b"HTTP/1.1 ")
        assert b" 101 " not in answer


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"431"),
    ],
)
async def test_bad_requests_are_refused_and_closed(
    serving: Serving, data: bytes, status: Any
) -> None:
    async with serving(Application()) as running:
        answer, is_closed = await ask(running.port, data)
        head, _, body = answer.partition(b"\r\n\r\n")
        told = json.loads(body)
        assert is_closed
        assert answer.split()[1] == status
        assert (told["status"], told["error"]["code"]) == (int(status), "bad_request")
        assert b"x-content-type-options: nosniff" in head
        assert (await fetch(running.port, "GET", "/")).status == 200


async def test_a_body_over_the_limit_is_refused_though_the_client_goes_on_sending(
    serving: Serving,
) -> None:
    async with serving(Application()) as running, await connect(running.port) as stream:
        await stream.send_all(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n")
        await stream.send_all(b"x" * 900_000)
        reply = await read_reply(stream)
        assert (reply.status, reply.code) == (413, "too_large")
        with trio.fail_after(8):
            assert await stream.receive_some() == b""


async def test_a_body_that_is_never_read_does_not_hang_the_connection(serving: Serving) -> None:
    app = Application()
    async with serving(app) as running, await connect(running.port) as stream:
        await stream.send_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n")
        await stream.send_all(b"x" * 900_000)
        assert (await read_reply(stream)).status == 200
        with trio.fail_after(8):
            assert await stream.receive_some() == b""
        assert app.running == 0


async def test_a_chunked_body_is_read(serving: Serving) -> None:
    async with serving(Application()) as running, await connect(running.port) as stream:
        await stream.send_all(
            b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        assert (await read_reply(stream)).json() == {"size": 5}


async def test_a_body_that_breaks_off_ends_the_request(serving: Serving) -> None:
    app = Application()
    async with serving(app) as running:
        async with await connect(running.port) as stream:
            await stream.send_all(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
        await until(lambda: not app.running)


async def test_an_unforeseen_failure_is_logged_once_and_answered(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(Application()) as running:
        reply = await fetch(running.port, "GET", "/boom")
        assert (reply.status, reply.code) == (500, "internal")
        assert b"nobody" not in reply.body
        assert [record.exc_info is not None for record in caplog.records] == [True]


async def test_a_failure_in_the_middle_of_an_answer_cuts_it_off(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(Application()) as running:
        data = b"GET /halfway HTTP/1.1\r\nHost: x\r\n\r\n"
        answer, is_closed = await ask(running.port, data)
        assert is_closed
        assert not answer.endswith(b"0\r\n\r\n")
        assert len(caplog.records) == 1


async def stalled(port: int, target: bytes) -> trio.SocketStream:
    """Return a client that asked for something and reads none of it."""
    sock = trio.socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await sock.connect(("127.0.0.1", port))
    stream = trio.SocketStream(sock)
    await stream.send_all(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target)
    return stream


async def test_a_client_that_does_not_read_is_let_go(serving: Serving) -> None:
    app = Application()
    async with serving(app, limits=EAGER) as running:
        async with await stalled(running.port, b"/large"):
            await until(lambda: app.running == 1)
            await until(lambda: app.running == 0, within_s=10)
        assert not running.ended.is_set()


async def test_a_stop_waits_for_no_client(serving: Serving) -> None:
    app = Application()
    async with (
        AsyncExitStack() as clients,
        serving(app) as running,
        trio.open_nursery() as nursery,
    ):

        async def watch() -> None:
            async with open_events(running.port, "/stream") as reader:
                ready.append(reader)
                assert await reader.next() is None
                assert reader.is_ended

        ready: list[object] = []
        for _ in range(100):
            nursery.start_soon(watch)
        for target in (b"/large", b"/large", b"/slow"):
            await clients.enter_async_context(await stalled(running.port, target))
        await clients.enter_async_context(await connect(running.port))
        await until(lambda: len(ready) == 100 and app.running == 103)
        started = trio.current_time()
        running.shutdown.set()
        await running.ended.wait()
        assert trio.current_time() - started < 8
        assert app.running == 0
        assert app.disconnects == 1


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for both ends of a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_500_event_streams_and_a_stalled_reader_stop_in_time(
    serving: Serving, many_files: Any
) -> None:
    app = Application()
    async with serving(app) as running, AsyncExitStack() as clients:
        for _ in range(500):
            stream = await clients.enter_async_context(await connect(running.port))
            await stream.send_all(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        await clients.enter_async_context(await stalled(running.port, b"/large"))
        await until(lambda: app.feed.watchers == 500 and app.running == 501)
        app.feed.publish({"kind": "note", "text": "x" * 20_000})
        started = trio.current_time()
        running.shutdown.set()
        with trio.fail_after(8):
            await running.ended.wait()
        assert trio.current_time() - started < 8


async def test_the_server_survives_clients_that_reset(serving: Serving) -> None:
    app = Application()
    async with serving(app) as running:
        for target in (b"/stream", b"/large", b"/"):
            stream = await stalled(running.port, target)
            linger = struct.pack("ii", 1, 0)
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            stream.socket.close()
        await until(lambda: not app.running)
        assert (await fetch(running.port, "GET", "/")).status == 200


async def test_who_opens_many_connections_and_says_nothing_keeps_nobody_out(
    serving: Serving,
) -> None:
    async with (
        serving(Application(), limits=Limits(connections=3)) as running,
        AsyncExitStack() as stack,
    ):
        asking = await stack.enter_async_context(await connect(running.port))
        await asking.send_all(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await asking.receive_some()
        silent = [await stack.enter_async_context(await connect(running.port)) for _ in range(5)]
        await silent[-1].send_all(b"GET / HT")
        assert await silent[0].receive_some() == b""
        assert (await fetch(running.port, "GET", "/")).status == 200
        await silent[-1].send_all(b"TP/1.1\r\nHost: x\r\n\r\n")
        assert (await read_reply(silent[-1])).status == 200


async def test_more_connections_than_allowed_are_closed_unanswered(serving: Serving) -> None:
    async with serving(Application(), limits=Limits(connections=1)) as running:
        async with await connect(running.port) as first:
            await first.send_all(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
            await first.receive_some()
            _, is_closed = await ask(running.port, b"", 2)
            assert is_closed
        await trio.sleep(0.05)
        assert (await fetch(running.port, "GET", "/")).status == 200


async def test_tcp_and_unix_are_served_together_and_the_file_goes_with_the_server(
    serving: Serving, short_tmp: Path
) -> None:
    path = short_tmp / "web.sock"
    async with serving(Application(), server.UnixBind(path, 0o660)) as running:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert running.bound[1].address == f"unix:{path}"
        assert (await fetch(path, "GET", "/a")).json() == {"path": "/a"}
        assert (await fetch(running.port, "GET", "/b")).json() == {"path": "/b"}
    assert os.listdir(short_tmp) == []  # noqa: PTH208 - nothing to wait for


async def test_a_stale_socket_file_is_replaced(serving: Serving, short_tmp: Path) -> None:
    path = short_tmp / "web.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    async with serving(Application(), server.UnixBind(path)):
        assert (await fetch(path, "GET", "/")).status == 200


async def test_a_file_that_is_no_socket_is_left_alone(short_tmp: Path) -> None:
    path = short_tmp / "web.sock"
    path.write_text("precious")
    with pytest.raises(Unavailable, match="in the way"):
        await server.serve(Application(), [server.UnixBind(path)], shutdown=trio.Event())
    assert path.read_text() == "precious"


async def test_a_socket_file_of_a_successor_is_not_removed(
    serving: Serving, short_tmp: Path
) -> None:
    path = short_tmp / "web.sock"
    async with serving(Application(), server.UnixBind(path)):
        path.rename(short_tmp / "old")
        path.write_text("a successor's")
    assert path.exists()


async def test_a_taken_port_is_tried_again_until_it_is_free(
    autojump_clock: Any, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    taken = socket.socket()
    request.addfinalizer(taken.close)
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    shutdown = trio.Event()
    bound: list[server.Bound] = []

    async def run() -> None:
        async with trio.open_nursery() as inner:
            bound.extend(await inner.start(serve))

    async def serve(task_status: trio.TaskStatus[list[server.Bound]]) -> None:
        await server.serve(
            Application(),
            [server.TcpBind("127.0.0.1", port)],
            shutdown=shutdown,
            task_status=task_status,
        )

    caplog.set_level(logging.DEBUG, "hive.web.server")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await trio.sleep(70)
        levels = [record.levelno for record in caplog.records]
        assert levels.count(logging.WARNING) == 2
        assert len(levels) == 35
        taken.close()
        await trio.sleep(3)
        assert bound[0].port == port
        shutdown.set()


async def test_whoever_waits_for_a_port_is_told_that_it_stays_taken(autojump_clock: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        binds = [server.TcpBind("127.0.0.1", taken.getsockname()[1])]
        with pytest.raises(Unavailable, match="--port"):
            await server.wait_free(binds, 3)
    await server.wait_free(binds, 1)


async def test_a_stop_ends_the_wait_for_a_taken_port(autojump_clock: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        shutdown = trio.Event()
        async with trio.open_nursery() as nursery:
            binds = [server.TcpBind("127.0.0.1", taken.getsockname()[1])]
            nursery.start_soon(lambda: server.serve(Application(), binds, shutdown=shutdown))
            await trio.sleep(5)
            shutdown.set()


async def test_ipv6_loopback_is_served() -> None:
    if not server.loopback_binds("localhost", 7000)[1:]:
        binds: list[server.Bind] = [server.TcpBind("127.0.0.1", 0)]
    else:
        binds = [server.TcpBind("::1", 0)]
    shutdown = trio.Event()
    async with trio.open_nursery() as nursery:
        bound = await nursery.start(
            lambda task_status: server.serve(
                Application(), binds, shutdown=shutdown, task_status=task_status
            )
        )
        host = bound[0].address.removeprefix("http://").rpartition(":")[0].strip("[]")
        async with await trio.open_tcp_stream(host, bound[0].port) as stream:
            await stream.send_all(PLAIN)
            assert (await read_reply(stream)).status == 200
        shutdown.set()


async def test_an_address_that_cannot_be_bound_is_refused_with_a_sentence() -> None:
    binds = [server.TcpBind("no such host", 1)]
    with pytest.raises(Unavailable, match="cannot listen"):
        await server.serve(Application(), binds, shutdown=trio.Event())


async def test_a_cancelled_server_closes_everything(serving: Serving) -> None:
    app = Application()
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            bound = await nursery.start(
                lambda task_status: server.serve(
                    app,
                    [server.TcpBind("127.0.0.1", 0)],
                    shutdown=trio.Event(),
                    task_status=task_status,
                )
            )
            client = await stalled(bound[0].port, b"/large")
            await until(lambda: app.running == 1)
            started = trio.current_time()
            scope.cancel()
    assert trio.current_time() - started < 8
    assert app.running == 0
    client.socket.close()
