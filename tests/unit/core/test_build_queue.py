"""The build queue: order, collapse, outcomes, cancelling, logs, and what a restart leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from hive.core.build_queue import Outcome, Running
from hive.store.jobs import NewJob
from hive.wire.jobs import DONE, REBUILD
from tests.fakes.build_queue import Bench, open_bench
from tests.fakes.post import ADA, BOB


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path) as opened:
        yield opened


def rebuild(agent: str) -> NewJob:
    return NewJob(REBUILD, agent, "operator")


async def nothing(_: Running) -> Outcome:
    return Outcome()


async def test_jobs_are_done_one_after_the_other_in_order(bench: Bench) -> None:
    seen: list[str | None] = []

    async def work(running: Running) -> Outcome:
        seen.append(running.row.agent)
        await running.step("building")
        return Outcome(note="fine")

    tickets = [await bench.queue.submit(rebuild(name)) for name in (BOB, ADA, "cy")]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.queue.run, work)
        rows = [await ticket.wait() for ticket in tickets]
        nursery.cancel_scope.cancel()
    assert seen == [BOB, ADA, "cy"]
    assert [(row.state, row.step, row.note, row.attempts) for row in rows] == [
        (DONE, "building", "fine", 1)
    ] * 3
    assert await bench.queue.log(rows[0].id) == ["== building"]
