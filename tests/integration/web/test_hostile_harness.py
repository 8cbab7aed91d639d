"""A harness that is the agent's own program, and answers the dashboard with everything odd."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import repeat
from pathlib import Path

import h11
import pytest
import trio

from hive.web.dashboard import harness_exchange
from hive.wire.names import AgentName
from tests.fakes.http_client import connect
from tests.fakes.waiting import until
from tests.integration.web.dashboard import Browser, browsing
from tests.integration.web.test_agent_proxy import reply

BOB = AgentName("bob")
STATE = "/agent/bob/api/state"
STREAM = "/agent/bob/events/stream"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
WHOLE = b"Content-Length: 2\r\n\r\n{}"

Say = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def speaking(browser: Browser, say: Say) -> AsyncIterator[None]:
    """Let `say` answer what comes to bob's `web.sock`, after what was asked."""

    async def handle(stream: trio.SocketStream) -> None:
        # Who was spoken to hangs up when it has heard enough.
        with suppress(trio.BrokenResourceError):
            async with stream:
                await stream.receive_some(65536)
                await say(stream)

    sock = trio.socket.socket(trio.socket.AF_UNIX)
    await sock.bind(str(browser.hive.paths.web_socket(BOB)))
    sock.listen()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, handle, [trio.SocketListener(sock)])
        yield
        nursery.cancel_scope.cancel()
    browser.hive.paths.web_socket(BOB).unlink()


def endless(first: bytes, more: bytes) -> Say:
    """Return what never ends by itself."""

    async def say(stream: trio.SocketStream) -> None:
        await stream.send_all(first)
        for part in repeat(more):
            await stream.send_all(part)

    return say


def dribbling(first: bytes, more: bytes) -> Say:
    """Return what comes byte by byte, and never ends."""

    async def say(stream: trio.SocketStream) -> None:
        await stream.send_all(first)
        for part in repeat(more):
            await stream.send_all(part)
            await trio.sleep(0.01)

    return say


def once(*parts: bytes) -> Say:
    """Return what is said and then waits, without hanging up."""

    async def say(stream: trio.SocketStream) -> None:
        for part in parts:
            await stream.send_all(part)
        await trio.sleep_forever()

    return say


def asking(browser: Browser, target: str) -> bytes:
    """Return a request of the browser's that keeps the connection."""
    head = "".join(f"{name}: {value}\r\n" for name, value in browser.headers().items())
    return f"GET {target} HTTP/1.1\r\nHost: {browser.host}\r\n{head}\r\n".encode()


async def is_well(browser: Browser) -> None:
    """Check that the dashboard answers, and that nobody's cookie or agent was touched."""
    answer = await browser.get("/api/state")
    assert answer.status == 200
    assert answer.header("set-cookie") is None
    await browser.hive.audit.settle()
    done = [row.entry for row in browser.hive.audit.newest(100)]
    assert {each.action for each in done if each.surface == "page"} <= {"log_in", "cancel"}


