"""Loose ends: one's own, the manager's view of all, and who may withdraw what."""

from __future__ import annotations

import pytest

from hive.errors import BadRequest, NotFound, Refused
from hive.wire.names import MANAGER
from tests.fakes.post import ADA, BOB, CY, Post


async def _fill(post: Post) -> tuple[int, int]:
    question = await post.questions.ask("ada", "tea?", options=("yes",), to="bob", ttl_s=60)
    reminder = await post.reminders.remind(ADA, "water", delay_seconds=9)
    await post.approvals.add("dan", "spawn", description="a fourth")
    post.clock.now += 5
    return question, reminder


async def _kinds(post: Post, name: str) -> list[tuple[str, str, float]]:
    ends = await post.loose_ends.for_agent(name)
    return [(end.kind, end.text, end.age_seconds) for end in ends]


async def test_each_sees_its_own_and_the_manager_sees_all(post: Post) -> None:
    await _fill(post)
    assert await _kinds(post, ADA) == [("question", "tea?", 5), ("reminder", "water", 5)]
    assert await _kinds(post, BOB) == [("question", "tea?", 5)]
    assert await _kinds(post, CY) == []
    assert await _kinds(post, MANAGER) == [
        ("approval", "spawn dan: a fourth", 5),
        ("question", "tea?", 5),
        ("reminder", "water", 5),
    ]


async def test_only_the_owner_and_the_manager_may_withdraw(post: Post) -> None:
    question, reminder = await _fill(post)
    with pytest.raises(Refused):
        await post.loose_ends.cancel(BOB, "question", question)
    with pytest.raises(NotFound):
        await post.loose_ends.cancel(BOB, "reminder", reminder)
    await post.loose_ends.cancel(ADA, "question", question)
    await post.loose_ends.cancel(MANAGER, "reminder", reminder)
    assert await _kinds(post, ADA) == []


async def test_an_approval_is_not_an_agents_to_withdraw(post: Post) -> None:
    await _fill(post)
    with pytest.raises(Refused, match="ask the manager"):
        await post.loose_ends.cancel(ADA, "approval", 1)


async def test_nothing_else_can_be_withdrawn(post: Post) -> None:
    with pytest.raises(BadRequest, match="cannot cancel 'job'"):
        await post.loose_ends.cancel(ADA, "job", 1)
