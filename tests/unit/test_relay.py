"""A relay passes every byte on, in order, both ways, and ends with its two sides."""

from __future__ import annotations

import os

import trio
import trio.testing

from hive import relay

Pair = tuple[trio.SocketStream, trio.SocketStream]


def _pair() -> Pair:
    ours, theirs = trio.socket.socketpair()
    return trio.SocketStream(ours), trio.SocketStream(theirs)


async def test_a_slow_reader_gets_every_byte_in_order() -> None:
    data = os.urandom(3_000_000)
    got = bytearray()
    counts: list[tuple[int, int]] = []
    left, near = _pair()
    right, far = _pair()
    async with left, near, right, far, trio.open_nursery() as nursery:

        async def passing() -> None:
            await relay.relay(near, far, lambda up, down: counts.append((up, down)))
            await far.aclose()

        async def say() -> None:
            await left.send_all(data)
            await left.send_eof()

        nursery.start_soon(passing)
        nursery.start_soon(say)
        await trio.testing.wait_all_tasks_blocked()
        while part := await right.receive_some(1000 if len(got) < 100_000 else 70_000):
            got += part
        await right.send_all(b"thanks")
        await right.send_eof()
        assert await left.receive_some(10) == b"thanks"
    assert bytes(got) == data
    assert [sum(column) for column in zip(*counts, strict=True)] == [len(data), 6]


async def test_several_connections_do_not_mix_their_bytes() -> None:
    async with trio.open_nursery() as nursery:

        async def one(number: int) -> None:
            left, near = _pair()
            right, far = _pair()
            data = bytes([number]) * 400_000
            got = b""
            async with left, near, right, far, trio.open_nursery() as inner:
                inner.start_soon(relay.relay, near, far)
                inner.start_soon(left.send_all, data)
                while len(got) < len(data):
                    got += await right.receive_some(9999)
                inner.cancel_scope.cancel()
            assert got == data

        for number in range(20):
            nursery.start_soon(one, number)


async def test_a_side_that_breaks_ends_it() -> None:
    left, near = _pair()
    right, far = _pair()
    async with left, near, right, far, trio.open_nursery() as nursery:
        nursery.start_soon(relay.relay, near, far)
        await right.aclose()
        await left.send_all(b"to nobody")


async def test_silence_ends_it_and_sooner_once_one_side_is_done(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    for is_half_closed, expected in ((False, relay.IDLE_S), (True, relay.CLOSING_S)):
        left, near = _pair()
        right, far = _pair()
        async with left, near, right, far:
            if is_half_closed:
                await left.send_eof()
            began = trio.current_time()
            await relay.relay(near, far)
            assert trio.current_time() - began == expected
