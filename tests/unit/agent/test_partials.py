"""Text as it comes: gathered, told live only, and gone when the finished line is there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from hive.agent.bus import Bus
from hive.agent.partials import LONGEST
from hive.wire import codec
from tests.fakes.harness import clock

RECORDED = Path(__file__).resolve().parents[2] / "data/stream/partial.jsonl"


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """Return a partial line of claude."""
    return {"type": "stream_event", "event": {"type": kind, **fields}, "parent_tool_use_id": None}


def begin(bus: Bus, what: str = "text", **fields: Any) -> None:
    """Let claude begin an answer and a block of it."""
    bus.show(event("message_start", message={"id": "msg_1"}))
    bus.show(event("content_block_start", index=0, content_block={"type": what, **fields}))


def say(bus: Bus, text: str) -> None:
    """Let claude say some more."""
    delta = {"type": "text_delta", "text": text}
    bus.show(event("content_block_delta", index=0, delta=delta))


@asynccontextmanager
async def telling(bus: Bus) -> AsyncIterator[None]:
    """Run the teller for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        await nursery.start(bus.partials.run)
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()


async def test_pieces_are_gathered_and_counted(tmp_path: Path, autojump_clock: object) -> None:
    bus = Bus(tmp_path / "events.sqlite", clock)
    async with telling(bus):
        with bus.feed.watch() as watch:
            begin(bus)
            say(bus, "Hel")
            say(bus, "lo")
            first = await watch.next()
            say(bus, ", you")
            second = await watch.next()
    frames = [codec.loads(line) for _, line in [*(first or []), *(second or [])]]
    assert [(one["part"], one["text"]) for one in frames] == [(1, "Hello"), (2, ", you")]
    assert {one["block"] for one in frames} == {"msg_1:0"}
    assert bus.partials.snapshot() is not None


async def test_nobody_watching_costs_nothing_and_the_next_piece_brings_what_was_said(
    tmp_path: Path, autojump_clock: object
) -> None:
    bus = Bus(tmp_path / "events.sqlite", clock)
    async with telling(bus):
        begin(bus)
        say(bus, "unheard, ")
        await trio.sleep(5)
        assert bus.partials.snapshot() is None
        with bus.feed.watch() as watch:
            say(bus, "and heard")
            frames = await watch.next()
    assert frames is not None
    assert codec.loads(frames[0][1])["text"] == "unheard, and heard"


async def test_the_finished_line_alone_is_history(tmp_path: Path, autojump_clock: object) -> None:
    bus = Bus(tmp_path / "events.sqlite", clock)
    lines = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    async with telling(bus):
        with bus.feed.watch():
            for line in lines:
                bus.show(line)
                await trio.sleep(1)
        kept = await bus.history(before=None, limit=100)
    told = [(one["line"]["type"], one["line"].get("subtype")) for one in kept]
    assert told == [
        ("system", "init"), ("assistant", None), ("assistant", None), ("assistant", None),
        ("user", None), ("assistant", None), ("result", "success"),
    ]  # fmt: skip
    assert bus.partials.snapshot() is None


async def test_a_finished_line_takes_back_what_was_not_told(
    tmp_path: Path, autojump_clock: object
) -> None:
    bus = Bus(tmp_path / "events.sqlite", clock)
    async with telling(bus):
        with bus.feed.watch() as watch:
            begin(bus, "tool_use", name="Bash")
            say(bus, "never told")
            bus.show({"type": "assistant", "message": {"content": []}})
            await trio.sleep(5)
            frames = await watch.next()
    assert [codec.loads(line)["kind"] for _, line in frames or []] == ["stream"]


async def test_odd_pieces_break_nothing_and_endless_ones_end(
    tmp_path: Path, autojump_clock: object
) -> None:
    bus = Bus(tmp_path / "events.sqlite", clock)
    async with telling(bus):
        with bus.feed.watch():
            say(bus, "before any block")
            bus.show({"type": "stream_event", "event": None})
            bus.show(event("content_block_start", content_block=None))
            bus.show(event("content_block_delta", delta={"type": "citations_delta"}))
            begin(bus)
            for _ in range(5):
                say(bus, "x" * (LONGEST // 4))
                await trio.sleep(1)
    block = bus.partials.snapshot()
    assert block is not None
    assert len(block["text"]) == LONGEST
