"""Measures the dashboard's event stream: 500 idle clients, 50 frames a second.

The server and the publisher run in this process, the clients in another one, over TCP on loopback.
A frame carries the moment it was published; its latency ends when the client has read it. Prints
one line with p50, p99 and worst beside the bar, how late the publisher's ticks were (a machine
that is busy with something else shows there), and what a frame cost.
"""

from __future__ import annotations

import argparse
import json
import resource
import select
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.figures import Figure, Report
from hive.feed import Feed
from hive.web import server, sse

BAR_MS = 100.0
FRAME_HZ = 50
CLIENTS = 500
SECONDS = 10.0
WARM_UP_S = 1.0
_REQUEST = b"GET /dashboard/stream HTTP/1.1\r\nHost: bench\r\n\r\n"
_MARK = b'"at":'


def measure(*, quick: bool = False) -> Report:
    """Run server and clients and report what the clients saw."""
    return trio.run(_run_server, CLIENTS, 2.0 if quick else SECONDS)


def main() -> int:
    """Run as the server, or with `--clients` as its clients."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=CLIENTS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--clients", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.clients:
        _run_clients(options.clients, options.count)
        return 0
    report = trio.run(_run_server, options.count, options.seconds)
    print(report.text())
    return 0 if report.is_met else 1


async def _run_server(count: int, seconds: float) -> Report:
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    feed = Feed(time.time())
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        bound = await nursery.start(
            partial(
                server.serve,
                sse.EventStream(feed),
                [server.TcpBind("127.0.0.1", 0)],
                shutdown=stop,
            )
        )
        argv = [sys.executable, __file__, "--clients", str(bound[0].port), "--count", str(count)]
        clients = subprocess.Popen(argv, stdout=subprocess.PIPE)  # noqa: ASYNC220 - returns at once
        while feed.watchers < count:  # noqa: ASYNC110 - nobody announces watchers
            await trio.sleep(0.05)
        started, started_cpu = time.perf_counter(), time.process_time()
        lateness = await _publish(feed, seconds)
        cpu_s = time.process_time() - started_cpu
        cpu = cpu_s / (time.perf_counter() - started)
        each_us = cpu_s * 1e6 / (count * (seconds + WARM_UP_S) * FRAME_HZ)
        began = time.perf_counter()
        feed.close()
        stop.set()
    stopped_ms = (time.perf_counter() - began) * 1000
    output = clients.communicate()[0]
    found = json.loads(output)
    expected = count * int(seconds * FRAME_HZ)
    p50, p99, worst = (found[f"{name}_ms"] for name in ("p50", "p99", "max"))
    late = f"{_part(lateness, 0.5):.1f} ms, p99 {_part(lateness, 0.99):.1f} ms"
    is_met = p99 < BAR_MS and found["frames"] == expected
    return Report(
        "Event streams of the dashboard",
        (
            Figure(
                f"{count} idle clients, {FRAME_HZ} frames a second, from published to read",
                f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.1f} ms",
                f"the publisher's own tick, late by p50 {late}",
                f"p99 < {BAR_MS:g} ms, every frame read",
                is_met,
            ),
            Figure("frames read", f"{found['frames']:,}", f"{expected:,} published to clients"),
            Figure("what the server needs", f"{cpu:.0%} of a core, {each_us:.0f} us a frame"),
            Figure("a stop with all of them open", f"{stopped_ms:.0f} ms"),
        ),
        (
            "Server and publisher share one process and one loop, so a client that slowed the"
            " publisher down would show as a late tick; the clients are a process of their own.",
            f"{seconds:g} s, behind {WARM_UP_S:g} s that are not counted.",
        ),
    )


async def _publish(feed: Feed, seconds: float) -> list[float]:
    """Publish at a steady rate; return how late each tick was, in ms, sorted."""
    lateness: list[float] = []
    start = trio.current_time()
    for tick in range(int((WARM_UP_S + seconds) * FRAME_HZ)):
        due = start + tick / FRAME_HZ
        await trio.sleep_until(due)
        is_counted = tick >= WARM_UP_S * FRAME_HZ
        if is_counted:
            lateness.append((trio.current_time() - due) * 1000)
        frame = {"kind": "sent", "from": "alice", "to": "bob", "body": "x" * 80}
        feed.publish({**frame, "at": time.perf_counter() if is_counted else 0.0})
    await trio.sleep(1)
    return sorted(lateness)


def _run_clients(port: int, count: int) -> None:
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    poller = select.epoll()
    clients: dict[int, socket.socket] = {}
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.sendall(_REQUEST)
        sock.setblocking(False)
        clients[sock.fileno()] = sock
        poller.register(sock, select.EPOLLIN)
    latencies: list[float] = []
    while clients:
        for fileno, _ in poller.poll():
            data = clients[fileno].recv(65536)
            now = time.perf_counter()
            if not data or data.endswith(b"0\r\n\r\n"):
                poller.unregister(fileno)
                clients.pop(fileno).close()
            for part in data.split(_MARK)[1:]:
                at = float(part[: part.index(b",")])
                if at:
                    latencies.append((now - at) * 1000)
    latencies.sort()
    print(
        json.dumps(
            {
                "frames": len(latencies),
                "p50_ms": _part(latencies, 0.5),
                "p99_ms": _part(latencies, 0.99),
                "max_ms": latencies[-1],
            }
        )
    )


def _part(values: list[float], part: float) -> float:
    return values[min(len(values) - 1, int(len(values) * part))]


if __name__ == "__main__":
    sys.exit(main())
