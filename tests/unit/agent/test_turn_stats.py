"""The statistics of turns: what a turn took, and that no disk and no line reaches the turn."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from hive.agent import driver, turn_stats
from hive.agent.controls import HarnessPage
from hive.agent.driver import Outcome
from hive.agent.turn_count import COMPACTION, Ended, TurnCount, wake_of
from hive.agent.turn_stats import TurnKeeper
from hive.errors import Unavailable
from hive.store.turn_stats import FILE, turn_of
from hive.wire.live import Stream, TurnStart
from hive.wire.stats import COLUMNS, Turn
from tests.fakes import harness as fake
from tests.fakes import waiting
from tests.fakes.any_json import JSON
from tests.fakes.driver import Running
from tests.fakes.harness import clock, looping, until

DATA = Path(__file__).parents[2] / "data"


def rows(state: Path) -> list[Turn]:
    """Return what is in the file, oldest first."""
    with closing(sqlite3.connect(state / FILE)) as database:
        found = database.execute(f"SELECT {', '.join(COLUMNS)} FROM turns ORDER BY id").fetchall()
    return [turn_of(row) for row in found]


@asynccontextmanager
async def running(keeper: TurnKeeper) -> AsyncIterator[None]:
    """Run the writer for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        await nursery.start(keeper.run)
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()


def usage(**tokens: int) -> dict[str, Any]:
    names = {
        "inputTokens": tokens.get("put", 0),
        "outputTokens": tokens.get("out", 0),
        "cacheReadInputTokens": tokens.get("read", 0),
        "cacheCreationInputTokens": tokens.get("made", 0),
    }
    return {**names, "costUSD": tokens.get("cents", 0) / 100}


def result(**models: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "result",
        "is_error": False,
        "total_cost_usd": 99.0,
        "usage": {"input_tokens": 5},
        "modelUsage": {name: {"contextWindow": 200_000} for name in models},
        "model_usage_since_last_result": models,
    }


def said(model: str, put: int, *tools: str, **fields: Any) -> dict[str, Any]:
    content = [{"type": "tool_use", "id": f"t{n}", "name": tool} for n, tool in enumerate(tools)]
    used = {"input_tokens": put, "cache_read_input_tokens": 1000, "output_tokens": 1}
    return {"type": "assistant", "message": {"model": model, "content": content, "usage": used}} | (
        fields
    )


def counted(*lines: dict[str, Any]) -> Turn:
    count = TurnCount(100.0, 5.0, "peer", "bob")
    for line in lines:
        count.feed(line)
    return count.end(Ended("ok", messages=2), "asked-for", 107.0, 11.5)


def test_a_turn_is_what_claude_used_since_its_last_result() -> None:
    turn = counted(
        said("haiku", 10, "Bash", "Bash"),
        said("haiku", 900, "Read", parent_tool_use_id="t0"),
        said("haiku", 20),
        result(haiku=usage(put=30, out=7, read=2000, made=4, cents=2)),
        said("opus", 40),
        result(opus=usage(put=40, out=1, cents=5), haiku=usage(put=1)),
    )
    assert (turn.input_tokens, turn.output_tokens) == (71, 8)
    assert (turn.cache_read_tokens, turn.cache_creation_tokens) == (2000, 4)
    assert turn.cost_usd == pytest.approx(0.07)
    assert (turn.context_tokens, turn.context_window) == (1040, 200_000)
    assert turn.model == "opus"
    assert (turn.tools, turn.tool_calls) == ({"Bash": 2, "Read": 1}, 3)
    assert (turn.duration_ms, turn.started_at, turn.ended_at) == (6500, 100.0, 107.0)
    assert (turn.wake, turn.wake_from, turn.messages) == ("peer", "bob", 2)


def test_without_a_figure_of_claude_there_is_no_cost_and_not_a_cost_of_nothing() -> None:
    turn = counted({"type": "result", "usage": {"input_tokens": 20, "output_tokens": 3}})
    assert (turn.cost_usd, turn.input_tokens, turn.output_tokens) == (None, 20, 3)
    assert (turn.context_tokens, turn.model) == (None, "asked-for")
    refused = counted(
        {"type": "assistant", "error": "rate_limit", "message": {"model": "<synthetic>"}},
        result(),
    )
    assert (refused.cost_usd, refused.model) == (0, "asked-for")


def test_the_recorded_turns_cost_what_the_conversation_did_in_the_end() -> None:
    total = 0.0
    for line in (DATA / "stream/costs.jsonl").read_text().splitlines():
        parsed = json.loads(line)
        total += counted(parsed).cost_usd or 0
        assert total == pytest.approx(parsed["total_cost_usd"])
    assert total > 0


@given(st.lists(st.dictionaries(st.sampled_from(["type", "message", "usage", "error"]), JSON)))
def test_no_line_breaks_the_count_and_every_row_is_one_that_can_be_read(lines: list[Any]) -> None:
    odd = {"type": "assistant", "message": {"content": [{"type": "tool_use", "name": "\ud800"}]}}
    huge = {"type": "result", "model_usage_since_last_result": {"m": usage(put=2**70, cents=9)}}
    turn = counted(*lines, odd, huge, huge, {"type": "result", "usage": {"input_tokens": -4}})
    cells = [getattr(turn, name) for name in COLUMNS]
    cells[COLUMNS.index("tools")] = json.dumps(turn.tools).encode().decode()
    assert turn_of(cells) == turn


def test_a_thousand_tools_are_not_a_thousand_names() -> None:
    turn = counted(*(said("haiku", 1, f"tool-{number}") for number in range(1000)))
    assert len(turn.tools) == 101
    assert turn.tool_calls == 1000


