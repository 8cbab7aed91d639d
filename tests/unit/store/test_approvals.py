"""The approval queue: decided once."""

from __future__ import annotations

from pathlib import Path

import trio

from tests.fakes.post import open_post


async def test_an_approval_waits_until_it_is_decided(tmp_path: Path) -> None:
    async with open_post(tmp_path) as post:
        added = await post.approvals.add("cy", "spawn", description="a third")
        assert await post.approvals.pending() == [added]
        assert await post.approvals.pending("bob") == []
        post.clock.now += 5
        assert await post.approvals.resolve(added.id, status="denied", note="not now")
        assert await post.approvals.pending() == []
        (decided,) = await post.approvals.history(5)
        assert (decided.status, decided.note, decided.resolved_at) == (
            "denied",
            "not now",
            post.clock.now,
        )


async def test_of_two_who_decide_at_once_one_is_first(tmp_path: Path) -> None:
    firsts = []
    async with open_post(tmp_path) as post:
        added = await post.approvals.add("cy", "spawn")

        async def decide(status: str) -> None:
            if await post.approvals.resolve(added.id, status=status):
                firsts.append(status)

        async with trio.open_nursery() as nursery:
            for status in ("approved", "denied", "approved"):
                nursery.start_soon(decide, status)
        assert [(await post.approvals.get(added.id)).status] == firsts


async def test_what_was_approved_can_still_fail(tmp_path: Path) -> None:
    async with open_post(tmp_path) as post:
        added = await post.approvals.add("cy", "apply_commit", commit_ref="abc")
        await post.approvals.resolve(added.id, status="approved")
        assert not await post.approvals.resolve(added.id, status="denied")
        assert await post.approvals.resolve(added.id, status="failed", expected="approved")
        kept = await post.approvals.get(added.id)
        assert (kept.status, kept.commit_ref) == ("failed", "abc")


async def test_what_was_noted_while_it_waited_is_not_the_operators_reason(tmp_path: Path) -> None:
    async with open_post(tmp_path) as post:
        added = await post.approvals.add("cy", "apply_commit", commit_ref="abc")
        noted = await post.approvals.set_fetched(added.id, "a" * 40, "it will fail")
        assert (noted.fetched_sha, noted.note) == ("a" * 40, "it will fail")
        assert await post.approvals.resolve(added.id, status="denied")
        assert (await post.approvals.get(added.id)).note is None
