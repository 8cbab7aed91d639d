"""The build queue's rows: what collapses, and what is one transaction with what."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import trio

from hive.errors import Conflict, NotFound
from hive.store.agents import STOPPED, Deployed
from hive.store.jobs import NOTE_CHARS, STEP_CHARS, JobStore, NewJob
from hive.store.messages import Draft
from hive.wire.agent_config import AgentConfig, Limits, McpServer
from hive.wire.approvals import APPROVED, CANCELLED, DENIED, FAILED, SPAWN, Approval
from hive.wire.jobs import DEPLOY, DESTROY, DONE, META_UPDATE, QUEUED, REBUILD, RESTART, RUNNING
from tests.fakes.post import ADA, BOB, Post, open_post

TELL = Draft("system", ("manager",), "{}", 5.0, origin="system")
TWICE = Draft("system", ("manager", "manager"), "{}", 5.0, dedupe_key="k", origin="system")
"""Cannot be stored: a key is for one message to somebody."""
CONFIG = AgentConfig(
    description="reads the logs",
    packages=("jq",),
    env={"A": "ä"},
    limits=Limits(memory_mib=512),
    mcp_servers={"web": McpServer("fetch", ("--all",), {"K": "v"})},
    allowed_recipients=("bob",),
)


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with open_post(tmp_path) as opened:
        yield opened


@pytest.fixture
def store(post: Post) -> JobStore:
    return JobStore(post.database, post.clock)


def rebuild(agent: str = ADA, **args: str) -> NewJob:
    return NewJob(REBUILD, agent, "operator", args)


async def _approval(post: Post) -> Approval:
    return await post.approvals.add(BOB, SPAWN)


async def test_a_job_comes_back_as_it_was_queued(post: Post, store: JobStore) -> None:
    row, is_new = await store.add(NewJob(DESTROY, ADA, "manager", {"purge": "yes"}, parent_id=4))
    assert is_new
    assert await store.get(row.id) == row
    assert (row.kind, row.agent, row.state, row.requested_by) == (DESTROY, ADA, QUEUED, "manager")
    assert (row.args, row.parent_id, row.approval_id) == ({"purge": "yes"}, 4, None)
    assert (row.created_at, row.attempts, row.started_at) == (post.clock.now, 0, None)
    with pytest.raises(NotFound, match="no job 9"):
        await store.get(9)


async def test_the_same_job_that_still_waits_collapses(store: JobStore) -> None:
    first, _ = await store.add(NewJob(REBUILD, ADA, "operator", {"a": "1", "b": "2"}))
    again, is_new = await store.add(NewJob(REBUILD, ADA, "manager", {"b": "2", "a": "1"}))
    assert (again, is_new) == (first, False)
    for other in (
        rebuild(BOB, a="1", b="2"),
        rebuild(ADA, a="1"),
        NewJob(RESTART, ADA, "operator"),
    ):
        assert (await store.add(other))[1]


async def test_a_job_that_was_begun_does_not_take_another_in(store: JobStore) -> None:
    first, _ = await store.add(rebuild())
    await store.begin(first.id)
    second, is_new = await store.add(rebuild())
    assert is_new
    await store.finish(first.id, DONE)
    await store.cancel(second.id, "no")
    assert (await store.add(rebuild()))[1]


async def test_a_job_does_not_collapse_over_one_that_undoes_it(store: JobStore) -> None:
    await store.add(rebuild())
    await store.add(NewJob(DESTROY, ADA, "operator"))
    await store.add(rebuild(BOB))
    assert (await store.add(rebuild()))[1]


async def test_what_concerns_no_agent_collapses_too(store: JobStore) -> None:
    first, _ = await store.add(NewJob(META_UPDATE, None, "operator", {"inputs": '["a"]'}))
    await store.add(rebuild())
    again, is_new = await store.add(NewJob(META_UPDATE, None, "operator", {"inputs": '["a"]'}))
    assert (again.id, is_new) == (first.id, False)


async def test_a_decision_its_job_and_its_notice_are_one(post: Post, store: JobStore) -> None:
    approval = await _approval(post)
    decided = await store.decide(
        approval.id, APPROVED, None, job=NewJob(DEPLOY, BOB, "operator"), notice=TELL
    )
    assert decided.approval == await post.approvals.get(approval.id)
    assert decided.approval.status == APPROVED
    assert decided.job is not None
    assert decided.job.approval_id == approval.id
    assert await store.unfinished() == [decided.job]
    assert [each.ids for each in decided.posted] == [(1,)]
    assert await post.broker.unread("manager") == 1


async def test_a_decision_that_cannot_be_told_is_not_taken(post: Post, store: JobStore) -> None:
    approval = await _approval(post)
    with pytest.raises(sqlite3.IntegrityError):
        await store.decide(
            approval.id, APPROVED, None, job=NewJob(DEPLOY, BOB, "operator"), notice=TWICE
        )
    assert [each.id for each in await post.approvals.pending()] == [approval.id]
    assert await store.unfinished() == []


async def test_of_many_who_decide_at_once_one_does(post: Post, store: JobStore) -> None:
    approval = await _approval(post)
    lost: list[Conflict] = []

    async def decide(status: str, job: NewJob | None) -> None:
        try:
            await store.decide(approval.id, status, status, job=job, notice=TELL)
        except Conflict as error:
            lost.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(decide, APPROVED, NewJob(DEPLOY, BOB, "operator"))
            nursery.start_soon(decide, DENIED, None)
            nursery.start_soon(decide, CANCELLED, None)
    assert len(lost) == 14
    status = (await post.approvals.get(approval.id)).status
    assert len(await store.unfinished()) == (1 if status == APPROVED else 0)
    assert await post.broker.unread("manager") == 1
    assert f"is {status} already" in str(lost[0])
    with pytest.raises(NotFound):
        await store.decide(77, DENIED, None)


async def test_an_approvals_job_stands_apart_from_its_likes(post: Post, store: JobStore) -> None:
    plain = NewJob(DEPLOY, BOB, "operator")
    first = await store.decide((await _approval(post)).id, APPROVED, None, job=plain)
    second = await store.decide((await _approval(post)).id, APPROVED, None, job=plain)
    third, is_new = await store.add(plain)
    assert is_new
    assert first.job is not None
    assert second.job is not None
    assert len({first.job.id, second.job.id, third.id}) == 3


async def test_a_job_is_begun_stepped_and_finished(post: Post, store: JobStore) -> None:
    row, _ = await store.add(rebuild())
    post.clock.now += 2
    begun = await store.begin(row.id)
    assert (begun.state, begun.attempts, begun.started_at) == (RUNNING, 1, post.clock.now)
    assert (await store.step(row.id, "x" * 999)).step == "x" * STEP_CHARS
    post.clock.now += 2
    finished = await store.finish(row.id, DONE, "n" * 9999)
    assert finished.row.note == "n" * NOTE_CHARS
    assert finished.row.ended_at == post.clock.now
    assert await store.unfinished() == []
    assert await store.recent(5) == [finished.row]
    with pytest.raises(Conflict, match="done already"):
        await store.begin(row.id)
    with pytest.raises(Conflict, match="done already"):
        await store.finish(row.id, DONE)


async def test_an_end_and_what_follows_from_it_are_one(post: Post, store: JobStore) -> None:
    approval = await _approval(post)
    decided = await store.decide(
        approval.id, APPROVED, "go on", job=NewJob(DEPLOY, BOB, "operator")
    )
    assert decided.job is not None
    number = decided.job.id
    fail = partial(
        store.finish,
        number,
        "failed",
        "no disk",
        approval_failed=True,
        deployed=Deployed(BOB, "c" * 40, "deployed/1"),
        children=[rebuild(ADA), rebuild(ADA)],
    )
    await store.begin(number)
    with pytest.raises(sqlite3.IntegrityError):
        await fail(notices=[TELL, TWICE])
    assert [row.state for row in await store.unfinished()] == [RUNNING]
    assert await post.agents.all() == []
    assert (await post.approvals.get(approval.id)).status == APPROVED
    assert await post.broker.unread("manager") == 0

    finished = await fail(notices=[TELL, TELL])
    assert finished.approval == await post.approvals.get(approval.id)
    assert (finished.approval.status, finished.approval.note) == (FAILED, "no disk")
    assert finished.agent == await post.agents.get(BOB)
    first, second = finished.children
    assert first == second
    assert (first.parent_id, first.state) == (number, QUEUED)
    assert await post.broker.unread("manager") == 2


async def test_an_approval_that_failed_before_is_not_failed_again(
    post: Post, store: JobStore
) -> None:
    approval = await _approval(post)
    decided = await store.decide(approval.id, APPROVED, None, job=NewJob(DEPLOY, BOB, "operator"))
    assert decided.job is not None
    await post.approvals.resolve(approval.id, status=FAILED, note="first", expected=APPROVED)
    finished = await store.finish(decided.job.id, "failed", "second", approval_failed=True)
    assert finished.approval is None
    assert (await post.approvals.get(approval.id)).note == "first"


async def test_a_deployment_changes_nothing_else_of_an_agent(post: Post, store: JobStore) -> None:
    first, _ = await store.add(rebuild())
    made = (await store.finish(first.id, DONE, deployed=Deployed(ADA))).agent
    assert made is not None
    assert (made.created_at, made.wanted, made.deployed_sha) == (post.clock.now, "running", None)
    await post.agents.set_paused(ADA, paused=True)
    await post.agents.set_wanted(ADA, STOPPED)
    post.clock.now += 9
    second, _ = await store.add(rebuild())
    deployed = Deployed(ADA, "d" * 40, "deployed/3", "/built/here", CONFIG, "rev-1")
    kept = (await store.finish(second.id, DONE, deployed=deployed)).agent
    assert kept == await post.agents.get(ADA)
    assert kept is not None
    assert (kept.created_at, kept.wanted, kept.paused) == (made.created_at, STOPPED, True)
    assert (kept.deployed_sha, kept.deployed_tag, kept.system) == (
        "d" * 40,
        "deployed/3",
        "/built/here",
    )
    assert (kept.config, kept.hive_rev) == (CONFIG, "rev-1")
    third, _ = await store.add(NewJob(DESTROY, ADA, "operator"))
    assert (await store.finish(third.id, DONE)).agent is None


async def test_only_what_waits_is_cancelled(post: Post, store: JobStore) -> None:
    approval = await _approval(post)
    decided = await store.decide(approval.id, APPROVED, None, job=NewJob(DEPLOY, BOB, "operator"))
    assert decided.job is not None
    finished = await store.cancel(decided.job.id, "cancelled by operator", notices=[TELL])
    assert finished is not None
    assert (finished.row.state, finished.row.note) == (CANCELLED, "cancelled by operator")
    assert finished.approval == await post.approvals.get(approval.id)
    assert finished.approval.status == FAILED
    assert await store.cancel(decided.job.id, "again", notices=[TELL]) is None
    assert await post.broker.unread("manager") == 1
    with pytest.raises(NotFound):
        await store.cancel(99, "nobody")


async def test_what_ran_waits_again_after_a_restart_with_what_is_known_of_it(
    tmp_path: Path,
) -> None:
    async with open_post(tmp_path) as post:
        store = JobStore(post.database, post.clock)
        first, _ = await store.add(rebuild())
        second, _ = await store.add(rebuild(BOB))
        await store.begin(first.id)
        await store.step(first.id, "building")
        assert await store.mark_cancelled(first.id, "operator")
        assert not await store.mark_cancelled(second.id, "operator")
    async with open_post(tmp_path) as post:
        store = JobStore(post.database, post.clock)
        assert await store.requeue() == 1
        assert [(row.id, row.state) for row in await store.unfinished()] == [
            (first.id, QUEUED),
            (second.id, QUEUED),
        ]
        again = await store.next()
        assert again is not None
        assert (again.id, again.attempts, again.step) == (first.id, 1, "building")
        assert await store.cancelled_by(first.id) == "operator"
        assert await store.cancelled_by(second.id) is None
        assert (await store.begin(first.id)).attempts == 2


async def test_what_waits_to_be_undone_takes_no_newer_job_with_it(store: JobStore) -> None:
    first, _ = await store.add(NewJob(REBUILD, ADA, "operator"))
    await store.begin(first.id)
    await store.requeue()
    assert await store.mark_cancelled(first.id, "operator")
    second, is_new = await store.add(NewJob(REBUILD, ADA, "operator"))
    assert (is_new, second.id != first.id) == (True, True)
    again, is_new = await store.add(NewJob(REBUILD, ADA, "operator"))
    assert (is_new, again.id) == (False, second.id)