NEVER_ANSWERS = {
    "headers without an end": endless(HEAD, b"X-More: " + b"a" * 100 + b"\r\n"),
    "a header line without an end": endless(HEAD + b"X: ", b"a" * 4096),
    "a status line without an end": endless(b"HTTP/1.1 200 ", b"O" * 4096),
    "heads before its own without an end": endless(b"", b"HTTP/1.1 100 \r\n\r\n" * 4096),
    "early hints": endless(b"", b"HTTP/1.1 103 Hints\r\nLink: </x>; rel=preload\r\n\r\n" * 64),
    "another protocol": once(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
        + HEAD
        + WHOLE
    ),
    "http/2": once(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "two lengths": once(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a negative length": once(HEAD + b"Content-Length: -2\r\n\r\n{}"),
    "an odd coding": once(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    "a folded header": once(HEAD + b"X: 1\r\n Set-Cookie: hive_session=1\x00\r\n\r\n"),
    "escapes for a terminal": once(b"\x1b]0;mine\x07\x1b[2J\r\n\r\n"),
    "a login": once(reply("application/json", "{}", status="401 Unauthorized")),
    "a frame of a websocket": once(b"\x81\x05hello" * 100 + b"\r\n\r\n"),
}


async def test_who_does_not_come_to_an_answer_is_told_of_as_an_error(short_tmp: Path) -> None:
    found: dict[str, tuple[int, str]] = {}
    async with browsing(short_tmp, "bob") as browser:
        for name, say in NEVER_ANSWERS.items():
            async with speaking(browser, say):
                answer = await browser.get(STATE)
            found[name] = (answer.status, answer.code)
            assert b"\x1b" not in answer.body
        await is_well(browser)
    assert found == dict.fromkeys(NEVER_ANSWERS, (503, "unavailable"))


BREAKS_OFF = {
    "a chunk that is none": once(CHUNKED + b"zz\r\n{}\r\n"),
    "a negative chunk": once(CHUNKED + b"-2\r\n{}\r\n"),
    "a chunk that is too long": once(CHUNKED + b"2\r\n{}}}}}\r\n0\r\n\r\n"),
    "an extension without an end": endless(CHUNKED + b"2;", b"a" * 4096),
    "trailers without an end": endless(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-More: a\r\n" * 100),
    "a body without an end": endless(CHUNKED, b"8000\r\n" + b"a" * 0x8000 + b"\r\n"),
    "a body that dribbles": dribbling(CHUNKED, b"1\r\n \r\n"),
    "a body that says it is too long": endless(
        HEAD + b"Content-Length: 99999999999\r\n\r\n", b"a" * 0x8000
    ),
}


async def test_a_body_that_goes_wrong_is_cut_off_and_taken_for_nothing_whole(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness_exchange, "ANSWER_BYTES", 1 << 20)
    monkeypatch.setattr(harness_exchange, "WHOLE_S", 0.5)
    whole = set()
    async with browsing(short_tmp, "bob") as browser:
        for name, say in BREAKS_OFF.items():
            async with speaking(browser, say):
                # Cut off: a client knows it from the end that its coding wants.
                with suppress(h11.RemoteProtocolError):
                    await browser.get(STATE)
                    whole.add(name)
        await is_well(browser)
    assert whole == set()


async def test_who_dribbles_its_head_is_given_up(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness_exchange, "ANSWER_S", 0.2)
    async with browsing(short_tmp, "bob") as browser, speaking(browser, dribbling(HEAD, b"H")):
        found = await browser.get(STATE)
        assert (found.status, found.code) == (503, "unavailable")


async def test_a_second_answer_behind_the_first_goes_to_nobody(short_tmp: Path) -> None:
    second = reply("text/html", "<script>smuggled</script>", "Set-Cookie: hive_session=mine")
    async with (
        browsing(short_tmp, "bob") as browser,
        speaking(browser, once(HEAD + WHOLE + second, second)),
        await connect(browser.port) as stream,
    ):
        # Kept alive: what came behind would be the answer to the next request.
        for target in (STATE, "/api/state"):
            await stream.send_all(asking(browser, target))
        said = b""
        with trio.fail_after(10):
            while b'"seq"' not in said:
                said += await stream.receive_some(65536)
    assert b"smuggled" not in said
    assert b"hive_session" not in said


async def test_a_stream_with_a_flood_in_it_stops_at_whoever_does_not_read(short_tmp: Path) -> None:
    """Nothing is gathered in the daemon: what is not taken is not read from the harness."""
    sent = 0

    async def flood(stream: trio.SocketStream) -> None:
        nonlocal sent
        await stream.send_all(EVENTS)
        frame = b"id: 7\nevent: error\ndata: " + b"x" * (1 << 15) + b"\n\n"
        while True:
            await stream.send_all(frame)
            sent += len(frame)

    async with browsing(short_tmp, "bob") as browser, speaking(browser, flood):
        async with await connect(browser.port) as stream:
            await stream.send_all(asking(browser, STREAM))
            await until(lambda: sent > 0)
            await is_well(browser)
        # Sockets hold some hundreds of KiB each; a daemon that gathers would have it all.
        assert sent < 64 << 20


def _fifo(path: Path, _: Browser) -> None:
    os.mkfifo(path)


def _folder(path: Path, _: Browser) -> None:
    path.mkdir()
    (path / "web.sock").touch()


def _device(path: Path, _: Browser) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: Path, _: Browser) -> None:
    path.symlink_to(path)


def _operators(path: Path, browser: Browser) -> None:
    path.symlink_to(browser.hive.paths.host_socket)


def _renamed(path: Path, browser: Browser) -> None:
    browser.hive.paths.agent_socket(BOB).rename(path)


def _linked(path: Path, browser: Browser) -> None:
    path.hardlink_to(browser.hive.paths.agent_socket(BOB))


def _egress(path: Path, browser: Browser) -> None:
    path.hardlink_to(browser.hive.paths.egress_socket(BOB))


def _operators_linked(path: Path, browser: Browser) -> None:
    """Where a sandbox has it on another mount, and its rights are another user's."""
    path.hardlink_to(browser.hive.paths.host_socket)


PLANTS = {
    "a pipe": _fifo,
    "a directory": _folder,
    "a link to a device": _device,
    "a link to itself": _loop,
    "a link to the operator's socket": _operators,
    "its own mcp.sock, linked": _linked,
    "its own egress.sock": _egress,
    "the operator's socket itself": _operators_linked,
    "its own mcp.sock, renamed": _renamed,
}


async def test_what_stands_in_the_place_of_a_harness_gets_nothing_done(short_tmp: Path) -> None:
    found: dict[str, set[tuple[int, str]]] = {}
    body = json.dumps({"cmd": "send", "to": "operator", "body": "forged"}).encode() + b"\n"
    async with browsing(short_tmp, "bob") as browser:
        path = browser.hive.paths.web_socket(BOB)
        for name, plant in PLANTS.items():
            plant(path, browser)
            answers = [
                await browser.get(STATE),
                await browser.get(STREAM),
                await browser.post("/agent/bob/api/cancel", body),
            ]
            found[name] = {(each.status, each.code) for each in answers}
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        await is_well(browser)
        assert (await browser.daemon.operator("inbox"))["inbox"] == []
    assert found == {key: {(503, "coming_up")} for key in PLANTS}


async def test_a_question_on_its_page_is_the_daemons_whatever_the_harness_says(
    short_tmp: Path,
) -> None:
    async with browsing(short_tmp, "bob", "alice") as browser:
        for name, text in (("alice", "May I drop the database?"), ("bob", "Red or green?")):
            asked = await browser.daemon.agent(name, "ask", question=text)
            assert asked["kind"] == "question_queued", asked
        forged = {"kind": "question", "id": 1, "text": "Shall I go on?", "options": ["yes"]}
        answer = reply("application/json", json.dumps({"loose_ends": [forged]}))
        async with speaking(browser, once(answer)):
            rows = (await browser.get("/agent/bob/api/loose-ends")).json()["loose_ends"]
            assert [(row["asker"], row["text"]) for row in rows] == [("bob", "Red or green?")]
            assert (await browser.post("/agent/bob/api/loose-ends")).status == 405