def test_who_woke_the_agent_is_what_the_daemon_saw() -> None:
    def woken(sender: str, origin: str | None) -> str:
        return wake_of(TurnStart(sender, "", 0, origin=origin))

    assert woken("operator", "operator") == "operator"
    assert woken("bob", "peer") == "peer"
    assert woken("reminder", "system") == "reminder"
    assert woken("reminder", "external") == "external"
    assert woken("bob", None) == woken("bob", "newer") == "external"


async def test_each_try_at_a_message_is_a_row(tmp_path: Path, autojump_clock: object) -> None:
    async def limited(running: Running) -> Outcome:
        running.say()
        return running.result(driver.RATE_LIMITED)

    rig = fake.make(tmp_path)
    rig.driver.script = [limited]
    mail = rig.hive.put("count to three", from_="bob")
    async with looping(rig):
        await until(lambda: mail.acks)
    kept = list(rig.harness.stats._waiting)
    assert [turn.result for turn in kept] == ["rate_limited", "ok"]
    assert {turn.wake_from for turn in kept} == {"bob"}
    assert kept[0].note == "scripted rate_limited"
    assert (kept[1].input_tokens, kept[1].context_tokens, kept[1].messages) == (20, 10, 1)
    assert kept[1].model == rig.harness.state.model


async def test_what_hive_does_between_two_turns_is_a_row_when_a_model_was_called(
    tmp_path: Path,
) -> None:
    keeper = TurnKeeper(tmp_path / FILE, clock, list[str]().append, lambda: "haiku")
    compacting = Stream({"type": "system", "subtype": "status", "status": "compacting"})
    keeper.see(compacting)
    keeper.see(Stream(result(haiku=usage(put=4000, out=15, cents=4))))
    keeper.record(Ended("ok", kind=COMPACTION))
    keeper.see(compacting)
    keeper.see(Stream(result()))
    keeper.record(Ended("failed", "nothing to compact", COMPACTION))
    keeper.see(Stream(said("opus", 70, "Write")))
    keeper.see(Stream(result(opus=usage(put=70))))
    keeper.record(Ended("ok", kind="checkpoint"))
    keeper.see(Stream(result(opus=usage(put=1))))
    keeper.record(Ended("failed", "no turn had begun"))
    first, second = keeper._waiting
    assert (first.wake, first.wake_from, first.result) == ("system", "compaction", "compacted")
    assert (first.model, first.input_tokens, first.messages) == ("haiku", 4000, 0)
    assert (second.wake_from, second.result, second.tools) == ("checkpoint", "ok", {"Write": 1})


def put(keeper: TurnKeeper, sender: str = "bob") -> None:
    """Let a turn begin and end."""
    keeper.see(TurnStart(sender, "", 0, origin="peer"))
    keeper.record(Ended("ok"))


async def test_turns_are_on_file_soon_and_outlive_the_harness(tmp_path: Path) -> None:
    keeper = TurnKeeper(tmp_path / FILE, clock, list[str]().append, lambda: "haiku")
    async with running(keeper):
        put(keeper)
        put(keeper, "carol")
    assert [turn.wake_from for turn in rows(tmp_path)] == ["bob", "carol"]


async def test_a_bad_file_is_a_fault_on_the_page_and_the_turns_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_stats, "RETRY_S", 0.01)
    rig = fake.make(tmp_path)
    keeper = rig.harness.stats
    file = Path(rig.harness.config.state_dir) / FILE
    file.write_bytes(b"this is no database, " * 100)
    page = HarnessPage(rig.harness)
    async with running(keeper):
        put(keeper)
        await waiting.until(lambda: keeper.problem is not None)
        assert "statistics of turns are not being kept" in rig.notes
        (fault,) = page.statistics.faults()
        assert "1 turns wait" in fault
        notices = [each["message"] for each in (await page.snapshot())["notices"]]
        assert any("no statistics" in each for each in notices)
        with pytest.raises(Unavailable, match="not a hive database"):
            await page.statistics.statistics("24h")
        file.unlink()
        await waiting.until(lambda: keeper.problem is None)
        assert page.statistics.faults() == []
    assert [turn.wake_from for turn in rows(file.parent)] == ["bob"]


async def test_what_does_not_fit_is_counted_and_said(tmp_path: Path) -> None:
    keeper = TurnKeeper(tmp_path / "gone" / FILE, clock, list[str]().append, lambda: "haiku")
    for _ in range(turn_stats.WAITING_MOST + 3):
        put(keeper)
    assert len(keeper._waiting) == turn_stats.WAITING_MOST
    assert keeper.faults == ["3 turns are in no statistics: they could not be written"]


async def test_what_is_past_its_keep_goes_from_the_harness_too(tmp_path: Path) -> None:
    now = [0.0]
    keeper = TurnKeeper(
        tmp_path / FILE, lambda: now[0], list[str]().append, lambda: "haiku", keep_days=2
    )
    async with running(keeper):
        put(keeper)
    now[0] = 86400 * 2.5
    put(keeper, "carol")
    async with running(keeper):
        await waiting.until(lambda: [turn.wake_from for turn in rows(tmp_path)] == ["carol"])


async def test_turns_that_wait_count_already(tmp_path: Path) -> None:
    rig = fake.make(tmp_path)
    put(rig.harness.stats)
    found = await HarnessPage(rig.harness).statistics.statistics("1h")
    assert (found["turns"], found["name"], found["cost_basis"]) == (1, "bob", "list price")
    assert found["buckets"][-1]["turns"] == 1
