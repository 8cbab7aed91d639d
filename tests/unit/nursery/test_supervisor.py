"""The supervisor: readiness, backoff, giving up, order of stop."""

from __future__ import annotations

import errno

import pytest
import trio
import trio.testing

from hive.errors import Unavailable
from hive.nursery import supervisor
from hive.nursery.supervisor import GaveUp, Supervisor, Task


def make() -> Supervisor:
    return Supervisor(trio.current_time)


class Body:
    """A task that fails a given number of times, then runs."""

    def __init__(
        self, log: list[str], name: str, failures: int = 0, fails_after: float = 0
    ) -> None:
        self.log, self.name = log, name
        self.failures, self.fails_after = failures, fails_after
        self.starts: list[float] = []

    async def __call__(self, *, task_status: trio.TaskStatus[None]) -> None:
        self.starts.append(trio.current_time())
        self.log.append(f"start {self.name}")
        if len(self.starts) <= self.failures:
            await trio.sleep(self.fails_after)
            raise RuntimeError(f"boom {len(self.starts)}")
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            self.log.append(f"stop {self.name}")


async def run_for(kept: Supervisor, tasks: list[Task], seconds: float) -> None:
    with trio.move_on_after(seconds):
        await kept.run(tasks)


async def test_tasks_start_in_order_and_stop_in_reverse(
    autojump_clock: trio.testing.MockClock,
) -> None:
    log: list[str] = []
    tasks = [Task(name, Body(log, name)) for name in "abc"]
    await run_for(make(), tasks, 1)
    assert log == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]


async def test_a_failing_task_is_restarted_after_1_2_4_seconds(
    autojump_clock: trio.testing.MockClock,
) -> None:
    body = Body([], "a", failures=3)
    kept = make()
    await run_for(kept, [Task("a", body)], 20)
    gaps = [round(b - a) for a, b in zip(body.starts, body.starts[1:], strict=False)]
    assert gaps == [1, 2, 4]
    assert kept.rows()[0].restarts == 3
    assert kept.rows()[0].state == "stopped"
    assert kept.rows()[0].last_error == "RuntimeError: boom 3"


async def test_ten_failures_in_a_row_stop_everything_loudly(
    autojump_clock: trio.testing.MockClock,
) -> None:
    log: list[str] = []
    kept = make()
    with pytest.raises(GaveUp, match=r"bad failed 10 times in a row.*boom 10"):
        await kept.run([Task("good", Body(log, "good")), Task("bad", Body(log, "bad", 99))])
    assert log[-1] == "stop good"
    assert [row.state for row in kept.rows()] == ["stopped", "failed"]


@pytest.mark.parametrize(
    "refusal",
    [
        Unavailable("the database cannot grow, its disk is full: free space on it"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
async def test_what_a_full_disk_refuses_is_tried_until_there_is_room_and_ends_nothing(
    refusal: Exception, autojump_clock: trio.testing.MockClock
) -> None:
    starts = 0

    async def refused(*, task_status: trio.TaskStatus[None]) -> None:
        nonlocal starts
        starts += 1
        task_status.started()
        async with trio.open_nursery() as nursery:
            await trio.sleep(1)
            if starts < 2000:
                raise refusal
            nursery.start_soon(trio.sleep_forever)

    kept = make()
    await run_for(kept, [Task("full", refused)], 2000 * (supervisor.BACKOFF_MOST_S + 2))
    assert (kept.rows()[0].state, starts) == ("stopped", 2000)


async def test_five_healthy_minutes_forget_the_failures(
    autojump_clock: trio.testing.MockClock,
) -> None:
    body = Body([], "a", failures=30, fails_after=supervisor.HEALTHY_S)

    async def ready_then_fail(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await body(task_status=trio.TASK_STATUS_IGNORED)

    kept = make()
    await run_for(kept, [Task("a", ready_then_fail)], 20 * (supervisor.HEALTHY_S + 2))
    assert len(body.starts) >= 19
    gaps = {round(b - a) for a, b in zip(body.starts, body.starts[1:], strict=False)}
    assert gaps == {round(supervisor.HEALTHY_S + 1)}


async def test_a_task_that_ends_by_itself_counts_as_failed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def ends(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()

    kept = make()
    await run_for(kept, [Task("a", ends)], 2)
    assert kept.rows()[0].restarts >= 1
    assert kept.rows()[0].last_error == "it ended by itself"


async def test_a_task_that_is_never_ready_does_not_hold_the_start_for_ever(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def silent(*, task_status: trio.TaskStatus[None]) -> None:
        del task_status
        await trio.sleep_forever()

    log: list[str] = []
    await run_for(make(), [Task("silent", silent), Task("b", Body(log, "b"))], 40)
    assert log[0] == "start b"


async def test_a_task_that_may_take_long_to_be_ready_is_no_failure_and_holds_nobody(
    autojump_clock: trio.testing.MockClock,
) -> None:
    log: list[str] = []

    async def slow(*, task_status: trio.TaskStatus[None]) -> None:
        await trio.sleep(100)
        task_status.started()
        await trio.sleep_forever()

    kept = make()
    tasks = [Task("slow", slow, ready_s=1000), Task("b", Body(log, "b"))]
    await run_for(kept, tasks, 40)
    assert log[0] == "start b"
    assert (kept.rows()[0].state, kept.rows()[0].restarts) == ("stopped", 0)
    kept = make()
    await run_for(kept, tasks, 200)
    assert kept.rows()[0].restarts == 0


async def test_a_task_that_resists_its_stop_does_not_hold_the_others(
    autojump_clock: trio.testing.MockClock,
) -> None:
    log: list[str] = []

    async def stubborn(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(5)

    kept = make()
    tasks = [Task("a", Body(log, "a")), Task("stubborn", stubborn, stop_s=1)]
    started = trio.current_time()

    with trio.move_on_after(3):
        await kept.run(tasks)
    assert log == ["start a", "stop a"]
    assert trio.current_time() - started == pytest.approx(8, abs=0.1)


async def test_a_stop_during_the_start_stops_what_had_started(
    autojump_clock: trio.testing.MockClock,
) -> None:
    log: list[str] = []

    async def slow(*, task_status: trio.TaskStatus[None]) -> None:
        await trio.sleep(10)
        task_status.started()
        await trio.sleep_forever()

    tasks = [Task("a", Body(log, "a")), Task("slow", slow), Task("c", Body(log, "c"))]
    await run_for(make(), tasks, 5)
    assert log == ["start a", "stop a"]


async def test_readiness_is_reported_once_all_are_ready(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(make().run, [Task("a", Body([], "a")), Task("b", Body([], "b", 1))])
        nursery.cancel_scope.cancel()


async def test_a_task_that_fails_in_its_stop_does_not_break_the_stop_of_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stopped: list[str] = []

    async def first(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.01)
            stopped.append("first")

    async def fails() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("the disk is full")

    async def second(*, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fails)
            task_status.started()
            await trio.sleep_forever()

    supervisor = Supervisor(trio.current_time)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run, [Task("first", first), Task("second", second)])
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert stopped == ["first"]
    assert [row.state for row in supervisor.rows()] == ["stopped", "stopped"]
    assert "the disk is full" in (supervisor.rows()[1].last_error or "")
    assert "second failed while it stopped" in caplog.text
