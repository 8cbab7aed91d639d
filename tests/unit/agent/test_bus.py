"""The bus: live at once, history later, and no trouble of the disk reaches a turn."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import trio

from hive.agent import bus as bus_module
from hive.agent.bus import Bus, shortened
from hive.agent.state import AgentState
from hive.store import turn_events
from hive.store.turn_events import Wanted
from hive.wire import codec, live
from hive.wire.live import TokenUsage
from tests.fakes.harness import clock
from tests.fakes.waiting import until


@asynccontextmanager
async def running(bus: Bus) -> AsyncIterator[None]:
    """Run the writer for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        await nursery.start(bus.run)
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()


def texts(frames: list[dict[str, object]]) -> list[object]:
    """Return the texts of notes."""
    return [frame["text"] for frame in frames]


async def test_history_survives_a_restart_and_is_read_backwards(tmp_path: Path) -> None:
    file = tmp_path / "events.sqlite"
    first = Bus(file, clock)
    async with running(first):
        for number in range(10):
            first.note(str(number))
    later = Bus(file, lambda: clock() + 1)
    async with running(later):
        later.note("new")
        newest = await later.history(before=None, limit=3)
        assert texts(newest) == ["8", "9", "new"]
        older = await later.history(before=newest[0]["seq"], limit=3)
        assert texts(older) == ["5", "6", "7"]
        behind = await later.following(after=older[-1]["seq"], limit=2)
        assert texts(behind) == ["8", "9"]
        assert texts(await later.following(after=behind[-1]["seq"], limit=9)) == ["new"]
        assert [frame["seq"] for frame in older] == sorted(frame["seq"] for frame in older)


async def test_words_are_found_in_what_was_said_and_in_nothing_else(tmp_path: Path) -> None:
    bus = Bus(tmp_path / "events.sqlite", clock)

    async def found(words: str, *kinds: str, before: int | None = None) -> list[int]:
        wanted = Wanted(words, frozenset(kinds))
        answer = await bus.search(wanted, before=before, limit=2)
        return [frame["seq"] - first for frame in answer["events"]]

    block = {"type": "text", "text": 'Die \u00c4pfel sind "reif" note'}
    async with running(bus):
        first = bus.publish(live.Note("Apples and note"))
        bus.publish(live.Stream({"type": "assistant", "uuid": "apples", "message": [block]}))
        bus.publish(live.TurnEnd(False, "no apples left"))
        for is_written in (False, True):
            if is_written:
                await until(lambda: not bus._waiting)
            assert await found("APPLES") == [0, 2]
            assert await found("\u00e4pfel") == [1]
            assert await found('"reif"') == [1]
            assert await found("assistant") == []
            assert await found("note") == [0, 1]
            assert await found("apples", "turn_end") == [2]
            assert await found("", "note", "stream") == [0, 1]
            assert await found("apples", before=first + 2) == [0]


async def test_a_search_says_where_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = Bus(tmp_path / "events.sqlite", clock)
    async with running(bus):
        for number in range(9):
            bus.note(f"{number} {'x' * 900}" if number else "needle")
        await until(lambda: not bus._waiting)
        monkeypatch.setattr(turn_events, "SEARCH_BYTES", 3000)
        seen, before, rounds = [], None, 0
        while True:
            answer = await bus.search(Wanted("needle"), before=before, limit=5)
            seen += texts(answer["events"])
            before, rounds = answer["next_before"], rounds + 1
            if before is None:
                break
        assert (seen, rounds) == (["needle"], 3)


async def test_what_is_not_written_yet_is_history_already(tmp_path: Path) -> None:
    bus = Bus(tmp_path / "events.sqlite", clock)
    bus.note("before the file is open")
    assert texts(await bus.history(before=None, limit=9)) == ["before the file is open"]


async def test_badges_are_live_only(tmp_path: Path) -> None:
    bus = Bus(tmp_path / "events.sqlite", clock)
    async with running(bus):
        with bus.feed.watch() as watch:
            bus.publish(live.StatusChanged(live.ONLINE))
            bus.publish(live.Note("kept"))
            frames = await watch.next()
        assert frames is not None
        kinds = [codec.loads(line)["kind"] for _, line in frames]
        assert kinds == ["status_changed", "note"]
        assert [frame["kind"] for frame in await bus.history(before=None, limit=9)] == ["note"]


