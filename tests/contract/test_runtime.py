"""What every container runtime promises, held against the fake and against the real ones."""

from __future__ import annotations

import os

import pytest
import trio
import trio.testing

from hive.errors import Conflict, ProgramFailed
from hive.wire.names import MANAGER, AgentName
from tests.contract.container_subjects import Subject
from tests.fakes.runtime import KILLED, Script

A = AgentName("a")
B = AgentName("b-2")
PATIENCE_S = 20


async def _wait_line(subject: Subject, name: AgentName, line: str) -> None:
    with trio.fail_after(PATIENCE_S):
        while line not in await subject.runtime.logs(name, 10):  # noqa: ASYNC110
            await trio.sleep(0.005)


async def test_a_container_that_was_never_started_does_not_run(subject: Subject) -> None:
    status = await subject.runtime.status(A)
    assert not status.is_running
    assert status.started_at is None
    assert status.exit_code is None
    assert await subject.runtime.running() == []
    assert await subject.runtime.logs(A, 10) == []
    with trio.fail_after(PATIENCE_S):
        assert await subject.runtime.wait_exit(A) == status
    await subject.runtime.stop(A, grace_s=1)
    await subject.runtime.destroy(A)


async def test_a_containers_user_is_known_to_who_never_saw_its_start(subject: Subject) -> None:
    assert subject.runtime.user(A) == os.geteuid()
    spec = subject.spec(A, Script())
    runtime = await subject.start_and_die(spec)
    assert runtime.user(A) == (os.geteuid() if spec.user is None else spec.user)
    await runtime.stop(A, grace_s=PATIENCE_S)
    assert runtime.user(A) == (os.geteuid() if spec.user is None else spec.user)


async def test_a_started_container_runs(subject: Subject) -> None:
    await subject.runtime.start(subject.spec(A, Script()))
    status = await subject.runtime.status(A)
    assert status.is_running
    assert status.started_at is not None
    assert status.exit_code is None


async def test_all_that_run_are_listed_by_the_agents_names(subject: Subject) -> None:
    for name in (A, B, MANAGER):
        await subject.runtime.start(subject.spec(name, Script()))
    await subject.runtime.stop(A, grace_s=0)
    assert {status.name for status in await subject.runtime.running()} == {B, MANAGER}


async def test_a_second_start_is_a_conflict(subject: Subject) -> None:
    await subject.runtime.start(subject.spec(A, Script()))
    before = await subject.runtime.status(A)
    with pytest.raises(Conflict):
        await subject.runtime.start(subject.spec(A, Script()))
    assert await subject.runtime.status(A) == before


async def test_two_runtimes_on_one_host_never_start_two_copies(subject: Subject) -> None:
    spec, outcomes = subject.spec(A, Script()), []

    async def start(runtime: object) -> None:
        try:
            await runtime.start(spec)  # type: ignore[attr-defined]
            outcomes.append("started")
        except Conflict:
            outcomes.append("conflict")

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(start, subject.another())
    assert sorted(outcomes) == ["conflict", "conflict", "conflict", "started"]
    assert len(await subject.runtime.running()) == 1


@pytest.mark.parametrize("code", [0, 1, 7, 255])
async def test_the_exit_code_is_learnt(subject: Subject, code: int) -> None:
    await subject.runtime.start(subject.spec(A, Script(exits=code)))
    with trio.fail_after(PATIENCE_S):
        status = await subject.runtime.wait_exit(A)
    assert not status.is_running
    assert status.exit_code == code
    assert await subject.runtime.status(A) == status


async def test_a_crash_ends_the_wait(subject: Subject) -> None:
    await subject.runtime.start(subject.spec(A, Script()))
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(subject.another().wait_exit, A)
            await trio.testing.wait_all_tasks_blocked()
            subject.crash(A)
    assert (await subject.runtime.wait_exit(A)).exit_code == KILLED


async def test_stopping_asks_first(subject: Subject) -> None:
    await subject.runtime.start(subject.spec(A, Script()))
    with trio.fail_after(PATIENCE_S):
        await subject.runtime.stop(A, grace_s=PATIENCE_S)
    status = await subject.runtime.status(A)
    assert not status.is_running
    assert status.exit_code == subject.ended


async def test_what_ignores_being_asked_is_killed_after_the_grace(subject: Subject) -> None:
    await subject.runtime.start(subject.spec(A, Script(ignores_term=True, prints=("ready",))))
    await _wait_line(subject, A, "ready")
    before = trio.current_time()
    with trio.fail_after(PATIENCE_S):
        await subject.runtime.stop(A, grace_s=0.1)
    assert trio.current_time() - before >= 0.1
    assert (await subject.runtime.status(A)).exit_code == KILLED


