"""What the build queue promises, whatever is asked of it, and whenever its daemon is killed.

A kill is played by going on with a copy of the database's files as they are at that moment.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from hive.core.build_queue import JobCancelled, Outcome, Running, Ticket
from hive.errors import Conflict, Unavailable
from hive.store.jobs import NewJob
from hive.store.messages import Draft
from hive.wire.approvals import APPROVED, DENIED, PENDING, SPAWN
from hive.wire.jobs import CANCELLED, DEPLOY, DONE, FAILED, OVER, QUEUED, REBUILD, RESTART
from hive.wire.jobs import RUNNING as UNDER_WAY
from tests.fakes.build_queue import Bench, open_bench

AGENT = st.sampled_from(["ada", "bob"])
END = st.sampled_from([DONE, FAILED, "children"])
STEPS = st.one_of(
    st.tuples(st.just("submit"), st.sampled_from([REBUILD, RESTART]), AGENT),
    st.tuples(st.just("decide"), AGENT, st.permutations([APPROVED, DENIED])),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("begin")),
    st.tuples(st.just("end"), END),
    st.tuples(st.just("kill")),
    st.tuples(st.just("kill_while_it_ends"), END, st.integers(0, 8)),
    st.tuples(st.just("stop")),
)


@attrs.define
class Expected:
    """What must be true of a job."""

    kind: str
    agent: str
    state: str = QUEUED
    attempts: int = 0
    approval: int | None = None
    parent: int | None = None
    is_doomed: bool = attrs.field(default=False, eq=False)
    """Cancelled while it waited to be begun again: it ends so when its turn comes."""


def _told(number: int) -> Draft:
    return Draft("system", ("manager",), f"over {number}", 5.0, origin="system")


class Run:
    """Does each step to the queue and to the model, and compares."""

    def __init__(self, root: Path, nursery: trio.Nursery, stack: AsyncExitStack) -> None:
        self.root = root
        self.nursery = nursery
        self.numbers = itertools.count()
        self.stack = stack
        self.jobs: dict[int, Expected] = {}
        self.approvals: dict[int, str] = {}
        self.tickets: dict[int, Ticket] = {}
        self.directory = root
        self.bench: Bench
        self.worker = trio.CancelScope()
        self.gone = trio.Event()
        self.gone.set()

    async def open(self, copy_of: Path | None = None) -> None:
        self.directory = self.root / str(next(self.numbers))
        self.directory.mkdir()
        for name in ("broker.sqlite", "broker.sqlite-wal"):
            if copy_of is not None and (copy_of / name).exists():
                shutil.copy(copy_of / name, self.directory / name)
        await self.stack.aclose()
        self.bench = await self.stack.enter_async_context(open_bench(self.directory))
        for job in self.jobs.values():
            if job.state == UNDER_WAY:
                job.state = QUEUED
        self.tickets = {
            row.id: ticket
            for row in self.bench.queue.rows()
            if (ticket := self.bench.queue.ticket(row.id)) is not None
        }

    def unfinished(self) -> list[int]:
        return [number for number, job in sorted(self.jobs.items()) if job.state not in OVER]

    def running(self) -> int | None:
        return next((each for each, job in self.jobs.items() if job.state == UNDER_WAY), None)

    def expect(self, kind: str, agent: str, parent: int | None = None) -> int:
        """Return the number that a plain job must get."""
        mine = [each for each in self.unfinished() if self.jobs[each].agent == agent]
        if mine:
            newest = self.jobs[mine[-1]]
            plain = newest.approval is None and newest.state == QUEUED and not newest.is_doomed
            if plain and newest.kind == kind:
                return mine[-1]
        number = len(self.jobs) + 1
        self.jobs[number] = Expected(kind, agent, parent=parent)
        return number

    async def submit(self, kind: str, agent: str) -> None:
        expected = self.expect(kind, agent)
        ticket = await self.bench.queue.submit(NewJob(kind, agent, "operator"))
        assert ticket.row.id == expected
        assert self.tickets.setdefault(expected, ticket) is ticket

    async def decide(self, agent: str, statuses: list[str]) -> None:
        approval = await self.bench.post.approvals.add(agent, SPAWN)
        taken: list[str] = []

        async def one(status: str) -> None:
            job = NewJob(DEPLOY, agent, "operator") if status == APPROVED else None
            try:
                _, ticket = await self.bench.queue.decide(approval.id, status, job=job)
            except Conflict:
                return
            taken.append(status)
            if ticket is not None:
                number = len(self.jobs) + 1
                assert ticket.row.id == number
                self.jobs[number] = Expected(DEPLOY, agent, approval=approval.id)
                self.tickets[number] = ticket

        async with trio.open_nursery() as nursery:
            for status in statuses:
                nursery.start_soon(one, status)
        assert len(taken) == 1
        self.approvals[approval.id] = taken[0]

    async def cancel(self, pick: int) -> None:
        number = pick + 1
        job = self.jobs.get(number)
        if job is None:
            return
        if job.state in OVER:
            try:
                await self.bench.queue.cancel(number, "operator")
            except Conflict:
                return
            raise AssertionError("what is over cannot be cancelled")
        await self.bench.queue.cancel(number, "operator", notices=[_told(number)])
        if job.state == QUEUED and job.attempts > 0:
            # What an earlier daemon had begun is undone when its turn comes.
            job.is_doomed = True
        else:
            await self.over(number, CANCELLED)

    async def begin(self) -> None:
        if self.running() is not None or not self.unfinished():
            return
        number = self.unfinished()[0]
        job = self.jobs[number]
        job.state, job.attempts = UNDER_WAY, job.attempts + 1
        self.entered, self.result = trio.Event(), trio.Event()
        await self.nursery.start(self.work_once)
        if job.is_doomed:
            await self.over(number, CANCELLED)
            return
        await self.entered.wait()
        row = self.tickets[number].row
        assert (row.id, row.attempts, row.state) == (number, job.attempts, UNDER_WAY)

    async def work_once(self, *, task_status: trio.TaskStatus[None]) -> None:
        self.gone = trio.Event()
        with trio.CancelScope() as self.worker:
            task_status.started()
            await self.bench.queue.run_next(self.work)
        self.gone.set()

    async def work(self, running: Running) -> Outcome:
        number = running.row.id
        assert number == self.running()
        try:
            with running.cancellable():
                self.entered.set()
                await self.result.wait()
        except JobCancelled as error:
            return Outcome(error, notices=[_told(number)])
        if self.how == FAILED:
            return Outcome(Unavailable("no disk"), notices=[_told(number)])
        names = ("ada", "bob") if self.how == "children" else ()
        children = [NewJob(REBUILD, name, "system") for name in names]
        return Outcome(children=children, notices=[_told(number)])

    async def end(self, how: str) -> None:
        number = self.running()
        if number is None:
            return
        self.how = how
        self.result.set()
        await self.over(number, FAILED if how == FAILED else DONE)

    async def over(self, number: int, state: str) -> None:
        """Wait for a job's end, which must be this one."""
        try:
            row = await self.tickets[number].wait()
        except JobCancelled:
            assert state == CANCELLED
        except Unavailable:
            assert state == FAILED
        else:
            assert row.state == state == DONE
        self.ended(number, state)

    def ended(self, number: int, state: str) -> None:
        job = self.jobs[number]
        was_running = job.state == UNDER_WAY
        job.state = state
        if job.approval is not None and state != DONE:
            self.approvals[job.approval] = FAILED
        if was_running and state == DONE and self.how == "children":
            for name in ("ada", "bob"):
                child = self.expect(REBUILD, name, number)
                ticket = self.bench.queue.ticket(child)
                assert ticket is not None
                self.tickets[child] = ticket

    async def kill(self) -> None:
        directory = self.directory
        snapshot = self.root / f"{next(self.numbers)}-killed"
        snapshot.mkdir()
        for name in ("broker.sqlite", "broker.sqlite-wal"):
            shutil.copy(directory / name, snapshot / name)
        await self.end_worker()
        await self.open(snapshot)

    async def kill_while_it_ends(self, how: str, steps: int) -> None:
        number = self.running()
        if number is None:
            return
        self.how = how
        self.result.set()
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        await self.kill()
        # Either the end and all that follows from it is there, or nothing of it.
        row = await self.bench.queue.get(number)
        if row.state in OVER:
            self.jobs[number].state = UNDER_WAY
            self.ended(number, row.state)

    async def end_worker(self) -> None:
        self.worker.cancel()
        await self.gone.wait()

    async def stop(self) -> None:
        await self.end_worker()
        await self.stack.aclose()
        await self.open(self.directory)

    async def check(self) -> None:
        bench = self.bench
        rows = {number: await bench.queue.get(number) for number in self.jobs}
        assert {
            number: Expected(
                row.kind, row.agent or "", row.state, row.attempts, row.approval_id, row.parent_id
            )
            for number, row in rows.items()
        } == self.jobs
        known = [*await bench.store.unfinished(), *await bench.store.recent(999)]
        assert sorted(row.id for row in known) == sorted(self.jobs)
        assert await bench.store.unfinished() == [rows[each] for each in self.unfinished()]
        told = Counter(row.body for row in await bench.post.broker.history(999))
        over = [number for number, job in self.jobs.items() if job.state in OVER]
        assert told == {f"over {number}": 1 for number in over}
        for number, status in self.approvals.items():
            assert (await bench.post.approvals.get(number)).status == status != PENDING

    async def finish(self) -> None:
        """Everything that was taken on comes to its end, in order."""
        await self.end(DONE)
        while self.unfinished():
            await self.begin()
            await self.end(DONE)


async def _play(root: Path, steps: list[tuple[Any, ...]]) -> None:
    with trio.fail_after(20):
        async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
            run = Run(root, nursery, stack)
            await run.open()
            for step in steps:
                await getattr(run, step[0])(*step[1:])
                await run.check()
            await run.stop()
            await run.check()
            await run.finish()
            await run.check()


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_no_job_is_lost_done_twice_or_half_ended(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        trio.run(_play, Path(directory), steps)