async def test_a_bad_file_is_said_on_the_page_and_the_bus_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "events.sqlite"
    file.write_bytes(b"this is no database, " * 100)
    bus = Bus(file, clock)
    async with running(bus):
        bus.note("still here")
        frames = await bus.history(before=None, limit=9)
        assert bus.problem is not None
        assert "still here" in texts(frames)
        assert any("not being kept" in str(text) for text in texts(frames))


async def test_a_mended_file_is_taken_again_with_what_waited(
    tmp_path: Path, autojump_clock: object
) -> None:
    file = tmp_path / "gone" / "events.sqlite"
    bus = Bus(file, clock)
    async with running(bus):
        bus.note("first")
        file.parent.mkdir()
        bus.note("second")
        while bus._waiting:
            await trio.sleep(1)
            await trio.to_thread.run_sync(lambda: None)
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT payload_json FROM events").fetchall()
    written = [codec.loads(row[0])["text"] for row in rows]
    assert [text for text in written if len(text) < 7] == ["first", "second"]


async def test_memory_stays_bounded_while_nothing_can_be_written(tmp_path: Path) -> None:
    bus = Bus(tmp_path / "gone" / "events.sqlite", clock)
    for number in range(3000):
        bus.note(f"{number} " + "x" * 9000)
    assert bus._waiting_bytes <= bus_module.WAITING_BYTES
    assert len(bus._waiting) <= bus_module.HISTORY_MOST
    newest = await bus.history(before=None, limit=1)
    assert str(newest[0]["text"]).startswith("2999")


def test_overlong_strings_of_claude_are_cut_and_say_so() -> None:
    line = {"a": ["x" * 3_000_000], "b": {"c": "short"}, "d": 1}
    cut = shortened(line)
    assert len(codec.dumps(cut)) < 30_000
    assert "3000000 characters" in cut["a"][0]
    assert cut["b"] == {"c": "short"}
    assert cut["d"] == 1


def test_of_pictures_a_bounded_part_of_a_line_stays_whole() -> None:
    def picture(size: int) -> dict[str, Any]:
        source = {"type": "base64", "media_type": "image/png", "data": "A" * size}
        return {"type": "image", "source": source}

    def sizes(*blocks: dict[str, Any]) -> list[bool]:
        cut = shortened({"content": list(blocks)})["content"]
        return [block["source"]["data"].endswith("A") for block in cut]

    assert sizes(picture(60_000), picture(60_000), picture(100)) == [True, False, True]
    assert sizes(picture(70_000)) == [False]
    assert "40000 characters" in shortened({"data": "A" * 40_000})["data"]


async def test_each_change_of_the_state_is_one_frame() -> None:
    frames: list[object] = []
    state = AgentState("haiku", frames.append, lambda: 5.0)
    state.set_model("haiku")
    state.set_turn_state(live.IDLE)
    state.set_usage(None, None)
    assert frames == []
    state.set_model("sonnet")
    state.set_turn_state(live.THINKING)
    state.set_status(live.RATE_LIMITED)
    state.set_usage(TokenUsage(1, 2, 3, 4), None)
    assert frames == [
        live.ModelChanged("sonnet"),
        live.TurnStateChanged("thinking", 5.0),
        live.StatusChanged("rate_limited"),
        live.TokenUsageChanged(TokenUsage(1, 2, 3, 4), None),
    ]
    assert state.report().ctx_tokens == 1 + 3 + 4
    assert state.to_json()["ctx_usage"]["output_tokens"] == 2


async def test_history_past_its_keep_is_dropped(tmp_path: Path) -> None:
    now = [0.0]
    bus = Bus(tmp_path / "events.sqlite", lambda: now[0])
    bus.note("old")
    async with running(bus):
        while bus._waiting:  # noqa: ASYNC110 - the writer tells nobody
            await trio.sleep(0.01)
        now[0] = 7 * bus_module.DAY_S + 1
        async with trio.open_nursery() as nursery:
            await nursery.start(bus.vacuum)
            while await bus.history(before=None, limit=9):  # noqa: ASYNC110 - nor the vacuum
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
