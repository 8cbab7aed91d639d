"""The feed: numbers, resumption, falling behind, closing."""

from __future__ import annotations

import json

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from hive.feed import Feed


async def take(feed: Feed, after: int | None, count: int) -> list[int]:
    got: list[int] = []
    with feed.watch(after) as watch:
        while len(got) < count:
            frames = await watch.next()
            assert frames is not None
            got += [json.loads(line)["n"] for _, line in frames]
    return got


async def test_a_watch_gets_every_frame_in_order_with_its_number() -> None:
    feed = Feed(1.0)
    with feed.watch() as watch:
        first = feed.publish({"kind": "x", "n": 1})
        feed.publish({"kind": "x", "n": 2})
        frames = await watch.next()
    assert frames is not None
    assert [seq for seq, _ in frames] == [first, first + 1]
    assert json.loads(frames[0][1]) == {"kind": "x", "n": 1, "seq": first}


async def test_a_resumed_watch_misses_nothing() -> None:
    feed = Feed(1.0)
    numbers = [feed.publish({"n": n}) for n in range(10)]
    assert await take(feed, numbers[3], 6) == [4, 5, 6, 7, 8, 9]


async def test_a_number_of_an_earlier_run_asks_for_a_new_snapshot() -> None:
    old = Feed(1000.0).publish({"n": 1})
    with Feed(1001.0).watch(old) as watch:
        assert watch.needs_reset
        assert await watch.next() is None


async def test_a_number_from_the_future_asks_for_a_new_snapshot() -> None:
    with Feed(1.0).watch(2**52) as watch:
        assert watch.needs_reset


async def test_a_watch_that_falls_behind_is_told_and_no_publisher_waits() -> None:
    feed = Feed(1.0, ring=4)
    with feed.watch() as watch:
        for n in range(5):
            feed.publish({"n": n})
        assert await watch.next() is None
        assert watch.needs_reset


async def test_long_frames_that_were_handed_out_are_not_held_for_long() -> None:
    feed = Feed(1.0, ring_bytes=10_000)
    with feed.watch() as watch, feed.watch() as slow:
        for n in range(100):
            feed.publish({"n": n, "body": "\u0001" * 500})
            frames = await watch.next()
            assert frames is not None
            assert [json.loads(line)["n"] for _, line in frames] == [n]
        held = feed.seq - 2
        assert not feed.holds(feed.seq - 10)
        assert await take(feed, held, 2) == [98, 99]
        assert await slow.next() is None
        assert slow.needs_reset


async def test_closing_ends_a_waiting_watch_without_a_reset() -> None:
    feed = Feed(1.0)
    ended: list[bool] = []

    async def wait() -> None:
        with feed.watch() as watch:
            assert await watch.next() is None
            ended.append(watch.needs_reset)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        feed.close()
    assert ended == [False]
    assert feed.watchers == 0


@given(st.lists(st.booleans(), max_size=60), st.integers(2, 8))
def test_taking_at_any_moment_gives_each_frame_once_or_a_reset(ops: list[bool], ring: int) -> None:
    async def main() -> None:
        feed = Feed(1.0, ring=ring)
        published: list[int] = []
        got: list[int] = []
        with feed.watch() as watch:
            for is_publish in [*ops, False]:
                if is_publish:
                    published.append(feed.publish({"n": 1}))
                elif not watch.needs_reset and feed.seq > watch.position:
                    got += [seq for seq, _ in await watch.next() or []]
            if not watch.needs_reset:
                assert got == published
            else:
                assert got == published[: len(got)]

    trio.run(main)
