"""Line sockets: bad lines, long lines, gone clients, slow readers, stale files."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive import calls, light, lines
from hive.errors import Conflict, DaemonUnreachable, HiveError, NotFound, Refused, Unavailable
from hive.wire.limits import LINE_BYTES


def fail(error: HiveError) -> dict[str, Any]:
    return {"kind": "error", "code": error.code, "message": str(error)}


class Echo:
    """A door for tests: echoes, fails on demand, parks on demand."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.release = trio.Event()

    async def handle(self, request: Any) -> Any:
        if isinstance(request, dict):
            if request.get("do") == "crash":
                raise RuntimeError("a secret detail")
            if request.get("do") == "missing":
                raise NotFound("no such thing")
            if request.get("do") == "park":
                try:
                    await self.release.wait()
                except trio.Cancelled:
                    self.cancelled += 1
                    raise
            if request.get("do") == "stream":
                return self.numbers()
        return {"echo": request}

    async def numbers(self) -> AsyncGenerator[dict[str, Any], None]:
        for number in range(3):
            yield {"n": number}

    @asynccontextmanager
    async def served(self, path: Path) -> AsyncIterator[None]:
        door = lines.Door(
            "test",
            self.handle,
            fail,
            lambda request: isinstance(request, dict) and request.get("do") == "park",
        )
        listener = await lines.listen(path, 0o600)
        async with trio.open_nursery() as nursery:
            await nursery.start(lines.serve, listener, door)
            yield
            nursery.cancel_scope.cancel()


async def raw(path: Path, data: bytes, replies: int) -> list[Any]:
    stream = await calls.connect(path)
    got = b""
    with trio.fail_after(5):
        await stream.send_all(data)
        while got.count(b"\n") < replies:
            chunk = await stream.receive_some()
            assert chunk
            got += chunk
    await stream.aclose()
    return [json.loads(line) for line in got.splitlines()]


async def test_what_fails_when_a_reply_is_taken_back_ends_that_client_alone(
    short_tmp: Path,
) -> None:
    async def full(reply: dict[str, Any]) -> None:
        del reply
        raise Unavailable("the database cannot grow, its disk is full: free space on it")

    path, echo = short_tmp / "s", Echo()
    door = lines.Door("test", echo.handle, fail, lost=full)
    listener = await lines.listen(path, 0o600)
    async with trio.open_nursery() as nursery:
        await nursery.start(lines.serve, listener, door)
        for _ in range(3):
            gone = await calls.connect(path)
            gone.socket.shutdown(socket.SHUT_RD)
            await gone.send_all(b"1\n")
            await gone.send_eof()
            with trio.fail_after(5):
                assert await gone.receive_some() == b""
            await gone.aclose()
        assert await raw(path, b"7\n", 1) == [{"echo": 7}]
        nursery.cancel_scope.cancel()


async def test_several_requests_on_one_connection_are_answered_in_order(short_tmp: Path) -> None:
    path = short_tmp / "s"
    async with Echo().served(path):
        assert await raw(path, b"1\n2\n3\n", 3) == [{"echo": 1}, {"echo": 2}, {"echo": 3}]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "bad_request"),
        (b"\xff\xfe", "bad_request"),
        (b"NaN", "bad_request"),
        (b"", "bad_request"),
        (b"[" * 100_000, "bad_request"),
        (b"x" * (LINE_BYTES + 1), "too_large"),
        (b'"' + b"x" * (3 * LINE_BYTES) + b'"', "too_large"),
        (b'{"do":"missing"}', "not_found"),
        (b'{"do":"crash"}', "internal"),
    ],
)
async def test_a_bad_line_gets_one_error_and_the_connection_lives_on(
    short_tmp: Path, line: bytes, code: str
) -> None:
    path = short_tmp / "s"
    async with Echo().served(path):
        first, second = await raw(path, line + b"\n7\n", 2)
    assert first["code"] == code
    assert "secret" not in first["message"]
    assert second == {"echo": 7}


async def test_what_is_too_long_is_told_before_it_ends_and_only_once(short_tmp: Path) -> None:
    path = short_tmp / "s"
    async with Echo().served(path):
        stream = await calls.connect(path)
        with trio.fail_after(5):
            await stream.send_all(b"x" * (LINE_BYTES + 1))
            first = json.loads(await stream.receive_some())
            await stream.send_all(b"x" * (2 * LINE_BYTES) + b"\n7\n")
            second = json.loads(await stream.receive_some())
        await stream.aclose()
    assert (first["code"], second) == ("too_large", {"echo": 7})


@pytest.mark.parametrize("line", [b"7", b"6\n7", b"x" * (2 * LINE_BYTES) + b"\n7"])
async def test_the_last_line_needs_no_newline(short_tmp: Path, line: bytes) -> None:
    path, said = short_tmp / "s", b""
    async with Echo().served(path):
        stream = await calls.connect(path)
        with trio.fail_after(5):
            await stream.send_all(line)
            await stream.send_eof()
            async for chunk in stream:
                said += chunk
        await stream.aclose()
    assert len(said.splitlines()) == line.count(b"\n") + 1
    assert json.loads(said.splitlines()[-1]) == {"echo": 7}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(st.binary(max_size=60).filter(lambda b: b"\n" not in b), max_size=8))
def test_any_bytes_get_as_many_replies_as_lines(short_tmp: Path, garbage: list[bytes]) -> None:
    async def main() -> None:
        path = short_tmp / "s"
        async with Echo().served(path):
            data = b"".join(line + b"\n" for line in garbage) + b"true\n"
            assert (await raw(path, data, len(garbage) + 1))[-1] == {"echo": True}

    trio.run(main)


