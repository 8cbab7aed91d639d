"""The sums over an agent's turns: one window, in buckets, and over all of it.

No I/O; harness and daemon make the same sums of the same rows. A turn belongs to the bucket in
which it ended. Percentiles are nearest ranks, so each is the length of a turn that was.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from hive.wire.stats import COST_BASIS, TURNS_MOST, Turn, Window

NAMES_MOST = 20
"""So many names a breakdown shows; the rest is one, `REST`."""
REST = "(others)"


@attrs.define
class Sums:
    """What some turns come to."""

    durations: list[int] = attrs.field(factory=list)
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_creation_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    """Turns whose cost claude did not say."""
    messages: int = 0
    tool_calls: int = 0
    contexts: list[int] = attrs.field(factory=list)
    results: Counter[str] = attrs.field(factory=Counter)
    wakes: Counter[str] = attrs.field(factory=Counter)
    models: Counter[str] = attrs.field(factory=Counter)
    senders: Counter[str] = attrs.field(factory=Counter)
    tools: Counter[str] = attrs.field(factory=Counter)

    def add(self, turn: Turn) -> None:
        """Count one turn."""
        self.durations.append(turn.duration_ms)
        self.input_tokens += turn.input_tokens
        self.output_tokens += turn.output_tokens
        self.cache_read_tokens += turn.cache_read_tokens
        self.cache_creation_tokens += turn.cache_creation_tokens
        self.cost_usd += turn.cost_usd or 0.0
        self.unpriced += turn.cost_usd is None
        self.messages += turn.messages
        self.tool_calls += turn.tool_calls
        if turn.context_tokens is not None:
            self.contexts.append(turn.context_tokens)
        self.results[turn.result] += 1
        self.wakes[turn.wake] += 1
        self.models[turn.model] += 1
        self.senders[turn.wake_from] += 1
        self.tools.update(turn.tools)

    def to_json(self) -> dict[str, Any]:
        """Return what every bucket says, and the whole window too."""
        lengths = sorted(self.durations)
        contexts = self.contexts
        return {
            "turns": len(lengths),
            "duration_p50_ms": percentile(lengths, 50),
            "duration_p95_ms": percentile(lengths, 95),
            "tokens": {
                "input": self.input_tokens,
                "output": self.output_tokens,
                "cache_read": self.cache_read_tokens,
                "cache_creation": self.cache_creation_tokens,
            },
            "cost_usd": round(self.cost_usd, 6),
            "unpriced": self.unpriced,
            "messages": self.messages,
            "tool_calls": self.tool_calls,
            "context_max": max(contexts, default=None),
            "context_avg": round(sum(contexts) / len(contexts)) if contexts else None,
            "results": most_common(self.results),
            "wakes": most_common(self.wakes),
            "models": most_common(self.models),
        }


def summary(
    turns: Iterable[Turn], name: str, window: Window, now: float, most: int = TURNS_MOST
) -> dict[str, Any]:
    """Return the statistics of one window as JSON data.

    `turns` are handed over newest first; those outside of the window, and those behind the first
    `most`, do not count.
    """
    start = now - window.span_s
    buckets = [Sums() for _ in range(window.span_s // window.bucket_s)]
    whole = Sums()
    newest: Turn | None = None
    is_cut = False
    for turn in turns:
        if not start <= turn.ended_at <= now:
            continue
        if len(whole.durations) == most:
            is_cut = True
            break
        newest = newest or turn
        whole.add(turn)
        place = int((turn.ended_at - start) // window.bucket_s)
        buckets[min(place, len(buckets) - 1)].add(turn)
    return {
        "window": name,
        "span_seconds": window.span_s,
        "bucket_seconds": window.bucket_s,
        "from": start,
        "now": now,
        "cost_basis": COST_BASIS,
        "turns_most": most,
        "is_cut": is_cut,
        "context_last": None if newest is None else newest.context_tokens,
        "context_window": None if newest is None else newest.context_window,
        "tools": most_common(whole.tools),
        "senders": most_common(whole.senders),
        **whole.to_json(),
        "buckets": [
            {"start": start + number * window.bucket_s, **each.to_json()}
            for number, each in enumerate(buckets)
        ],
    }


def percentile(ordered: Sequence[int], percent: int) -> int | None:
    """Return the nearest rank of sorted numbers, None of none."""
    if not ordered:
        return None
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


def most_common(counts: Counter[str], most: int = NAMES_MOST) -> dict[str, int]:
    """Return the counts, the greatest first, and what is left of them as one."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    found = dict(ranked[:most])
    rest = sum(count for _, count in ranked[most:])
    if rest:
        found[REST] = found.get(REST, 0) + rest
    return found
