"""Measures the way out of a container: forwarder, daemon's proxy and relay, beside a plain relay.

Each part is a process of its own, as it is in a hive; what is reached is a server of this bench on
loopback. The plain relay is two threads of `recv` and `sendall` in Python, on one unix socket.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import trio

from bench import hives
from bench.figures import Figure, Report, median, part, spread
from hive.agent import forwarder
from hive.egress import proxy
from hive.egress.dial import make_resolver
from hive.egress.ledger import Ledger
from hive.egress.rules import Policy
from hive.wire.destinations import parse

BAR_MS = 2.0
BAR_SHARE = 0.5
BAR_MB_S = 500.0
BLOCK = bytes(1 << 20)
BLOCKS = 1000
ROUNDS = 5
REQUESTS = 500
START_S = 20.0

Connect = Callable[[], socket.socket]


def measure(*, quick: bool = False) -> Report:
    """Start everything and report how fast the ways are."""
    blocks, rounds, requests = (50, 2, 50) if quick else (BLOCKS, ROUNDS, REQUESTS)
    root = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    started: list[BaseProcess] = []
    try:
        ways = _start(root, started)
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, connect in ways.items():
                rates[name].append(_rate(connect, blocks))
        times = {name: [] for name in ways}  # type: dict[str, list[float]]
        for _ in range(requests):
            for name, connect in ways.items():
                times[name].append(_request_ms(connect))
        return _report({name: median(found) for name, found in rates.items()}, times)
    finally:
        for process in started:
            process.kill()
            process.join()
        shutil.rmtree(root)


def _start(root: Path, started: list[BaseProcess]) -> dict[str, Connect]:
    context = multiprocessing.get_context("fork")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        way_in = probe.getsockname()[1]
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    works: list[Callable[[], None]] = [
        partial(_serve, server),
        partial(_plain_relay, root / "plain.sock", port),
        partial(trio.run, _daemon, root / "egress.sock", port),
        partial(trio.run, _harness, root, way_in),
    ]
    for work in works:
        process = context.Process(target=work)
        process.start()
        started.append(process)
    server.close()
    ways: dict[str, Connect] = {
        "direct": partial(_tcp, port),
        "plain": partial(_unix, root / "plain.sock"),
        "proxy": partial(_tunnel, partial(_unix, root / "egress.sock"), port),
        "whole way": partial(_tunnel, partial(_tcp, way_in), port),
    }
    deadline = time.monotonic() + START_S
    for connect in ways.values():
        while True:
            try:
                connect().close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
    return ways


def _serve(server: socket.socket) -> None:
    """Answer `P` and what follows with what came, and anything else with a byte at its end."""

    def one(client: socket.socket) -> None:
        buffer = bytearray(1 << 20)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if client.recv(1) == b"P":
            while data := client.recv(64):
                client.sendall(data)
        else:
            while client.recv_into(buffer):
                pass
            client.sendall(b".")
        client.close()

    while True:
        client, _ = server.accept()
        threading.Thread(target=one, args=(client,), daemon=True).start()


def _plain_relay(path: Path, port: int) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(100)

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    while True:
        near, _ = listener.accept()
        far = _tcp(port)
        for pair in ((near, far), (far, near)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


async def _daemon(path: Path, port: int) -> None:
    policy = Policy((parse(f"127.0.0.1:{port}"),))
    out = proxy.Exit(
        policy=lambda: policy,
        gateway=lambda: None,
        ledger=Ledger(time.time),
        denied=lambda _, why: None,
        resolve=make_resolver(),
        tls=ssl.create_default_context,
    )

    async def one(stream: trio.SocketStream) -> None:
        await proxy.serve(stream, out)

    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    await sock.bind(os.fspath(path))
    sock.listen(100)
    await trio.serve_listeners(one, [trio.SocketListener(sock)])


async def _harness(root: Path, port: int) -> None:
    config = hives.harness_config(root)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(forwarder.run, config, forwarder.Port(port)))


def _tcp(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def _unix(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


def _tunnel(connect: Connect, port: int) -> socket.socket:
    client = connect()
    client.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    said = b""
    while b"\r\n\r\n" not in said:
        data = client.recv(1)
        if not data:
            raise ConnectionError(said.decode())
        said += data
    if b" 200 " not in said:
        raise AssertionError(said.decode())
    return client


def _rate(connect: Connect, blocks: int) -> float:
    """Return how many MB a second go up."""
    with connect() as client:
        client.sendall(b"T")
        began = time.perf_counter()
        for _ in range(blocks):
            client.sendall(BLOCK)
        client.shutdown(socket.SHUT_WR)
        client.recv(1)
        return blocks * len(BLOCK) / 1e6 / (time.perf_counter() - began)


def _request_ms(connect: Connect) -> float:
    """Return how long a connection, a word and its answer take."""
    began = time.perf_counter()
    with connect() as client:
        client.sendall(b"Pword")
        client.recv(64)
    return (time.perf_counter() - began) * 1000


def _report(rates: dict[str, float], times: dict[str, list[float]]) -> Report:
    direct = part(times["direct"], 0.5)
    figures = []
    for name, about in (("proxy", "the daemon's proxy"), ("whole way", "forwarder and proxy")):
        share = rates[name] / rates["plain"]
        figures.append(
            Figure(
                f"a tunnel through {about}",
                f"{rates[name]:,.0f} MB/s",
                f"a plain relay in Python, {rates['plain']:,.0f} MB/s: {share:.2f} times",
                f"{BAR_MB_S:.0f} MB/s or {BAR_SHARE} times",
                share >= BAR_SHARE or rates[name] >= BAR_MB_S,
            )
        )
    for name, about in (("proxy", "the daemon's proxy"), ("whole way", "forwarder and proxy")):
        more = part(times[name], 0.5) - direct
        figures.append(
            Figure(
                f"a connection, a word and its answer through {about}",
                f"{spread(times[name])}: {more:.2f} ms more",
                f"direct, {spread(times['direct'])}",
                f"p50 < {BAR_MS:g} ms more",
                more < BAR_MS,
            )
        )
    notes = (
        "Every part is a process of its own, and so is the server on loopback that is reached.",
        f"Directly that server takes {rates['direct']:,.0f} MB/s.",
        f"Medians of {ROUNDS} rounds of {BLOCKS} MiB, and of {REQUESTS} connections each.",
    )
    return Report("The way out of a container", tuple(figures), notes)
