"""Stopping: quick whatever is open, refusing a second daemon, finding containers again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from hive.wire.names import MANAGER
from tests.e2e.stage import STAND_IN, Stage, spawn, stage
from tests.fakes import as_user


def _split(host: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":")
    return name, int(port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_is_not_held_up_by_open_streams_and_a_parked_recv(
    short_tmp: Path, number: signal.Signals
) -> None:
    async with stage(short_tmp, STAND_IN, "live") as hive:
        streams = [await open_event_stream_of(hive, index) for index in range(3)]
        socket = hive.paths.agent_socket(MANAGER)
        parked = await as_user.connected(socket, hive.user(MANAGER))
        await parked.send_all(b'{"cmd":"recv","wait_seconds":180}\n')
        await hive.operator("list")
        assert hive.daemon is not None
        before = time.monotonic()
        hive.daemon.send_signal(number)
        status = await trio.to_thread.run_sync(hive.daemon.wait)
        took_s = time.monotonic() - before
        for stream in [*streams, parked]:
            await stream.aclose()
    assert status == 0
    assert took_s < 8


async def open_event_stream_of(hive: Stage, index: int) -> trio.SocketStream:
    """Open one more stream with a token of its own."""
    token = (await hive.operator("create_token", name=f"test{index}"))["token"]
    home = (await hive.operator("urls"))["urls"]["home"]
    host = home.removeprefix("http://").rstrip("/")
    stream = await trio.open_tcp_stream(*_split(host))
    head = (
        f"GET /dashboard/stream HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    await stream.send_all(head.encode())
    assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
    return stream


async def test_containers_outlive_their_daemon_and_are_found_again(short_tmp: Path) -> None:
    async with stage(short_tmp, STAND_IN, "live") as hive:
        await spawn(hive, "alice")
        await hive.wait_settled("alice")
        before = set(hive.processes("alice"))
        assert before
        hive.kill_daemon()
        await hive.start()
        await hive.wait_settled("alice")
        assert before <= set(hive.processes("alice"))
        await hive.send("alice", '!tool send {"to": "operator", "body": "still here"}')
        await hive.wait_inbox("still here")


async def test_nothing_is_left_of_a_stopped_agent(short_tmp: Path) -> None:
    async with stage(short_tmp, STAND_IN, "live") as hive:
        await spawn(hive, "alice")
        await hive.wait_settled("alice")
        assert (await hive.operator("kill", name="alice"))["ok"]
        assert list(hive.processes("alice")) == []


async def test_a_second_daemon_on_the_same_root_is_refused_with_a_sentence(
    short_tmp: Path,
) -> None:
    async with stage(short_tmp, STAND_IN, "live") as hive:
        done = await trio.run_process(
            [sys.executable, "-m", "hive", "serve", "--config", str(hive.config)],
            env=hive.env,
            capture_stderr=True,
            check=False,
        )
        assert (await hive.operator("list"))["ok"]
    assert done.returncode == 1
    assert b"another daemon runs on" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_root_too_deep_for_a_socket_is_refused_with_a_sentence(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    done = subprocess.run(
        [sys.executable, "-m", "hive", "serve", "--root", str(deep)],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("hive: ")
    assert "too deep" in done.stderr
    assert done.stderr.count("\n") == 1
