"""Measures what letting an idle claude go brings and costs, and what a spare one would.

The memory is that of an agent's harness, from `dist/hive.pyz` in its sandbox, and of all it has
started, behind a turn. The times are those of one driver with the real claude: a turn of a claude
that waits, one that has to start it, and one whose claude was started some seconds before, as a
spare one would be. The three are taken in turns.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import trio

from bench import hives
from bench.figures import Figure, Report
from bench.memory import HARNESS_BAR_MIB, Size, _size
from hive.agent.live_driver import LiveDriver
from tests.fakes import claude_binary, claude_scene, messages_api
from tests.fakes.claude_scene import LIVE, REAL, Scene
from tests.fakes.messages_api import Text

ROUNDS = 10
PARK_S = 3.0
SETTLE_S = 5.0
SPARE_S = 3.0
"""How long before its turn the spare one was started."""


def measure(*, quick: bool = False) -> Report:
    """Let claude go, and start it again."""
    working, parked = trio.run(_memory)
    times, spare = trio.run(_times, 2 if quick else ROUNDS)
    warm, cold, spared = (statistics.median(each) for each in times)
    return Report(
        "Letting claude go",
        (
            Figure(
                "an agent whose claude was let go",
                f"{parked} RSS, {parked.apart}",
                f"with its claude, {working}, {working.apart}",
                f"under {HARNESS_BAR_MIB} MiB RSS",
                parked.rss < HARNESS_BAR_MIB,
            ),
            Figure(
                "a turn that starts claude", f"{cold:.0f} ms", f"of one that waits, {warm:.0f} ms"
            ),
            Figure(
                "a turn of a spare claude",
                f"{spared:.0f} ms",
                f"that takes {spare} while it waits, {spare.apart}",
            ),
        ),
        (f"The times are medians of {len(times[0])}, with an API that answers at once.",),
    )


async def _memory() -> tuple[Size, Size]:
    python = Path(sys.base_prefix) / "bin/python3"
    async with messages_api.serve(lambda _: Text("ok")) as api:
        env = {
            "HIVE_CLAUDE": str(claude_binary.find()),
            "ANTHROPIC_API_KEY": "dummy-key-for-local-test",
            "ANTHROPIC_BASE_URL": api.url,
        }
        command = [python, hives.need_pyz()]
        async with hives.running(command, env, park_s=PARK_S) as hive:
            await hive.operator("spawn", name="ada")
            await hive.wait_idle("ada")
            harness = hive.harness("ada")
            await hive.operator("send", to="ada", body="Say ok.")
            await api.wait_asked(1)
            await hive.wait_idle("ada")
            working = _together(_family(harness))

            async def is_alone() -> bool:
                await trio.lowlevel.checkpoint()
                return _family(harness) == [harness]

            await hive.wait(is_alone)
            await trio.sleep(SETTLE_S)
            return working, _together(_family(harness))


async def _times(rounds: int) -> tuple[tuple[list[float], list[float], list[float]], Size]:
    warm: list[float] = []
    cold: list[float] = []
    spared: list[float] = []
    spare = Size(0, 0)
    with hives.scratch() as root:
        async with claude_scene.on_stage(REAL, LIVE, root) as scene:
            driver = scene.driver
            assert isinstance(driver, LiveDriver)
            await _turn(scene)
            for _ in range(rounds):
                warm.append(await _turn(scene))
                await driver.park()
                cold.append(await _turn(scene))
                await driver.park()
                await driver._take_new()
                await trio.sleep(SPARE_S)
                assert driver.pid is not None
                spare = _size(driver.pid)
                spared.append(await _turn(scene))
    return (warm, cold, spared), spare


async def _turn(scene: Scene) -> float:
    began = time.monotonic()
    await scene.turn("Say ok.", Text("ok"))
    return (time.monotonic() - began) * 1000


def _family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    below = [int(word) for each in children for word in each.read_text().split()]
    return [pid, *(found for each in below for found in _family(each))]


def _together(pids: list[int]) -> Size:
    sizes = [_size(pid) for pid in pids]
    return Size(sum(size.rss for size in sizes), sum(size.pss for size in sizes))
