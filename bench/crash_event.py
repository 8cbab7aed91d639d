"""Measures how soon the manager is told of a crash: from a container's end to the stored message.

A whole daemon, and agents in real sandboxes whose first process is killed from outside, one after
the other. The clock starts with the signal and stops when the row of the helper event is committed,
read from the database by a connection of its own. Killed an agent is started again by itself, and
five minutes forget a crash; so each is measured on an agent that did not crash before.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

import trio

from bench import hives
from bench.figures import Figure, Report, part, spread
from hive.host import proc
from hive.host.process_trees import tree_of
from hive.host.records import Record
from hive.wire.names import agent_name

BAR_MS = 250.0
AGENTS = 20
QUICK_AGENTS = 2
PATIENCE_S = 15.0
LOOK_S = 0.0005
TOLD = (
    "SELECT 1 FROM messages WHERE recipient = 'manager' AND sender = 'system'"
    """ AND body LIKE '%"container_crash"%' AND body LIKE ?"""
)
KINDS = ("bubblewrap", "process")


def measure(*, quick: bool = False) -> Report:
    """Crash every agent of a hive once, on each runtime that gives events here."""
    agents = QUICK_AGENTS if quick else AGENTS
    figures = []
    for kind in KINDS:
        times = trio.run(_measure, kind, agents)
        figures.append(
            Figure(
                f"crash to helper event, runtime `{kind}`, {agents} crashes",
                f"{spread(times)}, worst {max(times):.1f} ms",
                "the sweep that is the net: up to 10 s",
                f"p99 < {BAR_MS:g} ms",
                part(times, 0.99) < BAR_MS,
            )
        )
    return Report(
        "Crash to helper event",
        tuple(figures),
        (
            "From SIGKILL to the harness until the manager's message is committed, in a daemon with"
            " all those agents.",
            "Both runtimes give events, by a pidfd of every container's first process;"
            " `nixos` is not measured here.",
        ),
    )


async def _measure(kind: str, agents: int) -> list[float]:
    python = Path(sys.base_prefix) / "bin/python3"
    names = [f"a{number}" for number in range(agents)]
    command = [python, hives.need_pyz()]
    async with hives.running(command, demo=True, containers=kind) as hive:
        await hive.wait_idle("manager")
        await hive.spawn(names)
        for name in names:
            await hive.wait_idle(name)
        # The manager must not be woken while we measure: it would take the processor.
        await hive.operator("set_paused", name="manager", paused=True)
        return [await _crash(hive, name) for name in names]


async def _crash(hive: hives.RunningHive, name: str) -> float:
    """Kill an agent's first process and return after how many ms the message was there."""
    record = Record(hive.paths.sandbox(agent_name(name)))
    run = record.run()
    first = None if run is None else tree_of(record, run).first()
    if first is None or not proc.is_alive(first):
        raise hives.Failed(f"{name} does not run")
    connection = sqlite3.connect(f"file:{hive.paths.broker_db}?mode=ro", uri=True)
    try:
        began = time.perf_counter()
        os.kill(first, signal.SIGKILL)
        while connection.execute(TOLD, (f'%"agent": "{name}"%',)).fetchone() is None:
            if time.perf_counter() - began > PATIENCE_S:
                raise hives.Failed(f"nobody was told that {name} crashed")
            await trio.sleep(LOOK_S)
        return (time.perf_counter() - began) * 1000
    finally:
        connection.close()
