"""Turns for the statistics, each of them with something in every column, and a busy month."""

from __future__ import annotations

from typing import Any

import attrs

from hive.turn_sums import summary
from hive.wire.stats import Turn, window_of
from tests.fakes.page_scenes import NOW


def turn(ended_at: float, **changes: Any) -> Turn:
    """Return a turn of 2 s that ended then."""
    plain = Turn(
        started_at=max(ended_at - 2, 0),
        ended_at=ended_at,
        duration_ms=2000,
        wake="operator",
        wake_from="operator",
        result="ok",
        model="claude-haiku-5-5",
        input_tokens=100,
        output_tokens=20,
        cache_read_tokens=3000,
        cache_creation_tokens=400,
        context_tokens=3500,
        context_window=200_000,
        cost_usd=0.0125,
        messages=1,
        tool_calls=3,
        tools={"Bash": 2, "mcp__hyperhive__send": 1},
        note=None,
    )
    return attrs.evolve(plain, **changes)


def busy_month() -> list[Turn]:
    """Return turns of every kind, newest first: one every half hour, fewer at night."""
    results = ["ok"] * 11 + ["failed", "ok", "rate_limited", "ok", "compacted", "ok", "cancelled"]
    wakes = ["operator", "peer", "peer", "reminder", "system", "external"]
    made = []
    for number in range(30 * 48):
        at = NOW - number * 1800 - 60
        if number % 48 > 34 and number % 5:
            continue
        held = 20_000 + number * 2311 % 130_000
        made.append(
            turn(
                at,
                duration_ms=2_000 + number * 7919 % 90_000,
                result=results[number % len(results)],
                wake=wakes[number % len(wakes)],
                wake_from=("operator", "bob", "carol", "reminder")[number % 4],
                model=("claude-haiku-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")[number % 3],
                input_tokens=400 + number % 900,
                output_tokens=300 + number * 31 % 2400,
                cache_read_tokens=held,
                cache_creation_tokens=held // 9,
                context_tokens=held,
                cost_usd=None if number % 50 == 7 else 0.002 + number % 17 * 0.0011,
                tool_calls=4,
                tools={"Bash": 2, "Read": 1, ("Edit", "mcp__hyperhive__send")[number % 2]: 1},
            )
        )
    return made


def statistics(turns: list[Turn], name: str) -> dict[str, Any]:
    """Return what an agent's page answers for one window."""
    return {"name": "alice", **summary(turns, name, window_of(name), NOW), "faults": []}
