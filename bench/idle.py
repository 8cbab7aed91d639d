"""Measures what a hive computes that has nothing to do: its harnesses, and the daemon over them.

Everything runs from `dist/hive.pyz` as it is shipped, in sandboxes. Counted are the ticks of user
and system time that the kernel books on each process over a long window in which nobody asks for
anything. Some agents' pages are then opened as a browser opens them, with a token over the daemon,
and stay open.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import trio

from bench import hives
from bench.figures import Figure, Report

AGENTS = 50
PAGES = 10
SETTLE_S = 20.0
"""From the last start or the last page opened to the window."""
WINDOW_S = 60.0
QUICK_AGENTS, QUICK_WINDOW_S = 3, 5.0
HARNESS_BAR = 0.005
DAEMON_BAR = 0.01
TICK = 1 / os.sysconf("SC_CLK_TCK")


def measure(*, quick: bool = False) -> Report:
    """Run a hive from the zipapp and watch it do nothing."""
    agents = QUICK_AGENTS if quick else AGENTS
    window_s = QUICK_WINDOW_S if quick else WINDOW_S
    alone, daemon, harnesses, watched, watching = trio.run(_measure, agents, window_s)
    return Report(
        "Doing nothing",
        (
            _figure("an idle harness", harnesses, HARNESS_BAR),
            _figure("an idle harness whose page is open", watched, HARNESS_BAR),
            _figure("the daemon without agents", [alone], DAEMON_BAR),
            _figure(f"the daemon with {agents} idle agents", [daemon], DAEMON_BAR),
            _figure(
                f"the daemon with {agents} idle agents, the pages of {len(watched)} open",
                [watching],
                DAEMON_BAR,
            ),
        ),
        (
            f"User and system time over {window_s:g} s in which nobody asked for anything; a tick"
            f" of the kernel's count is {TICK / window_s:.3%} of that.",
            f"The harness's figures are medians, of {len(harnesses)} and of {len(watched)}, each"
            " with the daemon connected.",
            "No turn was run: claude is a process of its own that an agent's first turn starts.",
        ),
    )


def _figure(name: str, shares: Sequence[float], bar: float) -> Figure:
    share = statistics.median(shares)
    worst = f", worst {max(shares):.2%}" if len(shares) > 1 else ""
    return Figure(name, f"{share:.2%} of a core{worst}", "", f"under {bar:.1%}", share < bar)


async def _measure(
    agents: int, window_s: float
) -> tuple[float, float, list[float], list[float], float]:
    python = Path(sys.base_prefix) / "bin/python3"
    async with hives.running([python, hives.need_pyz()], demo=True) as hive:
        daemon = hive.process.pid
        await hive.wait_idle("manager")
        await trio.sleep(SETTLE_S)
        (alone,) = await _shares([daemon], window_s)
        names = [f"a{number}" for number in range(agents)]
        await hive.spawn(names)
        for name in names:
            await hive.wait_idle(name)
        await trio.sleep(SETTLE_S)
        pids = [hive.harness(name) for name in names]
        busy, *harnesses = await _shares([daemon, *pids], window_s)
        async with trio.open_nursery() as nursery:
            pages = min(PAGES, agents)
            await _open_pages(hive, names[:pages], nursery)
            await trio.sleep(SETTLE_S)
            watching, *watched = await _shares([daemon, *pids[:pages]], window_s)
            nursery.cancel_scope.cancel()
    return alone, busy, harnesses, watched, watching


async def _shares(pids: Sequence[int], window_s: float) -> list[float]:
    """Return which share of a core each process took within a window."""
    before = [_cpu_s(pid) for pid in pids]
    await trio.sleep(window_s)
    return [(_cpu_s(pid) - then) / window_s for pid, then in zip(pids, before, strict=True)]


def _cpu_s(pid: int) -> float:
    """Return what a process has computed so far, in seconds."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) * TICK


async def _open_pages(hive: hives.RunningHive, names: Sequence[str], nursery: trio.Nursery) -> None:
    """Follow the dashboard and these agents' pages until the nursery is cancelled."""
    token = (await hive.operator("create_token", name="bench"))["token"]
    home = urlsplit((await hive.operator("urls"))["urls"]["home"])
    for path in ("/dashboard/stream", *(f"/agent/{name}/events/stream" for name in names)):
        stream = await trio.open_tcp_stream(str(home.hostname), home.port or 80)
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {home.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
        await stream.send_all(request.encode())
        head = bytes(await stream.receive_some())
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise hives.Failed(f"{path}: {head[:300]!r}")
        nursery.start_soon(_read_on, stream)


async def _read_on(stream: trio.SocketStream) -> None:
    async for _ in stream:
        pass
