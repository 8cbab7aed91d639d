"""A hive that has been at work for long: agents, decided approvals, messages; for figures."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import trio

from hive.core.hive import Hive
from hive.host.runtime import ContainerSpec
from hive.wire.agent import ReportState
from hive.wire.approvals import APPLY_COMMIT, APPROVED, DENIED, FAILED
from hive.wire.names import MANAGER, OPERATOR, AgentName, agent_name
from tests.fakes.running import Running

AGENTS = 50
APPROVALS = 200
MESSAGES = 10_000
_AT_ONCE = 100
_WORDS = re.findall(
    r"[a-z]{2,}", (Path(__file__).resolve().parents[2] / "docs/glossary.md").read_text()
)


def names(agents: int) -> list[AgentName]:
    """Return the agents' names."""
    return [agent_name(f"agent-{number:02}") for number in range(1, agents + 1)]


async def join(daemon: Running, wanted: Iterable[str]) -> None:
    """Let agents be there and run, without what makes and deploys them."""
    for text in wanted:
        name = agent_name(text)
        for folder in ("claude", "state"):
            place = daemon.hive.paths.agent_state(name).with_name(folder)
            await trio.Path(place).mkdir(parents=True)
        daemon.runtime.adopt(ContainerSpec(name, ("harness",), {}, (), "/"))
        await daemon.hive.agents.add(name)
        daemon.hive.view.report(name, ReportState("online", "idle", "sonnet"))
        await daemon.hive.agents.wait_open(name)
    await daemon.hive.view.rescan()


async def fill(
    daemon: Running, agents: int = AGENTS, approvals: int = APPROVALS, messages: int = MESSAGES
) -> None:
    """Let all that have happened."""
    hive, dice = daemon.hive, random.Random(7)
    await join(daemon, names(agents))
    for name in names(agents):
        await hive.agents.set_status(name, _sentence(dice, 6, 12))
        hive.view.report(name, ReportState("online", dice.choice(("idle", "thinking")), "sonnet"))
    async with trio.open_nursery() as nursery:
        for _ in range(approvals):
            nursery.start_soon(_decided, hive, dice.choice(names(agents)), _sentence(dice, 8, 25))
    left = iter([_letter(dice, agents) for _ in range(messages)])
    async with trio.open_nursery() as nursery:
        for _ in range(_AT_ONCE):
            nursery.start_soon(_write, hive, left)
    # Of what was written long ago only the operator has left something unread.
    for name in (*names(agents), MANAGER):
        await hive.broker.mark_all_read(name)
    await hive.view.rescan()


async def _decided(hive: Hive, agent: str, why: str) -> None:
    asked = await hive.approvals.add(agent, APPLY_COMMIT, description=why)
    await hive.approvals.set_fetched(asked.id, f"{asked.id:040x}")
    status = (APPROVED, DENIED, FAILED)[asked.id % 3]
    await hive.approvals.resolve(asked.id, status=status, note=None if status == APPROVED else why)


async def _write(hive: Hive, letters: Iterator[tuple[str, str, str]]) -> None:
    for sender, to, body in letters:
        await hive.broker.send(sender, to, body)


def _letter(dice: random.Random, agents: int) -> tuple[str, str, str]:
    """Return who writes what to whom: a third of it a line, the rest markdown."""
    sender, to = dice.sample([*names(agents), OPERATOR, MANAGER], 2)
    if dice.random() < 1 / 3:
        return sender, to, _sentence(dice, 5, 20)
    points = "\n".join(f"- `{dice.choice(_WORDS)}.py`: {_sentence(dice, 4, 14)}" for _ in range(4))
    return sender, to, f"**{_sentence(dice, 3, 6)}**\n\n{_sentence(dice, 15, 60)}\n\n{points}\n"


def _sentence(dice: random.Random, least: int, most: int) -> str:
    words = dice.choices(_WORDS, k=dice.randint(least, most))
    return " ".join(words).capitalize() + "."
