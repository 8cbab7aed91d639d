"""Threads: what belongs together, in an order in which nothing stands before what it answers."""

from __future__ import annotations

import pytest

from hive.errors import NotFound
from tests.fakes.post import Post


async def say(post: Post, sender: str, to: str, parent: int | None = None) -> int:
    return await post.broker.send(sender, to, f"from {sender}", in_reply_to=parent)


async def test_a_thread_is_the_same_from_whichever_of_its_messages_it_is_asked(post: Post) -> None:
    first = await say(post, "ada", "bob")
    aside = await say(post, "ada", "bob")
    one = await say(post, "bob", "ada", first)
    other = await say(post, "bob", "ada", first)
    last = await say(post, "ada", "bob", one)
    for number in (first, one, other, last):
        found = await post.broker.thread(number, after=0, limit=9)
        assert [row.id for row in found.messages] == [first, one, other, last]
        assert (found.root, found.total, found.is_end, found.is_cut) == (first, 4, True, False)
    assert [row.id for row in (await post.broker.thread(aside, after=0, limit=9)).messages] == [
        aside
    ]
    with pytest.raises(NotFound):
        await post.broker.thread(last + 1, after=0, limit=9)


async def test_what_was_sent_to_several_at_once_begins_one_thread(post: Post) -> None:
    before = await say(post, "operator", "ada")
    first = await post.broker.send("operator", ("ada", "bob"), "both of you")
    behind = await say(post, "operator", "bob")
    answers = [await say(post, "ada", "operator", first)]
    answers.append(await say(post, "bob", "operator", first + 1))
    found = await post.broker.thread(answers[1], after=0, limit=9)
    assert [row.id for row in found.messages] == [first, first + 1, *answers]
    assert before not in {row.id for row in found.messages}
    assert behind not in {row.id for row in found.messages}


async def test_a_long_thread_is_read_page_by_page(post: Post) -> None:
    chain = [await say(post, "ada", "bob")]
    for at in range(40):
        sender, to = ("bob", "ada") if at % 2 == 0 else ("ada", "bob")
        chain.append(await say(post, sender, to, chain[-1]))
    seen: list[int] = []
    is_end = False
    while not is_end:
        found = await post.broker.thread(chain[-1], after=seen[-1] if seen else 0, limit=15)
        seen += [row.id for row in found.messages]
        is_end = found.is_end
    assert seen == chain


async def test_a_message_to_several_of_whom_one_is_unknown_goes_to_nobody(post: Post) -> None:
    with pytest.raises(NotFound, match="nobody-here"):
        await post.broker.send("operator", ("ada", "nobody-here"), "both of you")
    assert await post.broker.history(9) == []


async def test_one_message_is_marked_as_read_and_told_once(post: Post) -> None:
    first, second = [await say(post, "ada", "operator") for _ in range(2)]
    assert await post.broker.mark_read("operator", second) == 1
    assert await post.broker.mark_read("operator", second) == 0
    assert [type(frame).__name__ for frame in post.frames].count("Acked") == 1
    assert [(row.id, row.acked_at is None) for row in await post.broker.recent("operator", 9)] == [
        (second, False),
        (first, True),
    ]
    with pytest.raises(NotFound, match="sent to operator"):
        await post.broker.mark_read("operator", await say(post, "ada", "bob"))
