"""Measures the search: among 100,000 messages, in agents' files, and what indexing takes."""

from __future__ import annotations

import json
import random
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import trio

from bench.figures import Bar, Figure, Report, median, spread
from hive.config import HostConfig
from hive.core import search
from hive.core.searches import Searches
from hive.paths import Paths
from hive.store import turn_events
from hive.store.database import LOG_BYTES, Database, open_database
from hive.store.message_index import MessageIndex
from hive.store.messages import Draft, MessageStore
from hive.store.turn_events import Event, TurnEvents, events_file
from hive.wire.names import agent_name

MESSAGES, QUICK_MESSAGES = 100_000, 2_000
AGENTS, EVENTS = 10, 2_000
ROUNDS, QUICK_ROUNDS = 40, 3
WORDS = 5_000
TOGETHER = 100
THREAD = 500
"""The message that every hundredth later one answers."""
NOW = 1_800_000_000.0
QUERIES = {
    "a word of every tenth message": "word3",
    "a word of one message": "only77",
    "two words, one that begins so": "word3 seldom1*",
    "a phrase": '"word3 word4"',
    "a sender and a week": "word3 from:ada after:7d",
    "a thread": f"in:{THREAD}",
    "as it stands, without the index": "->",
}
BAR = Bar(50, 250)
NOTES = (
    "A search of messages is what the daemon does between question and answer, over the same"
    " database as everything else; 50 hits each.",
    "One of agents starts a fenced program for each of them, two at a time, which indexes what it"
    " reads in memory; most of it is the start of the programs.",
    "The index is filled 250 messages at a time; the pauses between are not counted here.",
)


def measure(*, quick: bool = False) -> Report:
    """Run it in a hive of a database and agents' directories, without a daemon around it."""
    figures = trio.run(_measure, quick)
    return Report("Search", tuple(figures), NOTES)


async def _measure(quick: bool) -> list[Figure]:
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with tempfile.TemporaryDirectory(prefix="h", dir="/var/tmp") as scratch:
        paths = Paths(Path(scratch) / "state", Path(scratch) / "run")
        paths.agents.mkdir(parents=True)
        async with open_database(paths.broker_db, log_bytes=LOG_BYTES) as database:
            count = QUICK_MESSAGES if quick else MESSAGES
            await _fill(database, count)
            await _checkpoint(database)
            before = paths.broker_db.stat().st_size
            index = MessageIndex(database)
            took, worst = await _index(index)
            await _checkpoint(database)
            grown = paths.broker_db.stat().st_size - before
            names = [agent_name(f"a{number}") for number in range(AGENTS)]
            for name in names:
                await _remember(paths, name)
            hive = _hive(paths, index, names)
            figures = [
                Figure(
                    f"{count:,} messages indexed",
                    f"{took:.1f} s, {count / took:,.0f} a second; a step at most {worst:.0f} ms",
                    f"the index takes {grown / 2**20:.0f} MiB, the messages {before / 2**20:.0f}",
                )
            ]
            times = []
            for what, query in QUERIES.items():
                some = [await _search(hive, f"{query} kind:message") for _ in range(rounds)]
                times += some
                figures.append(Figure(what, f"p50 {median(some):.1f} ms"))
            told = f"a search among {count:,} messages"
            figures.insert(1, Figure(told, spread(times), "", str(BAR), BAR.is_met_by(times)))
            some = [await _search(hive, "needle kind:event") for _ in range(max(2, rounds // 4))]
            text = f"in the histories of {AGENTS} agents, {EVENTS:,} rows each"
            figures.append(Figure(text, f"p50 {median(some):.0f} ms"))
    return figures


async def _fill(database: Database, count: int) -> None:
    """Store messages of some twenty words, of which some are common and some rare."""
    store = MessageStore(database)
    chance = random.Random(1)
    drafts: list[Draft] = []
    for at in range(1, count + 1):
        words = [f"word{chance.randrange(10)}" for _ in range(2)]
        words += [f"seldom{int(chance.paretovariate(1)) % WORDS}" for _ in range(16)]
        body = f"{' '.join(words)} only{at} /shared/report-{at}.md{' ->' if at % 500 == 0 else ''}"
        parent = THREAD if at > THREAD and at % 100 == 0 else None
        draft = Draft("ada", (f"a{at % AGENTS}",), body, NOW - count + at, in_reply_to=parent)
        drafts.append(draft)
        if len(drafts) == TOGETHER or at == count:
            async with trio.open_nursery() as nursery:
                for each in drafts:
                    nursery.start_soon(store.add, each)
            drafts.clear()


async def _index(index: MessageIndex) -> tuple[float, float]:
    """Return how long indexing took in seconds, and its longest step in ms."""
    steps = []
    while True:
        began = time.perf_counter()
        is_more = await index.step()
        steps.append(time.perf_counter() - began)
        if not is_more:
            return sum(steps), max(steps) * 1000


async def _checkpoint(database: Database) -> None:
    def work(connection: Any) -> None:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    await database.read(work)


async def _remember(paths: Paths, name: str) -> None:
    """Give an agent a history of claude's lines."""
    state = paths.agent_state(agent_name(name))
    state.mkdir(parents=True)
    chance = random.Random(name)
    async with open_database(events_file(state), turn_events.MIGRATIONS) as database:
        rows = []
        for number in range(1, EVENTS + 1):
            words = " ".join(f"word{chance.randrange(WORDS)}" for _ in range(60))
            text = f"{words} needle" if number % 100 == 0 else words
            line = {"kind": "stream", "line": {"type": "assistant", "text": text}}
            rows.append(Event(number, NOW - EVENTS + number, "stream", json.dumps(line)))
        await TurnEvents(database).append(rows)


def _hive(paths: Paths, index: MessageIndex, names: list[Any]) -> Any:
    """Return as much of a hive as a search takes."""
    agents = SimpleNamespace(names=lambda: names, get=lambda name: name)
    return SimpleNamespace(
        config=HostConfig(),
        paths=paths,
        clock=lambda: NOW,
        agents=agents,
        runtime=SimpleNamespace(isolates=False),
        searches=Searches(index),
    )


async def _search(hive: Any, query: str) -> float:
    """Return what a search took, in ms."""
    began = time.perf_counter()
    answer = await search.search(hive, query)
    assert not answer.faults, answer.faults
    return (time.perf_counter() - began) * 1000
