"""The build queue: order, collapse, outcomes, cancelling, logs, and what a restart leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from hive.core import build_queue, running_job
from hive.core.build_queue import BuildQueue, JobCancelled, Outcome, Running, Work
from hive.errors import BadRequest, Conflict, NotFound, Unavailable
from hive.store.agents import Deployed
from hive.store.jobs import JobStore, NewJob
from hive.store.messages import Draft
from hive.wire.approvals import APPROVED, DENIED, FAILED, SPAWN
from hive.wire.dashboard import ApprovalResolved, JobChanged, JobLogged, Sent
from hive.wire.jobs import CANCELLED, DEPLOY, DONE, META_UPDATE, QUEUED, REBUILD, RUNNING, JobRow
from tests.fakes.build_queue import Bench, open_bench
from tests.fakes.post import ADA, BOB


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path) as opened:
        yield opened


@pytest.fixture
async def simulated(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, commits_in_loop=True) as opened:
        yield opened


def rebuild(agent: str = ADA) -> NewJob:
    return NewJob(REBUILD, agent, "operator")


def told(text: str = "{}") -> Draft:
    return Draft("system", ("manager",), text, 5.0, origin="system")


async def nothing(_: Running) -> Outcome:
    return Outcome()


class Gate:
    """Work that stops in the part that can be cancelled until it is let through."""

    def __init__(self) -> None:
        self.entered = trio.Event()
        self.through = trio.Event()
        self.seen: list[int] = []

    async def __call__(self, running: Running) -> Outcome:
        self.seen.append(running.row.id)
        try:
            with running.cancellable():
                self.entered.set()
                await self.through.wait()
        except JobCancelled as error:
            await running.step("undone")
            return Outcome(error, notices=[told("undone")])
        return Outcome()


@asynccontextmanager
async def working(queue: BuildQueue, work: Work) -> AsyncIterator[None]:
    """Run the worker during the block and end it as a daemon's stop does."""
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(queue.run, work)
            yield
            nursery.cancel_scope.cancel()


def changes(bench: Bench) -> list[tuple[int, str]]:
    return [
        (frame.job.id, frame.job.state)
        for frame in bench.post.frames
        if isinstance(frame, JobChanged)
    ]


async def test_jobs_are_done_one_after_the_other_in_order(bench: Bench) -> None:
    seen: list[str | None] = []
    at_once = 0

    async def work(running: Running) -> Outcome:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        seen.append(running.row.agent)
        await running.step("building")
        at_once -= 1
        return Outcome(note="fine")

    tickets = [await bench.queue.submit(rebuild(name)) for name in (BOB, ADA, "cy")]
    async with working(bench.queue, work):
        rows = [await ticket.wait() for ticket in tickets]
    assert seen == [BOB, ADA, "cy"]
    assert [(row.state, row.step, row.note, row.attempts) for row in rows] == [
        (DONE, "building", "fine", 1)
    ] * 3
    assert bench.queue.rows() == rows
    assert await bench.queue.log(rows[0].id) == ["== building"]
    assert changes(bench)[:3] == [(row.id, QUEUED) for row in rows]
    assert changes(bench)[3:6] == [(1, RUNNING), (1, RUNNING), (1, DONE)]


async def test_the_same_job_is_answered_by_the_same_ticket(bench: Bench) -> None:
    first = await bench.queue.submit(rebuild())
    assert await bench.queue.submit(rebuild()) is first
    assert changes(bench) == [(1, QUEUED)]
    async with working(bench.queue, nothing):
        assert (await first.wait()).state == DONE
        again = await bench.queue.submit(rebuild())
        assert (await again.wait()).id == 2


async def test_many_who_ask_at_once_are_all_answered(bench: Bench) -> None:
    rows: list[JobRow] = []

    async def ask(number: int) -> None:
        ticket = await bench.queue.submit(rebuild(f"a{number % 5}"))
        rows.append(await ticket.wait())

    async with working(bench.queue, nothing), trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(ask, number)
    assert len(rows) == 50
    assert {row.state for row in rows} == {DONE}
    assert await bench.store.unfinished() == []


