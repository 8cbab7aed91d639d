"""The sums over turns: they lose no turn and no token, and the buckets cover the window."""

from __future__ import annotations

from collections import Counter
from statistics import quantiles
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive import turn_export, turn_sums
from hive.errors import BadRequest
from hive.wire.stats import COLUMNS, RESULTS, WAKES, WINDOWS, Turn, window_of
from tests.fakes.turns import turn

NOW = 1_800_000_000.0
WEEK = WINDOWS["7d"]
NAMES = st.sampled_from(["Bash", "Read", "mcp__hyperhive__send", "=cmd()"])
COUNTS = st.integers(0, 10**7)


@st.composite
def some_turn(draw: st.DrawFn) -> Turn:
    tools = draw(st.dictionaries(NAMES, st.integers(1, 50)))
    return turn(
        NOW - draw(st.floats(0, 8 * 86400)),
        duration_ms=draw(COUNTS),
        wake=draw(st.sampled_from(WAKES)),
        result=draw(st.sampled_from(RESULTS)),
        model=draw(st.sampled_from(["haiku", "opus"])),
        input_tokens=draw(COUNTS),
        cost_usd=draw(st.none() | st.floats(0, 10)),
        context_tokens=draw(st.none() | COUNTS),
        tool_calls=sum(tools.values()),
        tools=tools,
    )


def newest_first(turns: list[Turn]) -> list[Turn]:
    return sorted(turns, key=lambda each: -each.ended_at)


@given(st.lists(some_turn(), max_size=30), st.sampled_from(sorted(WINDOWS)))
def test_the_sums_are_those_of_the_rows_and_the_buckets_cover_the_window(
    turns: list[Turn], name: str
) -> None:
    window = WINDOWS[name]
    found = turn_sums.summary(newest_first(turns), name, window, NOW)
    inside = [each for each in turns if each.ended_at >= NOW - window.span_s]
    buckets = found["buckets"]
    assert buckets[0]["start"] == NOW - window.span_s
    assert buckets[-1]["start"] + window.bucket_s == NOW
    assert found["turns"] == len(inside) == sum(each["turns"] for each in buckets)
    for whole, of_turn in (
        (lambda each: each["tokens"]["input"], lambda each: each.input_tokens),
        (lambda each: each["tokens"]["cache_read"], lambda each: each.cache_read_tokens),
        (lambda each: each["tool_calls"], lambda each: each.tool_calls),
        (lambda each: each["unpriced"], lambda each: each.cost_usd is None),
    ):
        assert whole(found) == sum(map(of_turn, inside)) == sum(map(whole, buckets))
    assert found["cost_usd"] == pytest.approx(sum(each.cost_usd or 0 for each in inside), abs=1e-5)
    for part, of_row in (("results", "result"), ("wakes", "wake"), ("models", "model")):
        counted: Counter[str] = Counter()
        for bucket in buckets:
            counted.update(bucket[part])
        assert counted == found[part] == Counter(getattr(each, of_row) for each in inside)
    assert sum(found["tools"].values()) == sum(sum(each.tools.values()) for each in inside)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=60))
def test_a_percentile_is_a_length_that_was_and_lies_where_it_should(lengths: list[int]) -> None:
    lengths.sort()
    half, most = turn_sums.percentile(lengths, 50), turn_sums.percentile(lengths, 95)
    assert half is not None
    assert most is not None
    assert {half, most} <= set(lengths)
    assert sum(each <= half for each in lengths) * 2 >= len(lengths)
    assert sum(each <= most for each in lengths) >= 0.95 * len(lengths)
    assert lengths[0] <= half <= most <= lengths[-1]
    assert quantiles([*lengths, *lengths], n=2)[0] >= half


def test_a_window_without_turns_says_so_without_a_zero_where_there_is_no_figure() -> None:
    found = turn_sums.summary([], "1h", WINDOWS["1h"], NOW)
    assert (found["turns"], found["cost_usd"], found["is_cut"]) == (0, 0, False)
    assert found["duration_p50_ms"] is found["context_max"] is found["context_last"] is None
    assert len(found["buckets"]) == 12


def test_of_too_many_turns_the_newest_count_and_that_is_said() -> None:
    turns = [turn(NOW - each, duration_ms=each) for each in range(5)]
    found = turn_sums.summary(turns, "7d", WEEK, NOW, most=3)
    assert (found["turns"], found["is_cut"], found["turns_most"]) == (3, True, 3)
    assert found["duration_p95_ms"] == 2
    assert not turn_sums.summary(turns, "7d", WEEK, NOW, most=5)["is_cut"]


def test_the_newest_turn_says_what_the_conversation_holds() -> None:
    turns = [turn(NOW - 1, context_tokens=7), turn(NOW - 2, context_tokens=9)]
    found = turn_sums.summary(turns, "7d", WEEK, NOW)
    assert (found["context_last"], found["context_max"], found["context_avg"]) == (7, 9, 8)


def test_a_turn_of_tomorrow_does_not_count() -> None:
    assert turn_sums.summary([turn(NOW + 5)], "7d", WEEK, NOW)["turns"] == 0


def test_many_names_become_the_greatest_and_the_others() -> None:
    counts = Counter({f"tool-{number:02}": 100 - number for number in range(30)})
    found = turn_sums.most_common(counts)
    assert list(found)[:2] == ["tool-00", "tool-01"]
    assert len(found) == turn_sums.NAMES_MOST + 1
    assert sum(found.values()) == counts.total()


def test_a_window_that_is_none_is_refused_with_those_there_are() -> None:
    assert window_of(None) is window_of("24h")
    with pytest.raises(BadRequest, match="1h, 4h, 24h, 3d, 7d, 30d"):
        window_of("2h")


def test_the_export_has_the_columns_of_a_turn() -> None:
    assert turn_export.COLUMNS == COLUMNS


def test_no_cell_of_a_csv_is_a_formula_or_more_than_a_line() -> None:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "=1+1")
    line = turn_export.csv_lines([{**row, "note": 'a "b",\nc\x1b', "tools": {"=x": 1}}])
    cells = line.split(",")
    assert cells[0] == "'=1+1"
    assert not any(cell.startswith(("=", '"=')) for cell in cells)
    assert line.endswith('"a ""b"",\\nc\\x1b"\r\n')
