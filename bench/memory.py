"""Measures memory: the daemon without agents, looked at, with fifty; an idle harness, its sandbox.

Everything runs from `dist/hive.pyz` as it is shipped. The agents are real: each has its sandbox and
its harness, which waits for a message; none has had a turn yet, so no claude runs. The manager is
always there and counts as no agent. RSS counts what a process shares with others in full, PSS its
part of it.
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import statistics
import subprocess
import sys
import urllib.request
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import attrs
import trio

from bench import hives
from bench.figures import Figure, Report
from hive.agent import forwarder
from hive.nursery import in_container

AGENTS = 50
SETTLE_S = 5.0
HARNESS = in_container
"""Imported for what a harness has before it listens."""
DAEMON_BAR_MIB = 60
FULL_BAR_MIB = 80
HARNESS_BAR_MIB = 45
BOUNDARY_BAR_MIB = 4
TELL = "from bench import memory; memory.tell_forwarder()"


@attrs.frozen
class Boundary:
    """What an idle agent's boundary takes, in MiB."""

    sandbox: float
    """PSS of the bwrap outside and of the one inside."""
    daemon: float
    """By how much the daemon's PSS grows with an agent: its proxy's listener, and all else."""
    forwarder: float
    """By how much a harness's PSS grows with its forwarder."""

    @property
    def whole(self) -> float:
        """All of it."""
        return self.sandbox + self.daemon + self.forwarder


@attrs.frozen
class Size:
    """A process's memory in MiB."""

    rss: float
    pss: float

    def __str__(self) -> str:
        return f"{self.rss:.1f} MiB"

    @property
    def apart(self) -> str:
        """What it takes when shared memory is shared out, in words."""
        return f"PSS {self.pss:.1f} MiB"


def measure(*, quick: bool = False) -> Report:
    """Run a hive from the zipapp and look at its processes."""
    agents = 2 if quick else AGENTS
    empty, full, harnesses, boundary, bare = trio.run(_measure, agents)
    seen = trio.run(_measure_seen)
    middle = Size(
        statistics.median(size.rss for size in harnesses),
        statistics.median(size.pss for size in harnesses),
    )
    return Report(
        "Memory",
        (
            _figure("the daemon without agents", empty, DAEMON_BAR_MIB, bare),
            Figure(
                "of it, once its dashboard was opened",
                f"{seen} RSS, {seen.apart}",
                f"before that, {empty}",
            ),
            _figure(f"the daemon with {agents} idle agents", full, FULL_BAR_MIB, bare),
            _figure("one idle harness in its sandbox", middle, HARNESS_BAR_MIB, bare),
            Figure(
                "an idle agent's sandbox and way out",
                f"PSS {boundary.whole:.2f} MiB: bwrap {boundary.sandbox:.2f}, the daemon"
                f" {boundary.daemon:.2f}, the forwarder {boundary.forwarder:.2f}",
                "",
                f"under {BOUNDARY_BAR_MIB} MiB",
                boundary.whole < BOUNDARY_BAR_MIB,
            ),
        ),
        (
            "The daemon's figures are taken some seconds after the last change, the harness's is"
            f" the median of {len(harnesses)}.",
            "The web framework is loaded with the first snapshot and stays, so a daemon whose"
            " dashboard was opened has a figure of its own; that with agents was never looked at.",
            "The daemon's part of an agent is its growth divided by the agents, with all else that"
            " it knows of them; what the kernel keeps of namespaces is in none of the figures.",
            "No turn was run: claude is a process of its own that an agent's first turn starts.",
        ),
    )


def _figure(name: str, size: Size, bar_mib: int, bare: Size) -> Figure:
    return Figure(
        name,
        f"{size} RSS, {size.apart}",
        f"python3 with trio imported, {bare}",
        f"under {bar_mib} MiB RSS",
        size.rss < bar_mib,
    )


async def _measure(agents: int) -> tuple[Size, Size, list[Size], Boundary, Size]:
    python = Path(sys.base_prefix) / "bin/python3"
    command = [python, hives.need_pyz()]
    async with hives.running(command, demo=True) as hive:
        await hive.wait_idle("manager")
        await trio.sleep(SETTLE_S)
        empty = _size(hive.process.pid)
        names = [f"a{number}" for number in range(agents)]
        await hive.spawn(names)
        for name in names:
            await hive.wait_idle(name)
        await trio.sleep(SETTLE_S)
        full = _size(hive.process.pid)
        pids = [hive.harness(name) for name in names]
        harnesses = [_size(pid) for pid in pids]
        boundary = Boundary(
            statistics.median(_sandbox(pid) for pid in pids),
            (full.pss - empty.pss) / agents,
            _forwarder(),
        )
    return empty, full, harnesses, boundary, await _bare()


async def _measure_seen() -> Size:
    """Return what a daemon takes once a browser has logged in and had page and snapshot."""
    python = Path(sys.base_prefix) / "bin/python3"
    async with hives.running([python, hives.need_pyz()], demo=True) as hive:
        await hive.wait_idle("manager")
        link = (await hive.operator("login_link"))["url"]
        await trio.to_thread.run_sync(_look, link)
        await trio.sleep(SETTLE_S)
        return _size(hive.process.pid)


def _look(link: str) -> None:
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(cookies)
    with browser.open(link, timeout=hives.CALL_S) as page:
        if b"<html" not in page.read():
            raise hives.Failed(f"{page.url} is no page")
    with browser.open(urljoin(link, "/api/state"), timeout=hives.CALL_S) as answer:
        if "containers" not in json.load(answer):
            raise hives.Failed("there is no snapshot")


async def _bare() -> Size:
    """Return what a Python needs that has imported trio and does nothing."""
    words = [sys.executable, "-c", "import trio, sys; print(flush=True); sys.stdin.read()"]
    async with trio.open_nursery() as nursery:
        process = await nursery.start(_start, words)
        await process.stdout.receive_some()
        size = _size(process.pid)
        nursery.cancel_scope.cancel()
    return size


async def _start(words: list[str], *, task_status: trio.TaskStatus[trio.Process]) -> None:
    await trio.run_process(
        words, stdin=-1, capture_stdout=False, stdout=-1, task_status=task_status
    )


def _sandbox(harness: int) -> float:
    """Return the PSS of what stands over a harness: bwrap inside and bwrap outside."""
    inside = _parent(harness)
    return _size(inside).pss + _size(_parent(inside)).pss


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _forwarder() -> float:
    told = subprocess.run(
        [sys.executable, "-c", TELL], cwd=hives.ROOT, capture_output=True, text=True, check=True
    )
    return float(told.stdout)


def tell_forwarder() -> None:
    """Print by how much a process of a harness's modules grows when it listens for programs."""
    trio.run(_tell_forwarder)


async def _tell_forwarder() -> None:
    with hives.scratch() as root:
        config = hives.harness_config(root)
        await trio.lowlevel.checkpoint()
        before = _size(os.getpid()).pss
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(forwarder.run, config, forwarder.Port(0)))
            print(_size(os.getpid()).pss - before)
            nursery.cancel_scope.cancel()


def _size(pid: int) -> Size:
    values = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        words = line.split()
        values[words[0]] = int(words[1]) / 1024
    return Size(values["Rss:"], values["Pss:"])
