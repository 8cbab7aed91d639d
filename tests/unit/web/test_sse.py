"""The event stream: numbered, resumable without a gap or a repeat, awake, and never in the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from hive.feed import Feed
from hive.web.exchange import STAYS
from hive.web.replies import STAYS_S, MethodNotAllowed
from hive.web.sse import HEARTBEAT_S, EventStream


class Client:
    """A browser's end of one connection, in memory."""

    def __init__(self, last_id: str | None = None, query: bytes = b"") -> None:
        self.text = ""
        self.is_ended = False
        self.last_id = last_id or ""
        self.gone = trio.Event()
        headers = [] if last_id is None else [(b"last-event-id", last_id.encode())]
        self.scope = {
            "type": "http",
            "method": "GET",
            "http_version": "1.1",
            "headers": headers,
            "query_string": query,
            "extensions": {},
        }

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            self.text += message["body"].decode()
            self.is_ended = not message["more_body"]

    def events(self) -> list[tuple[str, object]]:
        """Return (name, data) of the whole events so far; keeps the last id as a browser does."""
        found = []
        for block in self.text.split("\n\n")[:-1]:
            fields = dict(line.partition(": ")[::2] for line in block.split("\n"))
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields and fields.get("event") != "awake":
                found.append((fields.get("event", "message"), json.loads(fields["data"])))
        return found

    def numbers(self) -> list[int]:
        """Return what the frames carry."""
        return [data["n"] for name, data in self.events() if name == "message"]


async def test_a_frame_carries_its_number_as_id() -> None:
    feed, client = Feed(1.0), Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(EventStream(feed), client.scope, client.receive, client.send)
        await trio.testing.wait_all_tasks_blocked()
        seq = feed.publish({"kind": "note", "n": 1})
        await trio.testing.wait_all_tasks_blocked()
        assert client.events() == [("message", {"kind": "note", "n": 1, "seq": seq})]
        assert client.last_id == str(seq)
        nursery.cancel_scope.cancel()


async def test_a_client_knows_its_place_before_the_first_frame() -> None:
    feed, client = Feed(1.0), Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(EventStream(feed), client.scope, client.receive, client.send)
        await trio.testing.wait_all_tasks_blocked()
        assert client.events() == []
        assert client.last_id == str(feed.seq)
        assert "retry: " in client.text
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("last_id", ["5", "0", "nonsense", "9" * 30, "-1", "99999999999999"])
async def test_what_is_not_held_is_a_reset_and_the_stream_goes_on(last_id: str) -> None:
    feed, client = Feed(1.0), Client(last_id)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(EventStream(feed), client.scope, client.receive, client.send)
        await trio.testing.wait_all_tasks_blocked()
        assert client.events() == [("reset", {"kind": "reset", "seq": feed.seq})]
        assert client.last_id == str(feed.seq)
        feed.publish({"n": 1})
        await trio.testing.wait_all_tasks_blocked()
        assert client.numbers() == [1]
        nursery.cancel_scope.cancel()


async def test_the_header_goes_before_the_query() -> None:
    feed = Feed(1.0)
    start = feed.seq
    for number in range(3):
        feed.publish({"n": number})
    for last_id, query, expected in (
        (None, b"last_event_id=%d" % start, [0, 1, 2]),
        (str(start + 2), b"last_event_id=%d" % start, [2]),
    ):
        client = Client(last_id, query)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(EventStream(feed), client.scope, client.receive, client.send)
            await trio.testing.wait_all_tasks_blocked()
            assert client.numbers() == expected
            nursery.cancel_scope.cancel()


async def test_every_event_is_a_frame_with_the_number_of_what_is_known(
    autojump_clock: Any,
) -> None:
    feed = Feed(1.0)
    client = Client("5")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(EventStream(feed), client.scope, client.receive, client.send)
        for number in range(3):
            await trio.sleep(HEARTBEAT_S + 1)
            feed.publish({"kind": "note", "n": number})
            feed.publish({"kind": "note", "n": number})
        await trio.sleep(HEARTBEAT_S + 1)
        nursery.cancel_scope.cancel()
    known = 5
    kinds = set()
    for block in client.text.split("\n\n")[1:-1]:
        fields = dict(line.partition(": ")[::2] for line in block.split("\n"))
        frame = json.loads(fields["data"])
        kinds.add(frame["kind"])
        assert fields["id"] == str(frame["seq"])
        assert frame["seq"] == known or fields.get("event") != "awake"
        known = frame["seq"]
    assert kinds == {"awake", "reset", "note"}


