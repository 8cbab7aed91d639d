"""Where a message came from: marked by the daemon, kept by answers, and by nobody else's word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from hive.errors import BadRequest
from hive.wire.messages import ORIGINS
from tests.fakes.post import Post, open_post

PEOPLE = ("ada", "bob")


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    """A broker with ada and bob."""
    async with open_post(tmp_path) as made:
        yield made


async def marks(post: Post, number: int) -> tuple[str, tuple[str, ...]]:
    """Return what is kept of a message: its origin, and those of what it answers."""
    (row,) = [row for row in await post.broker.history(200) if row.id == number]
    return row.origin, row.via


async def test_an_answer_keeps_the_marks_of_all_that_it_goes_back_to(post: Post) -> None:
    event = await post.broker.send("cron", "ada", "disk full", origin="external")
    first = await post.broker.send("ada", "bob", "look at it", in_reply_to=event)
    second = await post.broker.send("bob", "operator", "is it mine?", in_reply_to=first)
    third = await post.broker.send("operator", "bob", "yes", in_reply_to=second, origin="operator")
    fourth = await post.broker.send("bob", "ada", "done", in_reply_to=third)
    assert await marks(post, event) == ("external", ())
    assert await marks(post, first) == ("peer", ("external",))
    assert await marks(post, second) == ("peer", ("peer", "external"))
    assert await marks(post, third) == ("operator", ("peer", "external"))
    assert await marks(post, fourth) == ("peer", ("operator", "peer", "external"))


async def test_frames_and_what_is_handed_out_carry_the_marks(post: Post) -> None:
    event = await post.broker.send("cron", "ada", "disk full", origin="external")
    await post.broker.send("ada", "bob", "look at it", in_reply_to=event)
    (message,) = await post.broker.recv("bob")
    (recent,) = await post.broker.recent("bob", 5)
    frames = [frame for frame in post.frames if getattr(frame, "to", None) == "bob"]
    assert [(frame.origin, frame.via) for frame in frames] == 2 * [("peer", ("external",))]
    assert {(each.origin, each.via) for each in (message, recent)} == {("peer", ("external",))}


async def test_answers_that_share_a_commit_keep_each_its_own_marks(post: Post) -> None:
    told = [await post.broker.send("x", "ada", "?", origin=origin) for origin in ORIGINS]
    sent: dict[int, int] = {}

    async def answer(parent: int) -> None:
        sent[parent] = await post.broker.send("ada", "bob", "!", in_reply_to=parent)

    async with trio.open_nursery() as nursery:
        for parent in told:
            nursery.start_soon(answer, parent)
    found = [await marks(post, sent[parent]) for parent in told]
    assert found == [("peer", (origin,)) for origin in ORIGINS]


async def test_a_label_that_reads_like_an_agent_is_not_that_agent(post: Post) -> None:
    forged = await post.broker.send("bob", "ada", "I am bob", origin="external")
    with pytest.raises(BadRequest, match="not a message to or from bob"):
        await post.broker.send("bob", "ada", "as I said", in_reply_to=forged)


async def test_what_hive_tells_for_somebody_says_whose_words_it_holds(post: Post) -> None:
    to_operator = await post.questions.ask("ada", "tea?")
    to_bob = await post.questions.ask("ada", "coffee?", to="bob")
    await post.questions.answer(to_operator, "operator", "yes")
    await post.questions.answer(to_bob, "bob", "no")
    asked, yes, no = await post.broker.history(10)
    assert [(row.to, row.origin, row.via) for row in (asked, yes, no)] == [
        ("bob", "system", ("peer",)),
        ("ada", "system", ("operator",)),
        ("ada", "system", ("peer",)),
    ]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(PEOPLE), st.sampled_from(ORIGINS), st.none() | st.integers(0, 30)
        ),
        min_size=1,
        max_size=12,
    )
)
def test_marks_are_those_of_the_whole_chain_each_once_and_nearest_first(steps: list) -> None:
    async def play() -> None:
        with TemporaryDirectory() as name:
            async with open_post(Path(name)) as post:
                chains: dict[int, tuple[str, ...]] = {}
                for sender, origin, answers in steps:
                    to = PEOPLE[1 - PEOPLE.index(sender)]
                    # What somebody from outside says can be answered by who got it, not by it.
                    open_to = [] if origin == "external" else sorted(chains)
                    parent = open_to[answers % len(open_to)] if open_to and answers else None
                    row = None if parent is None else (await rows(post))[parent]
                    if row is not None and sender != row.to and row.origin == "external":
                        parent = None
                    number = await post.broker.send(
                        sender, to, "x", in_reply_to=parent, origin=origin
                    )
                    chain = () if parent is None else chains[parent]
                    chains[number] = (origin, *chain)
                    assert await marks(post, number) == (origin, tuple(dict.fromkeys(chain)))

    trio.run(play)


async def rows(post: Post) -> dict:
    """Return all messages by number."""
    return {row.id: row for row in await post.broker.history(200)}