async def test_without_grace_it_is_killed_at_once(subject: Subject) -> None:
    await subject.runtime.start(subject.spec(A, Script()))
    await subject.runtime.stop(A, grace_s=0)
    assert (await subject.runtime.status(A)).exit_code == KILLED


async def test_it_can_be_started_again(subject: Subject) -> None:
    for code in (3, 4):
        await subject.runtime.start(subject.spec(A, Script(exits=code)))
        assert (await subject.runtime.wait_exit(A)).exit_code == code
    await subject.runtime.start(subject.spec(A, Script()))
    status = await subject.runtime.status(A)
    assert status.is_running
    assert status.exit_code is None


async def test_what_it_prints_is_kept_in_order_over_several_runs(subject: Subject) -> None:
    for lines in (("one", "two"), ("three",)):
        await subject.runtime.start(subject.spec(A, Script(exits=0, prints=lines)))
        await subject.runtime.wait_exit(A)
    assert await subject.runtime.logs(A, 10) == ["one", "two", "three"]
    assert await subject.runtime.logs(A, 2) == ["two", "three"]
    for unit in subject.runtime.units:
        assert len(await subject.runtime.logs(A, 10, unit)) == 3
    assert await subject.runtime.logs(A, 0) == []


async def test_a_program_that_is_missing_fails_the_start_and_leaves_nothing(
    subject: Subject,
) -> None:
    with pytest.raises(ProgramFailed, match=r"no such|No such"):
        await subject.runtime.start(subject.spec(A, Script(fails="no such program")))
    assert await subject.runtime.running() == []
    await subject.runtime.start(subject.spec(A, Script()))


async def test_a_cancelled_start_leaves_nothing(subject: Subject) -> None:
    spec = subject.spec(A, Script(takes_s=1))
    with trio.CancelScope() as scope:
        scope.cancel()
        await subject.runtime.start(spec)
    assert scope.cancelled_caught
    assert await subject.runtime.running() == []
    await subject.runtime.start(subject.spec(A, Script()))


async def test_destroying_forgets_a_stopped_container(subject: Subject) -> None:
    await subject.runtime.start(subject.spec(A, Script(exits=3, prints=("x",))))
    await subject.runtime.wait_exit(A)
    await subject.runtime.destroy(A)
    assert (await subject.runtime.status(A)).exit_code is None
    assert await subject.runtime.logs(A, 10) == []


async def test_a_running_container_is_not_destroyed(subject: Subject) -> None:
    await subject.runtime.start(subject.spec(A, Script()))
    with pytest.raises(Conflict):
        await subject.runtime.destroy(A)
    assert (await subject.runtime.status(A)).is_running


async def test_after_the_daemon_was_killed_the_next_one_finds_it(subject: Subject) -> None:
    runtime = await subject.start_and_die(subject.spec(A, Script()))
    assert [status.name for status in await runtime.running()] == [A]
    with pytest.raises(Conflict):
        await runtime.start(subject.spec(A, Script()))
    await runtime.stop(A, grace_s=PATIENCE_S)
    assert await runtime.running() == []
    assert (await runtime.status(A)).exit_code == subject.ended


async def test_a_container_found_again_tells_its_exit_code(subject: Subject) -> None:
    runtime = await subject.start_and_die(subject.spec(A, Script()))
    subject.crash(A)
    with trio.fail_after(PATIENCE_S):
        assert (await runtime.wait_exit(A)).exit_code == KILLED


async def test_who_waits_for_an_end_leaves_the_next_run_alone(subject: Subject) -> None:
    """However late the one that waits gets its turn after the end it has waited for."""
    await subject.runtime.start(subject.spec(A, Script()))
    waiting = [subject.runtime, subject.another()]
    async with trio.open_nursery() as nursery:
        for runtime in waiting:
            nursery.start_soon(runtime.wait_exit, A)
        await trio.testing.wait_all_tasks_blocked(0.01)
        for _ in range(5):
            await subject.runtime.stop(A, grace_s=1)
            await subject.runtime.start(subject.spec(A, Script()))
            assert (await subject.runtime.status(A)).is_running
        await trio.sleep(0.05)
        assert (await subject.runtime.status(A)).is_running
        nursery.cancel_scope.cancel()


async def test_who_met_no_limit_met_none_running_or_not(subject: Subject) -> None:
    assert not any((await subject.runtime.hits(A)).values())
    await subject.runtime.start(subject.spec(A, Script()))
    assert not any((await subject.another().hits(A)).values())


async def test_what_was_written_is_told_of_those_that_run(subject: Subject) -> None:
    assert await subject.runtime.written() == {}
    for name in (A, B):
        await subject.runtime.start(subject.spec(name, Script()))
    await subject.runtime.stop(B, grace_s=0)
    assert set(await subject.another().written()) == {A}
