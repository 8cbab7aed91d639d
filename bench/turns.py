"""Measures turns with the real claude: hive's own time in one, and live mode beside process mode.

Two hives run side by side, one in each mode, both with a stopwatch (`stamped_hive`), the same
claude and the same scripted API on loopback. Turns are taken one at a time and in turns, so that
whatever else the machine does hits both alike; each is sent to an agent that is idle.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from bench import hives
from bench.figures import Bar, Figure, Report, median, spread
from bench.stamped_hive import DAEMON_NOTES, HARNESS_NOTES, Stations
from hive.wire.names import agent_name
from tests.fakes import claude_binary, messages_api
from tests.fakes.messages_api import MessagesApi, Text

AGENT = "ada"
WARM_UP = 5
LIVE_TURNS = 320
PAIRS = 20
TURN_S = 60.0
PAUSE_S = (0.03, 0.08)
OWN_BAR = Bar(5, 20)
TIMES_BAR = 10.0


@attrs.frozen
class Timed:
    """A hive whose turns are timed."""

    hive: hives.RunningHive
    folder: Path
    """Where the daemon leaves its notes."""
    told: trio.socket.SocketType
    """Where the daemon tells each acknowledgement."""
    sent: dict[int, int] = attrs.field(factory=dict)
    """When each message was handed to the operator's socket."""

    async def turn(self) -> None:
        """Send one message and wait until it is acknowledged."""
        began = time.monotonic_ns()
        reply = await self.hive.operator("send", to=AGENT, body="Say ok.")
        self.sent[reply["id"]] = began
        with trio.move_on_after(TURN_S):
            while int(await self.told.recv(64)) != reply["id"]:
                pass
            return
        raise hives.Failed((self.hive.root / "daemon.log").read_text()[-3000:])

    async def finish(self) -> list[dict[str, int]]:
        """Stop agent and daemon and return the stations of each turn, the first ones left out."""
        await self.hive.operator("kill", name=AGENT)
        await self.hive.operator("kill", name="manager")
        self.hive.process.terminate()
        await trio.to_thread.run_sync(self.hive.process.wait)
        state = self.hive.paths.agent_state(agent_name(AGENT))
        daemon = _read(self.folder / DAEMON_NOTES)
        harness = _read(state / HARNESS_NOTES)
        return [
            {"sent": began, **daemon[number], **harness[number]}
            for number, began in list(self.sent.items())[WARM_UP:]
        ]


def measure(*, quick: bool = False) -> Report:
    """Run the turns and report both figures."""
    pairs, live = (2, 60) if quick else (PAIRS, LIVE_TURNS)
    return trio.run(_measure, pairs, live)


async def _measure(pairs: int, live_turns: int) -> Report:
    async with messages_api.serve(lambda _: Text("ok")) as api:
        live, process = await _pairs(api, pairs)
        own, echoes = await _alone(api, live_turns)
    figures = (*_own_figures(own, echoes), *_whole_figures(live, process))
    return Report("Turns", figures, _notes(own))


async def _pairs(api: MessagesApi, pairs: int) -> list[list[dict[str, int]]]:
    async with _timed(api, "live") as live, _timed(api, "process") as process:
        for _ in range(WARM_UP + pairs):
            for hive in (live, process):
                await hive.turn()
                await _pause(api)
        return [await live.finish(), await process.finish()]


async def _alone(api: MessagesApi, turns: int) -> tuple[list[dict[str, int]], list[float]]:
    echoes = []
    cat = subprocess.Popen(["cat"], stdin=-1, stdout=-1, bufsize=0)  # noqa: ASYNC220
    with cat:
        async with _timed(api, "live") as live:
            for _ in range(WARM_UP + turns):
                await live.turn()
                await _pause(api)
                echoes.append(_echo(cat))
            cat.kill()
            return await live.finish(), echoes


async def _pause(api: MessagesApi) -> None:
    """Let the agent come to rest, for a time that falls into step with nothing."""
    api.requests.clear()
    await trio.sleep(random.uniform(*PAUSE_S))


def _echo(cat: subprocess.Popen[bytes]) -> float:
    """Return how long a byte takes to another process and back, in ms: two wake-ups."""
    assert cat.stdin is not None
    assert cat.stdout is not None
    began = time.monotonic_ns()
    os.write(cat.stdin.fileno(), b"x")
    os.read(cat.stdout.fileno(), 1)
    return (time.monotonic_ns() - began) / 1e6


