"""The search of a running daemon: messages, events and turns in one list, page by page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from hive.core import searches
from hive.core.audit import Who, acting
from hive.errors import Conflict
from hive.store import turn_events, turn_stats
from hive.store.database import open_database
from hive.store.messages import Draft, MessageStore
from hive.store.turn_events import Event, TurnEvents, events_file
from hive.store.turn_stats import TurnStats, stats_file
from hive.wire.names import AgentName
from tests.fakes.running import Running, paths_below, running
from tests.fakes.turns import turn
from tests.integration.test_operator_work import Shell

BOB, EVE = AgentName("bob"), AgentName("eve")


async def remember(daemon: Running, name: AgentName, said: Sequence[tuple[float, str]]) -> None:
    """Let an agent have claude's lines in its history, each said at a moment."""
    file = events_file(daemon.hive.paths.agent_state(name))
    async with open_database(file, turn_events.MIGRATIONS) as database:
        await TurnEvents(database).append(
            [
                Event(seq, at, "stream", json.dumps({"kind": "stream", "line": {"text": text}}))
                for seq, (at, text) in enumerate(said, start=1)
            ]
        )


async def found(daemon: Running, query: str, **more: Any) -> dict[str, Any]:
    reply = await daemon.operator("search", query=query, **more)
    assert reply["ok"], reply
    answer: dict[str, Any] = reply["search"]
    return answer


def shown(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(hit["kind"], hit["text"]) for hit in answer["hits"]]


