"""The index of the messages: what it finds, and that it never loses or invents a message."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive.errors import NotFound, Unavailable
from hive.store import message_index
from hive.store.database import open_database
from hive.store.message_index import STEP_ROWS, IndexDamaged, MessageIndex, Page
from hive.store.messages import Draft, MessageStore
from hive.wire.search_query import parse

NOW = 1_000_000.0


class Desk:
    """Messages and their index, over one file."""

    def __init__(self, database: message_index.Database) -> None:
        self.database = database
        self.messages = MessageStore(database)
        self.index = MessageIndex(database)

    async def say(self, *bodies: str, reply_to: int | None = None) -> list[int]:
        """Store messages of ada to bob, a second apart."""
        ids = []
        for number, body in enumerate(bodies):
            draft = Draft("ada", ("bob",), body, NOW + number, in_reply_to=reply_to)
            ids += (await self.messages.add(draft)).ids
        return ids

    async def index_all(self) -> None:
        while await self.index.step():
            pass

    async def page(self, text: str, before: int | None = None, limit: int = 50) -> Page:
        await self.index_all()
        query = parse(text, NOW + 1000)
        return await self.index.search(query, before=before, limit=limit, seconds=20)

    async def ids(self, text: str) -> list[int]:
        return [found.id for found in (await self.page(text)).found]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_database(tmp_path / "broker.sqlite") as database:
        yield Desk(database)


async def test_all_words_are_looked_for_without_regard_to_case_and_accents(desk: Desk) -> None:
    await desk.say("Le café est fermé", "the cafe is open", "a tea house")
    assert await desk.ids("CAFE") == [2, 1]
    assert await desk.ids("cafe open") == [2]
    assert await desk.ids('"is open"') == [2]
    assert await desk.ids('"open is"') == []
    assert await desk.ids("ferm*") == [1]
    assert await desk.ids("ferm") == []


async def test_what_has_no_spaces_between_words_is_found_in_the_middle(desk: Desk) -> None:
    await desk.say("これは日本語のテストです", "plain", "done 🎉")
    page = await desk.page("日本")
    assert [(found.id, found.text[slice(*found.marks[0])]) for found in page.found] == [(1, "日本")]
    assert await desk.ids("🎉 done") == [3]


async def test_where_it_was_found_is_said_in_numbers_whatever_the_text_holds(desk: Desk) -> None:
    await desk.say("x" * 500 + " <b>needle</b> \x00 end")
    (found,) = (await desk.page("needle")).found
    assert [found.text[first:end] for first, end in found.marks] == ["needle"]
    assert len(found.text) == 240


async def test_pages_follow_each_other_without_a_gap(desk: Desk) -> None:
    await desk.say(*(f"word {number}" for number in range(7)))
    seen: list[int] = []
    page = await desk.page("word", limit=3)
    while True:
        seen += [found.id for found in page.found]
        if page.is_end:
            break
        page = await desk.page("word", before=seen[-1], limit=3)
    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_a_thread_is_found_from_any_of_its_messages(desk: Desk) -> None:
    (first,) = await desk.say("question")
    (other,) = await desk.say("something else")
    (reply,) = await desk.say("answer", reply_to=first)
    (last,) = await desk.say("thanks", reply_to=reply)
    for each in (first, reply, last):
        assert await desk.ids(f"in:{each}") == [last, reply, first]
    assert await desk.ids(f"in:{first} answer") == [reply]
    assert await desk.ids(f"in:{other}") == [other]
    with pytest.raises(NotFound, match="there is no message 99"):
        await desk.ids("in:99")


async def test_filters_hold_for_sender_recipient_agent_and_time(desk: Desk) -> None:
    await desk.say("one", "two", "three")
    await desk.messages.add(Draft("cy", ("ada",), "one more", NOW + 500))
    assert await desk.ids("from:cy") == [4]
    assert await desk.ids("to:bob one") == [1]
    assert await desk.ids("agent:ada one") == [4, 1]
    assert await desk.ids("agent:cy") == [4]
    assert await desk.ids("after:15m") == [4]


async def test_what_is_swept_is_found_no_more(desk: Desk) -> None:
    await desk.say("old word", "new word", "last")
    await desk.index_all()
    await desk.messages.acknowledge_open("bob", NOW)
    assert await desk.messages.sweep(NOW + 1) == 2
    assert await desk.ids("word") == []
    await desk.database.write(
        lambda connection: connection.execute(
            "INSERT INTO message_words (message_words, rank) VALUES ('integrity-check', 1)"
        )
    )


async def test_what_is_swept_before_it_was_indexed_leaves_nothing(desk: Desk) -> None:
    await desk.say("old word", "last")
    await desk.messages.acknowledge_open("bob", NOW)
    await desk.messages.sweep(NOW + 1)
    assert await desk.ids("word") == []
    assert await desk.index.behind() == 0


async def test_how_much_is_not_indexed_yet_is_known(desk: Desk) -> None:
    recipients = tuple(f"a{number}" for number in range(STEP_ROWS + 50))
    await desk.messages.add(Draft("ada", recipients, "to all", NOW))
    assert await desk.index.behind() == STEP_ROWS + 50
    assert await desk.index.step()
    assert await desk.index.behind() == 50
    assert not await desk.index.step()
    assert await desk.index.behind() == 0


async def test_a_damaged_index_is_told_apart_from_the_messages_and_made_anew(desk: Desk) -> None:
    await desk.say("a word", "another")
    await desk.index_all()
    await desk.database.write(
        lambda connection: connection.execute(
            "UPDATE message_words_data SET block = x'ffffffffffffffffffffffffffff'"
        )
    )
    with pytest.raises(IndexDamaged, match="made anew"):
        await desk.page("word")
    await desk.messages.acknowledge_open("bob", NOW)
    with pytest.raises(IndexDamaged):
        await desk.messages.sweep(NOW + 1)
    assert len(await desk.say("sent all the same")) == 1
    await desk.index.make_anew()
    assert await desk.ids("word") == [1]


async def test_a_search_ends_at_its_deadline(desk: Desk) -> None:
    recipients = tuple(f"a{number}" for number in range(3000))
    await desk.messages.add(Draft("ada", recipients, "y" * 500, NOW))
    await desk.index_all()
    with pytest.raises(Unavailable, match="add after: and before:"):
        await desk.index.search(parse("->", NOW), before=None, limit=5, seconds=-1)


async def test_an_index_is_exactly_as_far_as_it_says_when_the_file_is_opened_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "broker.sqlite"
    async with open_database(path) as database:
        desk = Desk(database)
        await desk.say("word one")
        await desk.index_all()
        await desk.say("word two")
    async with open_database(path) as database:
        desk = Desk(database)
        assert await desk.index.behind() == 1
        assert await desk.ids("word") == [2, 1]


async def let_sqlite_say(desk: Desk, has_fts: int) -> None:
    """Let sqlite say on both connections that it has, or has not, what it takes."""

    def work(connection: sqlite3.Connection) -> None:
        connection.create_function("sqlite_compileoption_used", 1, lambda _: has_fts)

    await desk.database.read(work)
    await desk.database.write(work)


async def test_a_sqlite_without_the_index_sends_and_sweeps_and_says_what_is_missing(
    desk: Desk,
) -> None:
    await desk.say("word one", "word two", "word three")
    await desk.index_all()
    await let_sqlite_say(desk, 0)
    with pytest.raises(Unavailable, match="built without FTS5"):
        await desk.index.check()
    with pytest.raises(Unavailable, match="built without FTS5"):
        await desk.page("word")
    assert await desk.ids("from:ada") == [3, 2, 1]
    await desk.messages.acknowledge_open("bob", NOW)
    assert await desk.messages.sweep(NOW + 1) == 2
    with pytest.raises(Unavailable, match="built without FTS5"):
        await desk.page("last")
    await let_sqlite_say(desk, 1)
    assert await desk.ids("word") == [3]
