"""What reaches a container's proxy port goes to the daemon's socket, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from hive.agent import forwarder
from hive.agent.forwarder import Port
from hive.config import HarnessConfig
from hive.errors import Unavailable
from tests.fakes.egress import Client, Serve, echo, free_port


def _config(root: Path, **settings: Any) -> HarnessConfig:
    words = {
        key: str(root)
        for key in ("run_dir", "state_dir", "claude_dir", "home", "shared_dir", "path")
    }
    return HarnessConfig(
        label="ada", role="agent", claude=(), hive=(), **{**words, "network": "proxy", **settings}
    )


@asynccontextmanager
async def _forwarding(config: HarnessConfig, daemon: Serve | None) -> AsyncIterator[int]:
    port = free_port()
    async with trio.open_nursery() as nursery:
        if daemon is not None:
            await nursery.start(partial(_serve, config.egress_socket, daemon))
        await nursery.start(partial(forwarder.run, config, Port(port)))
        yield port
        nursery.cancel_scope.cancel()


async def _serve(
    path: Path, daemon: Serve, *, task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED
) -> None:
    sock = trio.socket.socket(trio.socket.AF_UNIX)
    await sock.bind(str(path))
    sock.listen()
    await trio.serve_listeners(daemon, [trio.SocketListener(sock)], task_status=task_status)


async def test_a_client_speaks_with_the_daemon(short_tmp: Path) -> None:
    async with _forwarding(_config(short_tmp), echo) as port:
        client = Client(await trio.open_tcp_stream("127.0.0.1", port))
        async with client.stream:
            await client.stream.send_all(b"x" * 200_000)
            await client.stream.send_eof()
            assert await client.rest() == b"x" * 200_000


async def test_a_daemon_that_is_away_for_a_moment_is_waited_for(short_tmp: Path) -> None:
    config = _config(short_tmp)
    async with _forwarding(config, None) as port, trio.open_nursery() as nursery:
        client = Client(await trio.open_tcp_stream("127.0.0.1", port))
        async with client.stream:
            await client.stream.send_all(b"hello")
            await client.stream.send_eof()
            await trio.testing.wait_all_tasks_blocked()
            await nursery.start(partial(_serve, config.egress_socket, echo))
            assert await client.rest() == b"hello"
        nursery.cancel_scope.cancel()


async def test_a_way_out_that_cannot_be_used_is_said_to_the_client_and_in_the_log(
    short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (short_tmp / "run").write_text("no directory")
    config = _config(short_tmp, run_dir=str(short_tmp / "run"))
    async with _forwarding(config, None) as port:
        client = Client(await trio.open_tcp_stream("127.0.0.1", port))
        async with client.stream:
            await client.say("GET / HTTP/1.1", "Host: x", body=b"x" * 100_000)
            await client.stream.send_eof()
            said = (await client.rest()).decode()
    assert said.startswith("HTTP/1.1 503 hive: ")
    assert "cannot be used (Not a directory): restart the agent" in said
    assert "cannot be used (Not a directory): restart the agent" in caplog.text


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        (b"HTTP/1.1 200 Connection established\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 403 hive: no\r\n\r\n", b""),
    ],
)
async def test_a_service_of_the_hosts_loopback_is_on_the_same_port_and_silent_when_refused(
    short_tmp: Path, answer: bytes, heard: bytes
) -> None:
    port = free_port()
    asked: list[bytes] = []

    async def daemon(stream: trio.SocketStream) -> None:
        asked.append(await Client(stream).until(b"\r\n\r\n"))
        await stream.send_all(answer)
        await stream.send_eof()

    config = _config(short_tmp, local_services=(f"localhost:{port}",))
    async with _forwarding(config, daemon):
        client = Client(await trio.open_tcp_stream("127.0.0.1", port))
        async with client.stream:
            assert await client.rest() == heard
    assert asked == [f"CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}".encode()]


async def test_a_port_that_is_taken_or_not_ours_costs_that_service_alone(short_tmp: Path) -> None:
    taken = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = taken[0].socket.getsockname()[1]
    config = _config(short_tmp, local_services=(f"localhost:{port}", "localhost:80"))
    async with _forwarding(config, echo) as way_out, taken[0]:
        client = Client(await trio.open_tcp_stream("127.0.0.1", way_out))
        async with client.stream:
            await client.stream.send_eof()
            assert await client.rest() == b""


async def test_with_the_hosts_network_nothing_is_listened_on(short_tmp: Path) -> None:
    async with _forwarding(_config(short_tmp, network="host"), None) as port:
        try:
            stream = await trio.open_tcp_stream("127.0.0.1", port)
        except OSError:
            return
        await stream.aclose()
        raise AssertionError("somebody listens")


async def test_on_the_hosts_network_it_takes_a_free_port_to_the_gateway_and_keeps_it(
    short_tmp: Path,
) -> None:
    config = _config(short_tmp, network="host", gateway_word="w")
    port = Port.of(config)
    seen = set()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(_serve, config.gateway_socket, echo))
        nursery.start_soon(_note, port, config, seen)
        for _ in range(2):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as inner:
                    await inner.start(forwarder.run, config, port)
                    seen.add(port.number)
                    client = Client(await trio.open_tcp_stream("127.0.0.1", port.number))
                    async with client.stream:
                        await client.stream.send_all(b"hello")
                        await client.stream.send_eof()
                        assert await client.rest() == b"hello"
                    scope.cancel()
        nursery.cancel_scope.cancel()
    assert len(seen) == 1
    assert seen != {forwarder.ANY}


async def _note(port: Port, config: HarnessConfig, seen: set[int]) -> None:
    """Note what claude is told that asks before there is a port."""
    seen.add(await port.known(config))


async def test_claude_is_not_started_without_a_port(
    short_tmp: Path, autojump_clock: trio.testing.MockClock
) -> None:
    config = _config(short_tmp, network="host", gateway_word="w")
    with pytest.raises(Unavailable, match="no port could be taken"):
        await Port.of(config).known(config)
    del autojump_clock


async def test_where_nothing_goes_by_it_no_port_is_taken(short_tmp: Path) -> None:
    config = _config(short_tmp, network="host")
    port = Port.of(config)
    async with trio.open_nursery() as nursery:
        await nursery.start(forwarder.run, config, port)
        assert port.number == forwarder.ANY
        nursery.cancel_scope.cancel()