async def test_what_hive_foresaw_is_the_jobs_failure(bench: Bench) -> None:
    async def work(_: Running) -> Outcome:
        raise BadRequest("agent.toml line 3: no such key")

    approval = await bench.post.approvals.add(BOB, SPAWN)
    _, ticket = await bench.queue.decide(approval.id, APPROVED, job=NewJob(DEPLOY, BOB, "operator"))
    assert ticket is not None
    async with working(bench.queue, work):
        for _ in range(2):
            with pytest.raises(BadRequest, match="line 3"):
                await ticket.wait()
    assert (ticket.row.state, ticket.row.note) == ("failed", "agent.toml line 3: no such key")
    assert (await bench.post.approvals.get(approval.id)).status == FAILED
    assert [
        frame.approval.status for frame in bench.post.frames if isinstance(frame, ApprovalResolved)
    ] == [APPROVED, FAILED]
    assert (await bench.queue.log(ticket.row.id))[-1] == "agent.toml line 3: no such key"


async def test_a_decision_is_told_to_who_waits_for_a_message(bench: Bench) -> None:
    approval = await bench.post.approvals.add(BOB, SPAWN)
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            (message,) = await bench.post.broker.recv("manager", wait_s=30)
            assert message.body == "denied"

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        decided, ticket = await bench.queue.decide(approval.id, DENIED, "no", notice=told("denied"))
    assert (decided.status, decided.note, ticket) == (DENIED, "no", None)
    with pytest.raises(Conflict, match="is denied already"):
        await bench.queue.decide(approval.id, APPROVED, job=NewJob(DEPLOY, BOB, "operator"))
    assert bench.queue.rows() == []


async def test_an_end_is_told_and_brings_what_follows(bench: Bench) -> None:
    async def work(running: Running) -> Outcome:
        if running.row.parent_id is not None:
            return Outcome()
        return Outcome(
            deployed=Deployed(BOB, "a" * 40, "deployed/0"),
            children=[rebuild(ADA), rebuild(BOB)],
            notices=[told("spawned")],
        )

    ticket = await bench.queue.submit(rebuild("cy"))
    async with working(bench.queue, work):
        await ticket.wait()
        for row in bench.queue.rows()[1:]:
            child = bench.queue.ticket(row.id)
            assert child is not None
            assert (await child.wait()).parent_id == ticket.row.id
    assert [row.agent for row in bench.queue.rows()] == ["cy", ADA, BOB]
    assert bench.agents.get(BOB).deployed_tag == "deployed/0"
    assert [frame.body for frame in bench.post.frames if isinstance(frame, Sent)] == ["spawned"]


async def test_an_end_that_was_stored_and_not_said_is_said_by_the_next_worker(
    bench: Bench,
) -> None:
    ticket = await bench.queue.submit(rebuild())
    await bench.store.begin(ticket.row.id)
    await bench.store.finish(ticket.row.id, FAILED, "no disk")
    await bench.queue.load()
    with trio.fail_after(5), pytest.raises(Conflict, match="no disk"):
        await ticket.wait()


async def test_what_another_attempt_must_know_is_kept(tmp_path: Path) -> None:
    gate = Gate()

    async def work(running: Running) -> Outcome:
        if running.row.attempts == 1:
            await running.keep(changed="ada")
        return await gate(running)

    async with open_bench(tmp_path) as bench:
        await bench.queue.submit(NewJob(META_UPDATE, None, "operator", {"inputs": "[]"}))
        async with working(bench.queue, work):
            await gate.entered.wait()
    gate.through.set()
    async with open_bench(tmp_path) as bench:
        row = await bench.queue.run_next(work)
        assert row is not None
        assert row.args == {"changed": "ada", "inputs": "[]"}
        with pytest.raises(Conflict, match="is done already"):
            await bench.queue.keep(row.id, {"start": "no"})


async def test_a_job_that_waits_is_cancelled_at_once(bench: Bench) -> None:
    ticket = await bench.queue.submit(rebuild())
    row = await bench.queue.cancel(ticket.row.id, "operator", notices=[told("cancelled")])
    assert (row.state, row.note) == (CANCELLED, "cancelled by operator")
    with pytest.raises(JobCancelled, match="job 1 was cancelled by operator"):
        await ticket.wait()
    assert await bench.post.broker.unread("manager") == 1
    with pytest.raises(Conflict, match="is cancelled already"):
        await bench.queue.cancel(ticket.row.id, "operator")
    with pytest.raises(NotFound, match="no job 9"):
        await bench.queue.cancel(9, "operator")
    other = await bench.queue.submit(rebuild())
    async with working(bench.queue, nothing):
        assert (await other.wait()).id != ticket.row.id