async def test_a_parked_request_is_given_up_when_its_client_goes(short_tmp: Path) -> None:
    path, echo = short_tmp / "s", Echo()
    async with echo.served(path):
        stream = await calls.connect(path)
        await stream.send_all(b'{"do":"park"}\n')
        await trio.testing.wait_all_tasks_blocked(0.02)
        await stream.aclose()
        with trio.fail_after(2):
            while not echo.cancelled:
                await trio.testing.wait_all_tasks_blocked()
                await trio.lowlevel.checkpoint()
    assert echo.cancelled == 1


async def test_a_parked_request_of_a_half_closed_client_is_still_answered(short_tmp: Path) -> None:
    path, echo = short_tmp / "s", Echo()
    async with echo.served(path):
        stream = await calls.connect(path)
        await stream.send_all(b'{"do":"park"}\n')
        await stream.send_eof()
        await trio.testing.wait_all_tasks_blocked(0.02)
        echo.release.set()
        with trio.fail_after(2):
            assert b"echo" in await stream.receive_some()
        await stream.aclose()


async def test_what_is_sent_while_parked_is_answered_afterwards(short_tmp: Path) -> None:
    path, echo = short_tmp / "s", Echo()
    async with echo.served(path), trio.open_nursery() as nursery:
        got: list[Any] = []

        async def ask() -> None:
            got.extend(await raw(path, b'{"do":"park"}\n5\n', 2))

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked(0.02)
        echo.release.set()
    assert got[1] == {"echo": 5}


async def test_a_stream_of_replies_ends_the_connection(short_tmp: Path) -> None:
    path = short_tmp / "s"
    async with Echo().served(path):
        assert [each["n"] for each in await raw(path, b'{"do":"stream"}\n', 3)] == [0, 1, 2]


async def test_a_client_that_never_reads_is_let_go(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "WRITE_DEADLINE_S", 0.05)
    path = short_tmp / "s"
    async with Echo().served(path):
        stream = await calls.connect(path)
        with pytest.raises(trio.BrokenResourceError), trio.fail_after(5):
            await stream.send_all((b'"' + b"x" * 100_000 + b'"\n') * 200)
        await stream.aclose()
        assert await raw(path, b"1\n", 1) == [{"echo": 1}]


async def test_a_stale_socket_file_is_replaced(short_tmp: Path) -> None:
    path = short_tmp / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    async with Echo().served(path):
        assert await raw(path, b"1\n", 1) == [{"echo": 1}]


async def test_a_socket_somebody_answers_on_is_refused(short_tmp: Path) -> None:
    path = short_tmp / "s"
    async with Echo().served(path):
        with pytest.raises(Conflict, match="another daemon"):
            await lines.listen(path, 0o600)


async def test_a_call_without_a_daemon_names_the_mend(short_tmp: Path) -> None:
    with pytest.raises(DaemonUnreachable, match="--socket"):
        await calls.call(short_tmp / "none", {"cmd": "list"}, timeout_s=1)


async def test_a_call_has_a_deadline_and_the_next_one_a_new_connection(short_tmp: Path) -> None:
    path, echo = short_tmp / "s", Echo()
    async with echo.served(path):
        caller = calls.Caller(path)
        with pytest.raises(Unavailable, match=r"0\.05 s"):
            await caller.call({"do": "park"}, timeout_s=0.05)
        assert await caller.call({"n": 1}, timeout_s=5) == {"echo": {"n": 1}}
        caller.close()


async def test_the_socket_has_the_mode_it_was_given(short_tmp: Path) -> None:
    async with Echo().served(short_tmp / "s"):
        assert (short_tmp / "s").stat().st_mode & 0o777 == 0o600


async def test_a_client_that_is_not_admitted_gets_one_clear_error_and_no_answer(
    short_tmp: Path,
) -> None:
    path, seen, echo = short_tmp / "s", list[int](), Echo()

    def admit(user: int) -> None:
        seen.append(user)
        raise Refused(f"you are user {user}")

    door = lines.Door("test", echo.handle, fail, admit=admit)
    listener = await lines.listen(path, 0o600)
    async with trio.open_nursery() as nursery:
        await nursery.start(lines.serve, listener, door)
        stream = await calls.connect(path)
        said = b""
        with trio.fail_after(5):
            async for chunk in stream:
                said += chunk
        await stream.aclose()
        reply = json.loads(said)
        assert (reply["code"], reply["message"]) == ("refused", f"you are user {os.geteuid()}")
        assert seen == [os.geteuid()]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("client", ["lines", "light"])
async def test_who_is_refused_before_the_request_was_read_still_hears_why(
    short_tmp: Path, client: str
) -> None:
    path = short_tmp / "s"
    listener = await lines.listen(path, 0o600)

    async def refuse() -> None:
        stream = await listener.accept()
        await stream.send_all(b'{"ok": false, "code": "refused", "error": "you are nobody"}\n')
        await stream.aclose()

    # More than the kernel takes for a socket whose other end reads nothing.
    request = {"cmd": "list", "filler": "x" * 4_000_000}
    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(refuse)
        with trio.fail_after(30):
            if client == "lines":
                reply = await calls.call(path, request, timeout_s=20)
                assert reply["error"] == "you are nobody"
                return
            with pytest.raises(light.Failure, match="you are nobody"):
                await trio.to_thread.run_sync(partial(light.call, str(path), request, timeout_s=20))
