"""The broker: leases, order, waking, cancellation, threads, broadcasts, keys and the sweep."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing

from hive.errors import BadRequest, NotFound, TooLarge
from hive.wire.dashboard import Acked, Delivered, Requeued, Sent
from tests.fakes.post import Post, open_post


def _bodies(messages: list) -> list[str]:
    return [message.body for message in messages]


async def test_a_message_reaches_its_recipient_whole(post: Post) -> None:
    number = await post.broker.send("ada", "bob", "hello")
    assert await post.broker.recv("ada") == []
    (message,) = await post.broker.recv("bob")
    assert (message.id, message.from_, message.body) == (number, "ada", "hello")
    assert (message.redelivered, message.in_reply_to, message.broadcast) == (False, None, False)
    assert (message.sent_at, message.origin) == (post.clock.now, "peer")


async def test_a_message_leased_but_not_acknowledged_comes_back(post: Post) -> None:
    await post.broker.send("ada", "bob", "hello")
    await post.broker.recv("bob")
    assert await post.broker.recv("bob") == []
    assert await post.broker.requeue_inflight("bob") == 1
    (again,) = await post.broker.recv("bob")
    assert again.redelivered


async def test_the_redelivered_flag_survives_a_restart(tmp_path: Path) -> None:
    async with open_post(tmp_path) as post:
        await post.broker.send("ada", "bob", "hello")
        await post.broker.recv("bob")
        await post.broker.requeue_inflight("bob")
    async with open_post(tmp_path) as post:
        assert (await post.broker.recv("bob"))[0].redelivered


async def test_what_is_acknowledged_never_comes_back(post: Post) -> None:
    await post.broker.send("ada", "bob", "hello")
    (message,) = await post.broker.recv("bob")
    assert await post.broker.ack_turn("bob", [message.id]) == 1
    assert await post.broker.ack_turn("bob", [message.id]) == 0
    assert await post.broker.requeue_inflight("bob") == 0
    assert await post.broker.recv("bob") == []


async def test_a_batch_is_in_order_and_held_to_its_limit(post: Post) -> None:
    for number in range(40):
        await post.broker.send("ada", "bob", str(number))
    assert _bodies(await post.broker.recv("bob", max_count=5)) == ["0", "1", "2", "3", "4"]
    assert len(await post.broker.recv("bob", max_count=99)) == 32
    assert await post.broker.recv("bob", max_count=0) == []


async def test_a_recv_of_one_origin_leaves_the_others_where_they_are(post: Post) -> None:
    await post.broker.send("ada", "bob", "from a peer")
    assert await post.broker.recv("bob", origin="operator") == []
    await post.broker.send("operator", "bob", "from the operator", origin="operator")
    assert _bodies(await post.broker.recv("bob", max_count=5, origin="operator")) == [
        "from the operator"
    ]
    assert _bodies(await post.broker.recv("bob", max_count=5)) == ["from a peer"]


async def test_a_parked_recv_of_one_origin_sleeps_through_the_others(
    simulated: Post, autojump_clock: trio.testing.MockClock
) -> None:
    found: list[str] = []

    async def wait() -> None:
        found.extend(_bodies(await simulated.broker.recv("bob", wait_s=100, origin="operator")))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(1)
        await simulated.broker.send("ada", "bob", "from a peer")
        await trio.sleep(1)
        assert found == []
        await simulated.broker.send("operator", "bob", "from the operator", origin="operator")
    assert found == ["from the operator"]
    assert trio.current_time() < 50


async def test_closing_a_turn_with_ids_requeues_the_rest(post: Post) -> None:
    first, second = [await post.broker.send("ada", "bob", body) for body in "ab"]
    await post.broker.recv("bob", max_count=2)
    assert await post.broker.ack_turn("bob", [first]) == 1
    (again,) = await post.broker.recv("bob", max_count=2)
    assert (again.id, again.redelivered) == (second, True)
    assert await post.broker.ack_turn("bob", None) == 1


async def test_somebody_elses_message_cannot_be_acknowledged(post: Post) -> None:
    mine = await post.broker.send("ada", "bob", "mine")
    other = await post.broker.send("ada", "cy", "other")
    await post.broker.recv("bob")
    with pytest.raises(BadRequest, match=f"message {other} was not sent to bob"):
        await post.broker.ack_turn("bob", [mine, other])
    assert await post.broker.ack_turn("bob", [mine, 999]) == 1
    assert await post.broker.unread("cy") == 1


async def test_a_parked_recv_wakes_at_the_commit(
    simulated: Post, autojump_clock: trio.testing.MockClock
) -> None:
    got = []

    async def park() -> None:
        got.extend(await simulated.broker.recv("bob", wait_s=180))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(park)
        await trio.sleep(100)
        await simulated.broker.send("ada", "bob", "hello")
    assert _bodies(got) == ["hello"]
    assert trio.current_time() == pytest.approx(100)


async def test_a_parked_recv_wakes_at_a_requeue(
    simulated: Post, autojump_clock: trio.testing.MockClock
) -> None:
    got = []
    await simulated.broker.send("ada", "bob", "hello")
    await simulated.broker.recv("bob")

    async def park() -> None:
        got.extend(await simulated.broker.recv("bob", wait_s=180))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(park)
        await trio.sleep(10)
        await simulated.broker.requeue_inflight("bob")
    assert [message.redelivered for message in got] == [True]


async def test_a_recv_that_waited_in_vain_returns_nothing(
    simulated: Post, autojump_clock: trio.testing.MockClock
) -> None:
    assert await simulated.broker.recv("bob", wait_s=30) == []
    assert trio.current_time() == pytest.approx(30)
    assert await simulated.broker.recv("bob", wait_s=100_000) == []
    assert trio.current_time() == pytest.approx(210)


async def test_two_parked_recvs_share_what_comes(
    simulated: Post, autojump_clock: trio.testing.MockClock
) -> None:
    got = []

    async def park() -> None:
        got.append(await simulated.broker.recv("bob", wait_s=60))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(park)
        nursery.start_soon(park)
        await trio.sleep(1)
        await simulated.broker.send("ada", "bob", "one")
        await trio.sleep(1)
        await simulated.broker.send("ada", "bob", "two")
    assert sorted(_bodies(messages) for messages in got) == [["one"], ["two"]]


async def test_a_parked_recv_that_is_cancelled_takes_nothing_along(post: Post) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_park, post)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await post.broker.send("ada", "bob", "hello")
    assert len(await post.broker.recv("bob")) == 1


async def _park(post: Post) -> None:
    await post.broker.recv("bob", wait_s=60)


async def test_a_lease_committed_for_a_cancelled_caller_is_given_back(post: Post) -> None:
    """The cancellation arrives while the lease is with the writer."""
    for _ in range(20):
        await post.broker.send("ada", "bob", "hello")
    for _ in range(50):
        scope = trio.CancelScope()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_recv_in, post, scope)
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
            scope.cancel()
    leased = await post.broker.recv("bob", max_count=32)
    assert (len(leased), any(message.redelivered for message in leased)) == (20, False)


async def _recv_in(post: Post, scope: trio.CancelScope) -> None:
    with scope:
        got = await post.broker.recv("bob")
        raise AssertionError(f"it came before the cancellation: {got}")


async def test_a_send_cancelled_on_the_way_is_announced_if_it_is_stored(post: Post) -> None:
    for _ in range(50):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(post.broker.send, "ada", "bob", "hello")
            await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    sent = [frame.id for frame in post.frames if isinstance(frame, Sent)]
    assert sorted(sent) == [row.id for row in await post.broker.history(99)]


async def test_a_broadcast_reaches_everybody_but_its_sender(post: Post) -> None:
    first = await post.broker.send("ada", "*", "hear")
    assert await post.broker.unread_counts() == {"manager": 1, "bob": 1, "cy": 1}
    (message,) = await post.broker.recv("manager")
    assert (message.id, message.broadcast) == (first, True)
    post.names[:] = ["ada"]
    with pytest.raises(BadRequest, match="nobody else"):
        await post.broker.send("ada", "*", "hear")


async def test_an_unknown_recipient_is_answered_with_those_known(post: Post) -> None:
    with pytest.raises(NotFound, match=r"no agent 'dan': there are ada, bob, cy, manager, operat"):
        await post.broker.send("ada", "dan", "hello")
    await post.broker.send("ada", "operator", "hello")


async def test_a_body_over_the_limit_is_refused(post: Post) -> None:
    await post.broker.send("ada", "bob", "ä" * 2048)
    with pytest.raises(TooLarge, match="4098 bytes"):
        await post.broker.send("ada", "bob", "ä" * 2049)


async def test_a_reply_names_a_message_of_ones_own(post: Post) -> None:
    parent = await post.broker.send("ada", "bob", "question")
    await post.broker.send("bob", "ada", "answer", in_reply_to=parent)
    await post.broker.send("ada", "bob", "further", in_reply_to=parent)
    (answer,) = await post.broker.recv("ada")
    assert answer.in_reply_to == parent
    for wrong in (parent, 999):
        with pytest.raises(BadRequest, match="not a message to or from cy"):
            await post.broker.send("cy", "ada", "answer", in_reply_to=wrong)


async def test_the_same_key_stores_once(post: Post) -> None:
    first = await post.broker.send("ada", "bob", "hello", dedupe_key="k")
    assert await post.broker.send("ada", "bob", "hello", dedupe_key="k") == first
    assert await post.broker.send("cy", "bob", "hello", dedupe_key="k") != first
    everybody = await post.broker.send("ada", "*", "hello", dedupe_key="all")
    assert await post.broker.send("ada", "*", "hello", dedupe_key="all") == everybody
    assert await post.broker.unread("bob") == 3
    assert len([frame for frame in post.frames if isinstance(frame, Sent)]) == 5


async def test_the_same_key_at_once_stores_once(post: Post) -> None:
    ids = []

    async def send() -> None:
        ids.append(await post.broker.send("ada", "bob", "hello", dedupe_key="k"))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(send)
    assert len(ids) == 10
    assert len(set(ids)) == 1


async def test_frames_tell_what_was_committed_and_nothing_else(post: Post) -> None:
    number = await post.broker.send("ada", "bob", "hello")
    await post.broker.recv("bob")
    await post.broker.ack_turn("bob", None)
    now = post.clock.now
    assert post.frames == [
        Sent(number, "ada", "bob", "hello", now),
        Delivered(number, "ada", "bob", "hello", now),
        Acked("bob", (number,)),
    ]
    with pytest.raises(BadRequest):
        await post.broker.send("cy", "bob", "hello", in_reply_to=number)
    await post.broker.ack_turn("bob", None)
    assert len(post.frames) == 3


async def test_what_is_given_back_is_told_once_and_only_when_it_was_held(post: Post) -> None:
    first, second, third = [await post.broker.send("ada", "bob", body) for body in "abc"]
    await post.broker.recv("bob", max_count=2)
    await post.broker.ack_turn("bob", [first])
    await post.broker.recv("bob", max_count=2)
    await post.broker.requeue_inflight("bob")
    await post.broker.requeue_inflight("bob")
    told = [frame for frame in post.frames if isinstance(frame, Requeued)]
    assert told == [Requeued("bob", (second,)), Requeued("bob", (second, third))]


async def test_marking_all_read_acknowledges_held_and_waiting(post: Post) -> None:
    for body in "abc":
        await post.broker.send("ada", "bob", body)
    await post.broker.recv("bob")
    assert await post.broker.unread("bob") == 2
    assert await post.broker.mark_all_read("bob") == 3
    assert await post.broker.requeue_inflight("bob") == 0
    assert await post.broker.unread("bob") == 0


async def test_recent_and_history_show_every_state(post: Post) -> None:
    for body in "abc":
        await post.broker.send("ada", "bob", body)
    await post.broker.send("bob", "ada", "d")
    await post.broker.recv("bob")
    await post.broker.ack_turn("bob", None)
    assert _bodies(await post.broker.recent("bob", 2)) == ["c", "b"]
    rows = await post.broker.history(3)
    assert _bodies(rows) == ["b", "c", "d"]
    assert (await post.broker.recent("bob", 9))[-1].acked_at == post.clock.now


async def test_what_was_not_read_does_not_sink_below_what_is_newer(post: Post) -> None:
    old, read, *_ = [await post.broker.send("ada", "bob", body) for body in "abcdef"]
    await post.broker.mark_read("bob", read)
    assert _bodies(await post.broker.recent("bob", 2)) == ["f", "e"]
    assert _bodies(await post.broker.recent("bob", 2, 9)) == ["f", "e", "d", "c", "a"]
    assert _bodies(await post.broker.recent("bob", 2, 3)) == ["f", "e", "d"]
    await post.broker.mark_read("bob", old)
    assert _bodies(await post.broker.recent("bob", 1, 9)) == ["f", "e", "d", "c"]


async def test_the_sweep_takes_old_acknowledged_mail_only(post: Post) -> None:
    old = await post.broker.send("ada", "bob", "old")
    unread = await post.broker.send("ada", "cy", "unread")
    await post.broker.ack_turn("bob", [old])
    post.clock.now += 100
    new = await post.broker.send("ada", "bob", "new")
    await post.broker.ack_turn("bob", [new])
    assert await post.broker.vacuum(post.clock.now) == 1
    assert [row.id for row in await post.broker.history(9)] == [unread, new]


async def test_an_id_is_never_given_twice(post: Post) -> None:
    last = await post.broker.send("ada", "bob", "only")
    await post.broker.ack_turn("bob", [last])
    assert await post.broker.vacuum(post.clock.now + 1) == 0
    assert await post.broker.send("ada", "bob", "next") > last


async def test_of_many_sent_at_once_a_bad_one_fails_alone(post: Post) -> None:
    """More than fit one statement, some with the same key, one answering what is not there."""
    ids: list[int] = []
    refused: list[str] = []

    async def send(number: int) -> None:
        parent = 999 if number == 30 else None
        key = "same" if number < 5 else None
        try:
            sent = post.broker.send("ada", "bob", str(number), in_reply_to=parent, dedupe_key=key)
            ids.append(await sent)
        except BadRequest as error:
            refused.append(error.message)

    async with trio.open_nursery() as nursery:
        for number in range(150):
            nursery.start_soon(send, number)
    assert (len(refused), len(ids), len(set(ids))) == (1, 149, 145)
    stored = [row.id for row in await post.broker.history(500)]
    assert stored == sorted(set(ids))
    sent_ids = sorted(frame.id for frame in post.frames if isinstance(frame, Sent))
    assert sent_ids == stored