async def test_a_quiet_stream_is_kept_awake(autojump_clock: Any) -> None:
    client = Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(EventStream(Feed(1.0)), client.scope, client.receive, client.send)
        await trio.sleep(HEARTBEAT_S * 3 + 1)
        # One at once: whoever listens knows from the first moment what silence means.
        assert client.text.count(": awake\nevent: awake\nid: ") == 4
        assert client.text.count('"every_s":15}\n\n') == 4
        nursery.cancel_scope.cancel()


async def test_a_stream_ends_once_its_login_would_not_be_let_in_any_more(
    autojump_clock: Any,
) -> None:
    logged_in, client = [True], Client()
    client.scope[STAYS] = lambda: logged_in[0]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(EventStream(Feed(1.0)), client.scope, client.receive, client.send)
        await trio.sleep(STAYS_S * 5)
        assert not client.is_ended
        logged_in[0] = False
        await trio.sleep(STAYS_S + 1)
        assert client.is_ended


async def test_a_closed_feed_ends_the_answer_behind_its_last_frame() -> None:
    feed, client = Feed(1.0), Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(EventStream(feed), client.scope, client.receive, client.send)
        await trio.testing.wait_all_tasks_blocked()
        feed.publish({"n": 1})
        feed.close()
    assert client.numbers() == [1]
    assert client.is_ended


async def test_a_client_that_leaves_is_let_go() -> None:
    feed, client = Feed(1.0), Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(EventStream(feed), client.scope, client.receive, client.send)
        await trio.testing.wait_all_tasks_blocked()
        client.gone.set()
    assert feed.watchers == 0


async def test_a_client_that_falls_behind_the_ring_is_reset_and_nobody_waits_for_it() -> None:
    feed = Feed(1.0, ring=8)
    client = Client(str(feed.seq))
    can_send = trio.Event()

    async def slow(message: dict[str, Any]) -> None:
        await can_send.wait()
        await client.send(message)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(EventStream(feed), client.scope, client.receive, slow)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(20):
            feed.publish({"n": number})
        can_send.set()
        await trio.testing.wait_all_tasks_blocked()
        assert client.events() == [("reset", {"kind": "reset", "seq": feed.seq})]
        feed.publish({"n": 20})
        await trio.testing.wait_all_tasks_blocked()
        assert client.numbers() == [20]
        nursery.cancel_scope.cancel()


async def test_only_get_is_answered() -> None:
    client = Client()
    client.scope["method"] = "POST"
    with pytest.raises(MethodNotAllowed):
        await EventStream(Feed(1.0))(client.scope, client.receive, client.send)


class Browser:
    """Connects, is cut off anywhere in the bytes, and connects again with what it knows."""

    def __init__(self, feed: Feed) -> None:
        self._stream = EventStream(feed)
        self.seen: list[int] = []
        self.resets = 0
        self.last_id: str | None = None

    async def visit(self, publish: Any, cut_at: int) -> None:
        """Stay connected while `publish` runs; only the first `cut_at` bytes arrive."""
        client = Client(self.last_id)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._stream, client.scope, client.receive, client.send)
            await trio.testing.wait_all_tasks_blocked()
            publish()
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        client.text = client.text[:cut_at]
        client.last_id = self.last_id or ""
        self.seen += client.numbers()
        self.resets += sum(name == "reset" for name, _ in client.events())
        self.last_id = client.last_id or None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 400)), max_size=12))
def test_cut_off_anywhere_nothing_is_missed_and_nothing_comes_twice(visits: Any) -> None:
    async def main() -> None:
        feed = Feed(1.0)
        browser = Browser(feed)
        browser.last_id = str(feed.seq)
        count = 0

        def publish(frames: int) -> None:
            nonlocal count
            for _ in range(frames):
                feed.publish({"n": count})
                count += 1

        for away, during, cut_at in visits:
            publish(away)
            await browser.visit(lambda during=during: publish(during), cut_at)
        await browser.visit(lambda: None, 1_000_000)
        assert browser.resets == 0
        assert browser.seen == list(range(count))

    trio.run(main)
