"""Comments wait with their proposal and are decided with it, in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest

from hive.errors import Conflict, NotFound
from hive.store.jobs import JobStore
from hive.store.messages import Draft
from hive.store.reviews import COMMENTS_MOST, Review, ReviewStore
from hive.wire.approvals import APPROVED, DENIED, Approval
from hive.wire.reviews import DROP, NEW, SEND, Comment, NewComment
from tests.fakes.post import Post, open_post

NEW_ONE = NewComment("agent.toml", NEW, 3, 'model = "opus"', "why?", "deployed/0", "1d" * 20)


@attrs.frozen
class Desk:
    """A proposal that waits, and what decides it."""

    post: Post
    reviews: ReviewStore
    jobs: JobStore
    number: int

    async def decide(self, status: str, review: Review, note: str | None = None) -> Approval:
        decided = await self.jobs.decide(self.number, status, note, review=review, by="operator")
        return decided.approval


def told(_: Approval, comments: tuple[Comment, ...]) -> Draft | None:
    """Say what is sent, and nothing where nothing is."""
    said = ", ".join(one.text for one in comments)
    return Draft("system", ("manager",), said, 5.0, origin="system") if said else None


def breaks(_: Approval, __: tuple[Comment, ...]) -> Draft | None:
    raise Conflict("no")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_post(tmp_path) as post:
        added = await post.approvals.add("alice", "apply_commit")
        reviews = ReviewStore(post.database, post.clock)
        yield Desk(post, reviews, JobStore(post.database, post.clock), added.id)


async def test_a_draft_is_kept_changed_and_removed_while_its_proposal_waits(desk: Desk) -> None:
    first = await desk.reviews.add(desk.number, NEW_ONE)
    second = await desk.reviews.add(desk.number, attrs.evolve(NEW_ONE, line=4))
    changed = await desk.reviews.edit(first.id, "why so much?")
    assert await desk.reviews.of(desk.number) == [changed, second]
    assert (await desk.post.approvals.get(desk.number)).comments == 2
    assert await desk.reviews.drop(first.id) == changed
    assert [one.id for one in await desk.reviews.of(desk.number)] == [second.id]
    with pytest.raises(NotFound):
        await desk.reviews.edit(first.id, "again")


async def test_a_denial_sends_every_comment_there_is_by_then(desk: Desk) -> None:
    await desk.reviews.add(desk.number, NEW_ONE)
    more = attrs.evolve(NEW_ONE, line=9, text="and this?")
    denied = await desk.decide(DENIED, Review(told, SEND, (more,)), "no")
    assert (denied.comments, denied.resolved_by) == (2, "operator")
    assert [row.body for row in await desk.post.broker.history(9)] == ["why?, and this?"]
    assert {one.sent_at for one in await desk.reviews.of(desk.number)} == {denied.resolved_at}


async def test_an_approval_is_refused_until_it_is_said_what_becomes_of_comments(
    desk: Desk,
) -> None:
    await desk.reviews.add(desk.number, NEW_ONE)
    with pytest.raises(Conflict, match="--comments send"):
        await desk.decide(APPROVED, Review(told))
    assert (await desk.post.approvals.get(desk.number)).status == "pending"
    approved = await desk.decide(APPROVED, Review(told, DROP))
    assert approved.comments == 0
    assert await desk.post.broker.history(9) == []


async def test_a_decision_that_fails_leaves_drafts_and_tells_nobody(desk: Desk) -> None:
    draft = await desk.reviews.add(desk.number, NEW_ONE)
    with pytest.raises(Conflict, match="no"):
        await desk.decide(DENIED, Review(breaks, SEND, (NEW_ONE,)))
    assert await desk.reviews.of(desk.number) == [draft]
    assert (await desk.post.approvals.get(desk.number)).status == "pending"
    assert await desk.post.broker.history(9) == []


async def test_what_is_decided_takes_no_comments_any_more(desk: Desk) -> None:
    draft = await desk.reviews.add(desk.number, NEW_ONE)
    await desk.decide(DENIED, Review(told, SEND))
    for change in (
        desk.reviews.add(desk.number, NEW_ONE),
        desk.reviews.edit(draft.id, "other"),
        desk.reviews.drop(draft.id),
    ):
        with pytest.raises(Conflict, match="is denied already"):
            await change
    with pytest.raises(NotFound):
        await desk.reviews.add(desk.number + 1, NEW_ONE)


async def test_nobody_writes_more_comments_than_can_be_answered(desk: Desk) -> None:
    for line in range(1, COMMENTS_MOST + 1):
        await desk.reviews.add(desk.number, attrs.evolve(NEW_ONE, line=line))
    with pytest.raises(Conflict, match="100 comments already"):
        await desk.reviews.add(desk.number, NEW_ONE)


async def test_the_history_is_read_page_by_page_and_by_agent_and_outcome(desk: Desk) -> None:
    post = desk.post
    await desk.decide(DENIED, Review(told, SEND))
    for number in range(1, 8):
        post.clock.now += 1
        added = await post.approvals.add("bob" if number % 2 else "cy", "spawn")
        status = "approved" if number < 5 else "failed"
        await post.approvals.resolve(added.id, status=status, by="operator")
    waits = await post.approvals.add("dora", "spawn")
    every = [row.id for row in await post.approvals.history(50)]
    assert waits.id not in every
    pages: list[int] = []
    while page := await post.approvals.history(3, before=pages[-1] if pages else None):
        pages += [row.id for row in page]
    assert pages == every == sorted(every, reverse=True)
    bobs = await post.approvals.history(50, agent="bob", status="failed")
    assert {(row.agent, row.status) for row in bobs} == {("bob", "failed")}
    with pytest.raises(NotFound):
        await post.approvals.history(3, before=999)