async def test_a_running_job_undoes_its_work_when_it_is_cancelled(bench: Bench) -> None:
    gate = Gate()
    ticket = await bench.queue.submit(rebuild())
    async with working(bench.queue, gate):
        await gate.entered.wait()
        assert (await bench.queue.cancel(ticket.row.id, "operator")).state == RUNNING
        with pytest.raises(JobCancelled):
            await ticket.wait()
    assert (ticket.row.state, ticket.row.step) == (CANCELLED, "undone")
    assert ticket.row.note == "job 1 was cancelled by operator"
    assert await bench.post.broker.unread("manager") == 1


async def test_what_is_past_cancelling_says_so(bench: Bench) -> None:
    past, through = trio.Event(), trio.Event()

    async def work(running: Running) -> Outcome:
        with running.cancellable():
            await trio.lowlevel.checkpoint()
        past.set()
        await through.wait()
        return Outcome()

    ticket = await bench.queue.submit(rebuild())
    async with working(bench.queue, work):
        await past.wait()
        with pytest.raises(Conflict, match="past what can be cancelled"):
            await bench.queue.cancel(ticket.row.id, "operator")
        through.set()
        assert (await ticket.wait()).state == DONE


async def test_a_job_has_one_part_that_can_be_cancelled(bench: Bench) -> None:
    async def work(running: Running) -> Outcome:
        with running.cancellable():
            pass
        with pytest.raises(RuntimeError, match="one part"), running.cancellable():
            pass
        return Outcome()

    ticket = await bench.queue.submit(rebuild())
    async with working(bench.queue, work):
        await ticket.wait()