@asynccontextmanager
async def _timed(api: MessagesApi, mode: str) -> AsyncIterator[Timed]:
    env = {
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(hives.ROOT),
        "HIVE_CLAUDE": str(claude_binary.find()),
        "ANTHROPIC_API_KEY": "dummy-key-for-local-test",
        "ANTHROPIC_BASE_URL": api.url,
        "CLAUDE_CODE_MAX_RETRIES": "0",
    }
    with hives.scratch() as folder:
        told = trio.socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with told:
            await told.bind(str(folder / "told"))
            stamped = Path(__file__).with_name("stamped_hive.py")
            command = [sys.executable, stamped, f"--tell={folder / 'told'}"]
            async with hives.running(command, env, turn_mode=mode) as hive:
                await hive.operator("spawn", name=AGENT)
                await hive.wait_idle(AGENT)
                yield Timed(hive, folder, told)


def _read(file: Path) -> Stations:
    return {int(number): moments for number, moments in json.loads(file.read_text()).items()}


def _ms(turns: Sequence[dict[str, int]], start: str, end: str) -> list[float]:
    return [(turn[end] - turn[start]) / 1e6 for turn in turns]


def _own(turns: Sequence[dict[str, int]]) -> tuple[list[float], list[float], list[float]]:
    before = _ms(turns, "committed", "written")
    after = _ms(turns, "result", "acknowledged")
    return before, after, [one + other for one, other in zip(before, after, strict=True)]


def _commits(turns: Sequence[dict[str, int]]) -> list[float]:
    """Return what the two commits took of each turn: that of the lease, that of the end."""
    leases, ends = _ms(turns, "leasing", "leased"), _ms(turns, "acknowledging", "acknowledged")
    return [one + other for one, other in zip(leases, ends, strict=True)]


def _own_figures(turns: Sequence[dict[str, int]], echoes: Sequence[float]) -> tuple[Figure, ...]:
    before, after, both = _own(turns)
    commits = _commits(turns)
    rest = [one - other for one, other in zip(both, commits, strict=True)]
    whole = median(_ms(turns, "sent", "acknowledged"))
    return (
        Figure(
            f"hive's own time in a turn, live mode, {len(turns)} turns",
            spread(both),
            f"the whole turn, p50 {whole:.1f} ms",
            str(OWN_BAR),
            OWN_BAR.is_met_by(both),
        ),
        Figure("of it, from the message committed to the prompt on claude's pipe", spread(before)),
        Figure("of it, from the result read to the acknowledgement committed", spread(after)),
        Figure("of it, in the two commits, to the disk and back", spread(commits)),
        Figure(
            "of it, in everything else: four hops between processes, and Python",
            spread(rest),
            f"a byte to another process and back, {spread(echoes)}",
        ),
    )


def _whole_figures(
    live: Sequence[dict[str, int]], process: Sequence[dict[str, int]]
) -> tuple[Figure, ...]:
    fast, slow = (median(_ms(turns, "sent", "acknowledged")) for turns in (live, process))
    return (
        Figure(
            f"a whole turn, live mode, {len(live)} turns",
            f"{fast:.1f} ms, {slow / fast:.1f} times faster",
            f"process mode, {slow:.0f} ms",
            f"{TIMES_BAR:g} times",
            slow >= fast * TIMES_BAR,
        ),
        *(
            Figure(
                f"of it, hive's own time, {mode} mode",
                f"{median(_own(turns)[2]):.1f} ms",
                f"claude and the API, {median(_ms(turns, 'written', 'result')):.0f} ms",
            )
            for mode, turns in (("live", live), ("process", process))
        ),
    )


def _notes(turns: Sequence[dict[str, int]]) -> tuple[str, ...]:
    steps = (
        ("the lease", "committed", "leased"),
        ("the reply to `recv`", "leased", "received"),
        ("the unread count, the turn's record and the page", "received", "handed"),
        ("the prompt line", "handed", "written"),
        ("the turn's end on file", "result", "recorded"),
        ("the acknowledgement", "recorded", "acknowledged"),
    )
    parts = [f"{name} {median(_ms(turns, start, end)):.2f} ms" for name, start, end in steps]
    rest = median(_ms(turns, "acknowledged", "over"))
    return (
        "The operator's message goes through the operator's socket, the turn runs in the agent's"
        " sandbox, and the model is a scripted API that answers at once.",
        "Each turn is sent to an idle agent; daemon and harness note the moments in memory, on the"
        " one monotonic clock of the machine.",
        "The prompt counts as written when the call that hands it to the kernel begins: by the end"
        " of that call claude may have the processor already, which on a busy machine counts as"
        " hive's.",
        f"hive's own time is made of, p50: {', '.join(parts)}.",
        f"After the acknowledgement the harness needs {rest:.2f} ms more, p50, before it asks for"
        " the next message.",
    )
