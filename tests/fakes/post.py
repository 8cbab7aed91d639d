"""A broker with everything that tells through it, on a database in a directory of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from hive.core.broker import Broker
from hive.core.loose_ends import LooseEnds
from hive.core.questions import Questions
from hive.core.reminders import Reminders, StateDir
from hive.store.agents import AgentStore
from hive.store.approvals import ApprovalStore
from hive.store.database import Database, open_database
from hive.store.messages import MessageStore
from hive.store.questions import QuestionStore
from hive.store.reminders import ReminderStore
from hive.wire.names import AgentName

ADA = AgentName("ada")
BOB = AgentName("bob")
CY = AgentName("cy")


class HandClock:
    """A clock that a test moves by hand."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@attrs.frozen
class Post:
    """What is open, and the frames published so far."""

    database: Database
    clock: HandClock
    names: list[str]
    allowed: dict[str, tuple[str, ...]]
    """Whom a sender may write to; everybody where it has no entry."""
    frames: list[object]
    broker: Broker
    questions: Questions
    reminders: Reminders
    approvals: ApprovalStore
    agents: AgentStore
    loose_ends: LooseEnds


@asynccontextmanager
async def open_post(
    directory: Path, *, clock: HandClock | None = None, commits_in_loop: bool = False
) -> AsyncIterator[Post]:
    """Open everything over `broker.sqlite` in `directory`, with agents ada, bob and cy."""
    clock = clock or HandClock()
    names: list[str] = ["manager", ADA, BOB, CY]
    allowed: dict[str, tuple[str, ...]] = {}
    frames: list[object] = []
    path = directory / "broker.sqlite"
    async with open_database(path, commits_in_loop=commits_in_loop) as database:
        broker = Broker(
            MessageStore(database),
            clock=clock,
            known=lambda: names,
            roster=lambda: names,
            publish=frames.append,
            allowed=allowed.get,
        )
        questions = Questions(QuestionStore(database), broker, clock=clock, publish=frames.append)
        reminders = Reminders(
            ReminderStore(database),
            broker,
            clock=clock,
            state_dir=lambda name: StateDir(directory / name, "/state"),
            publish=frames.append,
        )
        approvals = ApprovalStore(database, clock)
        yield Post(
            database=database,
            clock=clock,
            names=names,
            allowed=allowed,
            frames=frames,
            broker=broker,
            questions=questions,
            reminders=reminders,
            approvals=approvals,
            agents=AgentStore(database),
            loose_ends=LooseEnds(questions, reminders, approvals, clock),
        )