async def test_a_job_can_be_cancelled_while_it_is_being_begun(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = JobStore.begin

    async def begin_and_be_cancelled(store: JobStore, number: int) -> JobRow:
        row = await begin(store, number)
        await bench.queue.cancel(number, "operator")
        return row

    monkeypatch.setattr(JobStore, "begin", begin_and_be_cancelled)
    ticket = await bench.queue.submit(rebuild())
    async with working(bench.queue, Gate()):
        with pytest.raises(JobCancelled):
            await ticket.wait()


async def test_a_job_that_was_cancelled_before_its_turn_is_passed_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = JobStore.begin

    async def be_cancelled_and_begin(store: JobStore, number: int) -> JobRow:
        if number == 1:
            await bench.queue.cancel(number, "operator")
        return await begin(store, number)

    monkeypatch.setattr(JobStore, "begin", be_cancelled_and_begin)
    await bench.queue.submit(rebuild())
    second = await bench.queue.submit(rebuild(BOB))
    gate = Gate()
    gate.through.set()
    async with working(bench.queue, gate):
        await second.wait()
    assert gate.seen == [2]


async def test_a_stop_leaves_the_job_to_the_next_daemon(tmp_path: Path) -> None:
    gate = Gate()
    async with open_bench(tmp_path) as bench:
        await bench.queue.submit(rebuild())
        await bench.queue.submit(rebuild(BOB))
        async with working(bench.queue, gate):
            await gate.entered.wait()
    async with open_bench(tmp_path) as bench:
        assert [(row.state, row.attempts) for row in bench.queue.rows()] == [
            (QUEUED, 1),
            (QUEUED, 0),
        ]
        gate.through.set()
        async with working(bench.queue, gate):
            for number in (1, 2):
                ticket = bench.queue.ticket(number)
                assert ticket is not None
                await ticket.wait()
        assert [row.attempts for row in bench.queue.rows()] == [2, 1]
    assert gate.seen == [1, 1, 2]


async def test_a_failure_of_the_stop_is_not_the_jobs(tmp_path: Path) -> None:
    entered = trio.Event()

    async def work(_: Running) -> Outcome:
        try:
            entered.set()
            await trio.sleep_forever()
        finally:
            # As a program does that was killed by the stop.
            raise Unavailable("killed")

    async with open_bench(tmp_path) as bench:
        await bench.queue.submit(rebuild())
        async with working(bench.queue, work):
            await entered.wait()
        assert [row.state for row in await bench.store.unfinished()] == [RUNNING]


async def test_a_success_at_the_last_moment_counts(bench: Bench) -> None:
    entered = trio.Event()

    async def work(_: Running) -> Outcome:
        with trio.CancelScope(shield=True):
            entered.set()
            await trio.testing.wait_all_tasks_blocked()
        return Outcome(note="just so")

    await bench.queue.submit(rebuild())
    async with working(bench.queue, work):
        await entered.wait()
    assert [row.note for row in await bench.store.recent(5)] == ["just so"]


async def test_a_cancelled_job_stays_so_over_a_restart(tmp_path: Path) -> None:
    entered = trio.Event()

    async def work(running: Running) -> Outcome:
        try:
            with running.cancellable():
                entered.set()
                await trio.sleep_forever()
        except JobCancelled as error:
            if running.row.attempts == 1:
                await trio.sleep_forever()  # the undoing is what the stop breaks off
            return Outcome(error)

    async with open_bench(tmp_path) as bench:
        await bench.queue.submit(rebuild())
        async with working(bench.queue, work):
            await entered.wait()
            await bench.queue.cancel(1, "operator")
            await trio.testing.wait_all_tasks_blocked()
    async with open_bench(tmp_path) as bench, working(bench.queue, work):
        ticket = bench.queue.ticket(1)
        assert ticket is not None
        with pytest.raises(JobCancelled, match="by operator"):
            await ticket.wait()


async def test_what_an_earlier_daemon_had_begun_is_undone_when_it_is_cancelled(
    tmp_path: Path,
) -> None:
    entered = trio.Event()
    undone = []

    async def work(running: Running) -> Outcome:
        try:
            with running.cancellable():
                entered.set()
                await trio.sleep_forever()
        except JobCancelled as error:
            undone.append(running.row.attempts)
            return Outcome(error)

    async with open_bench(tmp_path) as bench:
        await bench.queue.submit(rebuild())
        async with working(bench.queue, work):
            await entered.wait()
    async with open_bench(tmp_path) as bench:
        # It waits again, and half of it is done.
        assert (await bench.queue.cancel(1, "operator")).state == QUEUED
        async with working(bench.queue, work):
            ticket = bench.queue.ticket(1)
            assert ticket is not None
            with pytest.raises(JobCancelled, match="by operator"):
                await ticket.wait()
    assert undone == [2]


async def test_an_error_nobody_foresaw_ends_the_job_and_is_raised(bench: Bench) -> None:
    async def work(_: Running) -> Outcome:
        raise ZeroDivisionError

    ticket = await bench.queue.submit(rebuild())
    with pytest.raises(ZeroDivisionError):
        await bench.queue.run_next(work)
    with pytest.raises(Unavailable, match="nobody foresaw"):
        await ticket.wait()
    assert ticket.row.state == "failed"


async def test_an_end_that_cannot_be_stored_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = JobStore.finish
    failures = [Unavailable("disk full")]

    async def full(*args: object, **fields: object) -> object:
        if failures:
            raise failures.pop()
        return await finish(*args, **fields)  # type: ignore[arg-type]

    monkeypatch.setattr(JobStore, "finish", full)
    ticket = await bench.queue.submit(rebuild())
    with pytest.raises(Unavailable):
        await bench.queue.run_next(nothing)
    # What a supervisor does: the task begins with a load again, and who waits goes on waiting.
    await bench.queue.load()
    assert bench.queue.ticket(ticket.row.id) is ticket
    assert ticket.row.state == QUEUED
    await bench.queue.run_next(nothing)
    assert ((await ticket.wait()).state, ticket.row.attempts) == (DONE, 2)


async def test_an_end_that_takes_too_long_is_no_end(
    simulated: Bench, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    async def stuck(*_: object, **__: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(JobStore, "finish", stuck)
    await simulated.queue.submit(rebuild())
    with pytest.raises(Unavailable, match="was not stored"):
        await simulated.queue.run_next(nothing)
    assert [row.state for row in await simulated.store.unfinished()] == [RUNNING]


async def test_whoever_asks_for_what_is_over_is_answered(tmp_path: Path) -> None:
    async def work(running: Running) -> Outcome:
        if running.row.agent == BOB:
            raise Unavailable("no disk")
        return Outcome()

    async with open_bench(tmp_path) as bench:
        for agent in (ADA, BOB, "cy"):
            await bench.queue.submit(rebuild(agent))
        await bench.queue.cancel(3, "operator")
        for _ in range(2):
            await bench.queue.run_next(work)
    async with open_bench(tmp_path) as bench:
        tickets = [bench.queue.ticket(number) for number in (1, 2, 3, 4)]
        first, second, third, fourth = tickets
        assert fourth is None
        assert first is not None
        assert second is not None
        assert third is not None
        assert (await first.wait()).state == DONE
        with pytest.raises(Conflict, match="no disk"):
            await second.wait()
        with pytest.raises(JobCancelled):
            await third.wait()


async def test_only_the_newest_that_are_over_are_kept_at_hand(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_queue, "RECENT", 2)
    for number in range(4):
        await bench.queue.submit(rebuild(f"a{number}"))
    for _ in range(3):
        await bench.queue.run_next(nothing)
    assert [row.id for row in bench.queue.rows()] == [2, 3, 4]
    assert (await bench.queue.get(1)).state == DONE


async def test_what_a_job_says_is_shown_gathered(
    simulated: Bench, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    async def in_the_loop(work: Callable[..., object], *args: object) -> object:
        await trio.lowlevel.checkpoint()
        return work(*args)

    # The simulated clock would run on while a thread works.
    monkeypatch.setattr(trio.to_thread, "run_sync", in_the_loop)
    queue = simulated.queue

    async def work(running: Running) -> Outcome:
        for number in range(3):
            running.say(f"line {number}\n")
        await trio.sleep(1)
        running.say("\x1b[31mred\x1b[0m")
        await trio.sleep(1)
        assert await queue.log(running.row.id, 3) == ["red"]
        running.say("the end")
        return Outcome()

    ticket = await queue.submit(rebuild())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.run_logs)
        nursery.start_soon(queue.run, work)
        await ticket.wait()
        nursery.cancel_scope.cancel()
    frames = [frame for frame in simulated.post.frames if isinstance(frame, JobLogged)]
    assert [(frame.offset, frame.lines) for frame in frames] == [
        (0, ("line 0", "line 1", "line 2")),
        (3, ("red",)),
        (4, ("the end",)),
    ]
    assert await queue.log(ticket.row.id, 4) == ["the end"]
    with pytest.raises(NotFound):
        await queue.log(99)


async def test_a_job_that_says_too_much_at_once_says_what_was_left_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_job, "PENDING_LINES", 10)
    monkeypatch.setattr(running_job, "FRAME_LINES", 4)

    async def work(running: Running) -> Outcome:
        running.say("\n".join(f"{number}" for number in range(25)))
        return Outcome()

    ticket = await bench.queue.submit(rebuild())
    await bench.queue.run_next(work)
    lines = await bench.queue.log(ticket.row.id)
    assert lines == ["(15 lines were left out)", *(f"{number}" for number in range(15, 25))]
    frames = [frame for frame in bench.post.frames if isinstance(frame, JobLogged)]
    assert [frame.offset for frame in frames] == [0, 4, 8]
    assert [line for frame in frames for line in frame.lines] == lines


async def test_a_log_that_cannot_be_written_is_told_and_the_job_is_done(bench: Bench) -> None:
    bench.paths.job_log(1).parent.write_text("in the way")

    async def work(running: Running) -> Outcome:
        await running.step("building")
        return Outcome(note="fine")

    ticket = await bench.queue.submit(rebuild())
    await bench.queue.run_next(work)
    row = await ticket.wait()
    assert row.state == DONE
    assert row.note == "fine; its log could not be written: File exists"


async def test_a_log_of_another_job_under_that_number_is_not_gone_on_with(bench: Bench) -> None:
    path = bench.paths.job_log(1)
    path.parent.mkdir()
    path.write_text("of a job from before the backup was put back\n")

    async def work(running: Running) -> Outcome:
        await running.step("building")
        return Outcome()

    await bench.queue.submit(rebuild())
    await bench.queue.run_next(work)
    assert await bench.queue.log(1) == ["== building"]
