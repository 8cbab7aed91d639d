"""Measures a deploy as the operator sees it: from the click to the new configuration running.

A whole daemon with real sandboxes. The clock starts when the approval is sent on the operator's
socket and stops with its answer: by then the harness of the new configuration has said that it is
up, and everything is recorded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import trio

from bench import hives
from bench.figures import Figure, Report, part, spread
from hive.wire.names import agent_name

BAR_MS = 500.0
ROUNDS = 20
QUICK_ROUNDS = 3
BASE_ROUNDS = 15


def measure(*, quick: bool = False) -> Report:
    """Approve new agents, then new commits of one agent."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    spawns, deploys, bare = trio.run(_measure, rounds)
    figures = [
        _figure("a new agent, approved to running", spawns, bare),
        _figure("a new commit, approved to running again", deploys, bare),
    ]
    return Report(
        "Deploying",
        tuple(figures),
        (
            "Git, sandbox, the start of the harness and every commit to disk included; a new commit"
            " also ends the harness that ran.",
            "The program's start alone is that of the harness with `--help`: what Python and the"
            " zipapp take of it.",
            f"{rounds} rounds each, one after the other.",
        ),
    )


def _figure(name: str, times: list[float], bare: float) -> Figure:
    return Figure(
        name,
        spread(times),
        f"the start of the program alone: {bare:.0f} ms",
        f"p50 < {BAR_MS:g} ms",
        part(times, 0.5) < BAR_MS,
    )


async def _measure(rounds: int) -> tuple[list[float], list[float], float]:
    python = Path(sys.base_prefix) / "bin/python3"
    command = [python, hives.need_pyz()]
    async with hives.running(command, demo=True) as hive:
        await hive.wait_idle("manager")
        await hive.operator("set_paused", name="manager", paused=True)
        spawns = [await _spawn(hive, f"a{number}") for number in range(rounds)]
        deploys = [await _deploy(hive, "a0", number) for number in range(rounds)]
    return spawns, deploys, _bare([str(word) for word in command])


async def _spawn(hive: hives.RunningHive, name: str) -> float:
    number = (await hive.operator("request_spawn", name=name))["approval_id"]
    return await _approve(hive, number)


async def _deploy(hive: hives.RunningHive, name: str, number: int) -> float:
    folder = hive.paths.agent_config(agent_name(name))
    (folder / "agent.toml").write_text(f'description = "round {number}"\n')
    _git(folder, "add", "agent.toml")
    _git(folder, "commit", "--quiet", "--message", f"round {number}")
    sha = _git(folder, "rev-parse", "HEAD")
    asked = await hive.operator("request_apply_commit", agent=name, commit_ref=sha)
    return await _approve(hive, asked["approval_id"])


async def _approve(hive: hives.RunningHive, number: int) -> float:
    """Return how long it took until the agent was seen to be up and all was recorded, in ms."""
    began = time.perf_counter()
    await hive.operator("approve", id=number)
    return (time.perf_counter() - began) * 1000


def _git(folder: Path, *words: str) -> str:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": "bench" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "bench@hive" for who in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *words],
        cwd=folder,
        env=env,
        check=True,
        capture_output=True,
    )
    return done.stdout.decode().strip()


def _bare(command: list[str]) -> float:
    times = []
    for _ in range(BASE_ROUNDS):
        began = time.perf_counter()
        subprocess.run([*command, "agent", "serve", "--help"], check=True, capture_output=True)
        times.append((time.perf_counter() - began) * 1000)
    return part(times, 0.5)
