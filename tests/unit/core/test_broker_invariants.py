"""What the broker promises, whatever is done to it in whatever order, across restarts."""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.post import Post, open_post

NAMES = ("ada", "bob")

WHO = st.sampled_from(NAMES)
STEPS = st.one_of(
    st.tuples(st.just("send"), WHO),
    st.tuples(st.just("send_keyed"), WHO, st.integers(0, 3)),
    st.tuples(st.just("broadcast")),
    st.tuples(st.just("recv"), WHO, st.integers(1, 4)),
    st.tuples(st.just("acknowledge"), WHO, st.sets(st.integers(0, 5), max_size=3)),
    st.tuples(st.just("acknowledge_all"), WHO),
    st.tuples(st.just("requeue"), WHO),
    st.tuples(st.just("mark_all_read"), WHO),
    st.tuples(st.just("give_back"), WHO),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("reopen")),
)


class Model:
    """What must be true of each message, kept beside the broker."""

    def __init__(self) -> None:
        self.waiting: dict[str, set[int]] = {name: set() for name in NAMES}
        self.held: dict[str, set[int]] = {name: set() for name in NAMES}
        self.acked: set[int] = set()
        self.came_back: set[int] = set()
        self.keys: dict[int, int] = {}

    def requeue(self, name: str) -> None:
        self.came_back |= self.held[name]
        self.waiting[name] |= self.held[name]
        self.held[name] = set()

    def acknowledge(self, name: str, ids: set[int]) -> None:
        self.acked |= ids
        self.held[name] -= ids
        self.waiting[name] -= ids


class Run:
    """Does each step to the broker and to the model, and compares."""

    def __init__(self, directory: Path, stack: AsyncExitStack) -> None:
        self.directory = directory
        self.stack = stack
        self.model = Model()
        self.post: Post

    async def reopen(self) -> None:
        await self.stack.aclose()
        self.post = await self.stack.enter_async_context(open_post(self.directory))
        self.post.names[:] = NAMES

    async def send(self, to: str) -> None:
        number = await self.post.broker.send("manager", to, "hello")
        assert number not in self.model.acked
        self.model.waiting[to].add(number)

    async def send_keyed(self, to: str, key: int) -> None:
        number = await self.post.broker.send("manager", to, "hello", dedupe_key=str(key))
        if key not in self.model.keys:
            self.model.keys[key] = number
            self.model.waiting[to].add(number)
        assert number == self.model.keys[key]

    async def broadcast(self) -> None:
        first = await self.post.broker.send("manager", "*", "hello")
        for number, name in enumerate(NAMES, first):
            self.model.waiting[name].add(number)

    async def recv(self, name: str, count: int) -> None:
        leased = await self.post.broker.recv(name, max_count=count)
        ids = [message.id for message in leased]
        assert ids == sorted(self.model.waiting[name])[:count]
        assert not self.model.acked & set(ids)
        assert {each.id for each in leased if each.redelivered} == self.model.came_back & set(ids)
        self.model.waiting[name] -= set(ids)
        self.model.held[name] |= set(ids)

    async def acknowledge(self, name: str, picks: set[int]) -> None:
        held = sorted(self.model.held[name])
        ids = {held[pick] for pick in picks if pick < len(held)}
        assert await self.post.broker.ack_turn(name, sorted(ids)) == len(ids)
        self.model.acknowledge(name, ids)
        self.model.requeue(name)

    async def acknowledge_all(self, name: str) -> None:
        ids = set(self.model.held[name])
        assert await self.post.broker.ack_turn(name, None) == len(ids)
        self.model.acknowledge(name, ids)

    async def requeue(self, name: str) -> None:
        assert await self.post.broker.requeue_inflight(name) == len(self.model.held[name])
        self.model.requeue(name)

    async def mark_all_read(self, name: str) -> None:
        ids = self.model.held[name] | self.model.waiting[name]
        assert await self.post.broker.mark_all_read(name) == len(ids)
        self.model.acknowledge(name, ids)

    async def give_back(self, name: str) -> None:
        held = sorted(self.model.held[name])[:1]
        await self.post.broker.give_back(name, held)
        self.model.held[name] -= set(held)
        self.model.waiting[name] |= set(held)

    async def sweep(self) -> None:
        await self.post.broker.vacuum(self.post.clock.now - 1)

    async def finish(self) -> None:
        """Everything not acknowledged comes to light, each message once."""
        for name in NAMES:
            assert await self.post.broker.unread(name) == len(self.model.waiting[name])
            await self.requeue(name)
            while self.model.waiting[name]:
                await self.recv(name, 4)
            assert await self.post.broker.recv(name) == []


async def _play(directory: Path, steps: list[tuple]) -> None:
    async with AsyncExitStack() as stack:
        run = Run(directory, stack)
        await run.reopen()
        for step in steps:
            await getattr(run, step[0])(*step[1:])
        await run.reopen()
        await run.finish()


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_nothing_is_lost_and_nothing_acknowledged_comes_again(steps: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        trio.run(_play, Path(directory), steps)