async def test_what_was_said_and_done_is_one_list_with_a_place_for_each(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        for name in ("bob", "eve"):
            assert (await daemon.operator("spawn", name=name))["ok"]
        sent = await daemon.operator("send", to="bob", body="find the needle, please")
        now = daemon.hive.clock()
        await remember(
            daemon,
            BOB,
            [(now + 5, "no such thing"), (now + 10, "a NEEDLE is in \u043d\u0435\u0442")],
        )
        async with open_database(
            stats_file(daemon.hive.paths.agent_state(BOB)), turn_stats.MIGRATIONS
        ) as database:
            await TurnStats(database).append([turn(now + 20, note="lost the needle")])
        answer = await found(daemon, "needle")
        assert [(hit["kind"], hit["href"]) for hit in answer["hits"]] == [
            ("turn", "/agent/bob/stats"),
            ("event", "/agent/bob/#row-2"),
            ("message", f"/#message-{sent['id']}"),
        ]
        for hit in answer["hits"]:
            (first, end) = hit["marks"][0]
            assert hit["text"][first:end].lower() == "needle"
        assert (answer["next"], answer["faults"], answer["unindexed"]) == (None, [], 0)
        assert shown(await found(daemon, "нет kind:event")) == [("event", "a NEEDLE is in нет")]
        assert shown(await found(daemon, "needle agent:eve")) == []
        assert (await found(daemon, "needle from:bob"))["hits"] == []


async def test_pages_of_several_places_neither_miss_nor_repeat_anything(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        for name in ("bob", "eve"):
            assert (await daemon.operator("spawn", name=name))["ok"]
        now = daemon.hive.clock()
        for number in range(5):
            await daemon.operator("send", to="bob", body=f"word m{number}")
        # Seconds apart and in turns, so that a page ends in the middle of every source.
        await remember(daemon, BOB, [(now - 90 + 10 * at, f"word b{at}") for at in range(7)])
        await remember(daemon, EVE, [(now - 95 + 10 * at, f"word e{at}") for at in range(7)])
        seen: list[str] = []
        cursor: str | None = None
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            answer = await found(daemon, "word", limit=3, **more)
            assert answer["faults"] == []
            seen += [text.split()[1] for _, text in shown(answer)]
            cursor = answer["next"]
            if cursor is None:
                break
    both = [name for at in range(6, -1, -1) for name in (f"b{at}", f"e{at}")]
    assert seen == [*(f"m{at}" for at in range(4, -1, -1)), *both]


async def test_an_agent_whose_file_is_planted_is_named_and_holds_up_no_other(
    short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(short_tmp) as daemon:
        shell = Shell(daemon, capsys)
        for name in ("bob", "eve"):
            await shell.run("spawn", name)
        await remember(daemon, BOB, [(daemon.hive.clock(), "a word \x1b[31m")])
        events_file(daemon.hive.paths.agent_state(EVE)).write_bytes(b"planted" * 99)
        answer = await found(daemon, "word")
        assert [hit["agent"] for hit in answer["hits"]] == ["bob"]
        assert [fault["where"] for fault in answer["faults"]] == ["eve"]
        assert "cannot be used" in answer["faults"][0]["why"]
        # It is asked again when one goes on, instead of being taken for looked through.
        assert answer["next"] is not None
        text = await shell.run("search", "word")
        assert "event 1        bob                    a word \\x1b[31m" in text
        assert "! eve: " in text
        assert "a phrase has no end" in await shell.run("search", '"word', status=2)
        assert "Nothing was found." in await shell.run("search", "word", "--to", "eve")
        by_json = await shell.json("search", "a word", "--agent", "bob", "--since", "1d")
        assert [hit["id"] for hit in by_json["search"]["hits"]] == [1]
        assert [chip["key"] for chip in by_json["search"]["chips"]] == ["agent", "after"]


async def test_a_message_is_found_as_soon_as_its_send_is_answered(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        for number in range(30):
            sent = await daemon.operator("send", to="manager", body=f"word{number}")
            answer = await found(daemon, f"word{number} kind:message")
            assert [hit["id"] for hit in answer["hits"]] == [sent["id"]]


@pytest.mark.slow
async def test_a_hundred_thousand_messages_of_an_older_hive_are_indexed_while_it_works(
    short_tmp: Path,
) -> None:
    paths = paths_below(short_tmp)
    paths.state.mkdir(parents=True)
    async with open_database(paths.broker_db) as database:
        store = MessageStore(database)
        for number in range(1000):
            to = tuple(f"a{at}" for at in range(100))
            await store.add(Draft("ada", to, f"word{number % 10} only{number}", 1.0 + number))
    async with running(short_tmp) as daemon:
        first = await found(daemon, "only7 kind:message")
        assert first["unindexed"] > 0
        sent = await daemon.operator("send", to="manager", body="word3 at last")
        assert sent["ok"]
        # Each search brings the index on, beside the task that does.
        with trio.fail_after(120):
            while (await found(daemon, "only7 kind:message"))["unindexed"]:
                pass
        assert [hit["id"] for hit in (await found(daemon, "last"))["hits"]] == [sent["id"]]
        ids: set[int] = set()
        cursor: str | None = None
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            page = await found(daemon, "word3 kind:message", limit=100, **more)
            ids |= {hit["id"] for hit in page["hits"]}
            cursor = page["next"]
            if cursor is None:
                break
        assert len(ids) == 100 * 100 + 1


async def test_a_bad_query_and_a_bad_cursor_are_refused(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        for fields in (
            {"query": ""},
            {"query": "x", "limit": 0},
            {"query": "x", "limit": 101},
            {"query": "x", "cursor": "!"},
        ):
            assert (await daemon.operator("search", **fields))["code"] == "bad_request"
        assert (await daemon.operator("search", query="in:999"))["code"] == "not_found"


async def test_one_client_has_one_search_at_a_time_and_two_run_of_all(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    gate = searches.Searches(None)  # type: ignore[arg-type]
    ada, bob, cy = (Who("operator", "token", {"token": name}) for name in ("ada", "bob", "cy"))

    @asynccontextmanager
    async def searching(someone: Who) -> AsyncIterator[None]:
        with acting(someone):
            async with gate.one():
                yield

    async def is_let_in(someone: Who) -> bool:
        try:
            async with searching(someone):
                return True
        except Conflict:
            return False

    async with searching(ada):
        assert not await is_let_in(ada)
        assert await is_let_in(bob)
        async with searching(bob):
            assert not await is_let_in(cy)
        assert await is_let_in(cy)
    assert await is_let_in(ada)
