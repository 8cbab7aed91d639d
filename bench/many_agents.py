"""Measures a hive of 200 agents: how soon its daemon is ready again, and its whole snapshot.

All agents run in sandboxes of their own with their harnesses, which outlive the daemon. The daemon
is killed, as by a crash, and started again; it is ready when the operator's socket answers, which
is opened last. Then the page's snapshot is read over HTTP.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import attrs
import trio

from bench import hives
from bench.figures import Figure, Report, part, spread

AGENTS = 200
QUICK_AGENTS = 10
STARTS = 5
QUICK_STARTS = 2
READS = 100
READY_BAR_S = 3.0
STATE_BAR_MS = 50.0
AT_ONCE = 8
LOOK_S = 0.005


def measure(*, quick: bool = False) -> Report:
    """Start a daemon over many agents several times, and read its snapshot."""
    agents = QUICK_AGENTS if quick else AGENTS
    starts, reads, size = trio.run(_measure, agents, QUICK_STARTS if quick else STARTS)
    alone = trio.run(_alone)
    figures = (
        Figure(
            f"daemon started to ready, {agents} agents",
            f"median {part(starts, 0.5):.2f} s, worst {max(starts):.2f} s",
            f"a daemon without agents: {alone:.2f} s",
            f"under {READY_BAR_S:g} s",
            max(starts) < READY_BAR_S,
        ),
        Figure(
            f"`/api/state`, {agents} agents, {size / 1024:.0f} KiB",
            spread(reads),
            "",
            f"p50 < {STATE_BAR_MS:g} ms",
            part(reads, 0.5) < STATE_BAR_MS,
        ),
    )
    notes = (
        "From the start of the process until the operator's socket, which is opened last, answers.",
        "Every agent runs in a sandbox with its harness; the daemon was killed and finds them.",
        f"{len(starts)} starts, and {len(reads)} reads of the snapshot one after the other.",
    )
    return Report("Many agents", figures, notes)


async def _measure(agents: int, starts: int) -> tuple[list[float], list[float], int]:
    python = Path(sys.base_prefix) / "bin/python3"
    command = [python, hives.need_pyz()]
    async with hives.running(command, demo=True) as hive:
        await hive.spawn([f"a{number}" for number in range(agents - 1)], AT_ONCE)
        times = []
        for _ in range(starts):
            hive.process.kill()
            await trio.to_thread.run_sync(hive.process.wait)
            took, process = await _start(hive, command)
            times.append(took)
            hive = attrs.evolve(hive, process=process)  # noqa: PLW2901
        try:
            reads, size = await _read(hive)
        finally:
            hive.process.terminate()
            await trio.to_thread.run_sync(hive.process.wait)
    return times, reads, size


async def _alone() -> float:
    python = Path(sys.base_prefix) / "bin/python3"
    command = [python, hives.need_pyz()]
    async with hives.running(command, demo=True) as hive:
        await hive.wait_idle("manager")
        hive.process.kill()
        await trio.to_thread.run_sync(hive.process.wait)
        took, process = await _start(hive, command)
        process.terminate()
        await trio.to_thread.run_sync(process.wait)
    return took


async def _start(
    hive: hives.RunningHive, command: list[Path]
) -> tuple[float, subprocess.Popen[bytes]]:
    """Start the daemon again; return after how many seconds it answered, and its process."""
    began = time.perf_counter()
    with (hive.root / "daemon.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
            [*map(str, command), "serve", "--config", str(hive.root / "hive.json")],
            env={"PATH": os.environ["PATH"], "HOME": str(hive.root)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    with trio.move_on_after(hives.PATIENCE_S):
        while not await hive.answers():  # noqa: ASYNC110 - another process
            await trio.sleep(LOOK_S)
        return time.perf_counter() - began, process
    raise hives.Failed((hive.root / "daemon.log").read_text()[-3000:])


async def _read(hive: hives.RunningHive) -> tuple[list[float], int]:
    """Return how long each read of the snapshot took, in ms, and its size in bytes."""
    token = (await hive.operator("create_token", name="bench"))["token"]
    home = (await hive.operator("urls"))["urls"]["home"]
    request = urllib.request.Request(
        f"{home.rstrip('/')}/api/state", headers={"Authorization": f"Bearer {token}"}
    )
    times, size = [], 0
    for _ in range(READS):
        began = time.perf_counter()
        size = await trio.to_thread.run_sync(_get, request)
        times.append((time.perf_counter() - began) * 1000)
    return times, size


def _get(request: urllib.request.Request) -> int:
    with urllib.request.urlopen(request, timeout=hives.CALL_S) as reply:
        return len(reply.read())
