"""An agent's statistics as lines for people, made of plain JSON data.

Standard library only. Whoever prints the lines makes them safe for a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hive import operator_views

SHOWN = 10
"""Names of a breakdown that are shown."""


def lines(stats: dict[str, Any]) -> Iterable[str]:
    """Show what the turns of one window come to."""
    yield f"{stats['name']}, the last {stats['window']}"
    yield from (f"warning: {fault}" for fault in stats["faults"])
    if not stats["turns"]:
        yield "No turn ended in this time."
        return
    if stats["is_cut"]:
        yield f"Only the newest {stats['turns_most']} turns are counted."
    half, most = seconds(stats["duration_p50_ms"]), seconds(stats["duration_p95_ms"])
    tokens = stats["tokens"]
    yield _row("turns", f"{stats['turns']}, half of them within {half}, 95 % within {most}")
    yield _row("results", named(stats["results"]))
    yield _row("woken by", named(stats["wakes"]))
    yield _row("senders", named(stats["senders"]))
    yield _row("models", named(stats["models"]))
    yield _row(
        "tokens",
        f"{tokens['input']} input, {tokens['output']} output, {tokens['cache_read']} read from the"
        f" cache, {tokens['cache_creation']} written to it",
    )
    yield _row("cost", _cost(stats))
    if stats["context_max"] is not None:
        window = f" of {stats['context_window']}" if stats["context_window"] else ""
        last, top = stats["context_last"], stats["context_max"]
        now = "" if last is None else f"{last} at last, "
        yield _row("context", f"{now}{top} at most{window} tokens")
    yield _row("tools", named(stats["tools"]) or "none")
    yield from _over_time(stats)


def _cost(stats: dict[str, Any]) -> str:
    text = f"{stats['cost_usd']:.4f} US dollars at list price"
    if stats["unpriced"]:
        text += f", without {stats['unpriced']} turns of which claude gave no figure"
    return text


def _over_time(stats: dict[str, Any]) -> Iterable[str]:
    yield ""
    yield f"{'from':<18}{'turns':>6}{'p50':>10}{'p95':>10}{'tokens':>12}{'list price':>14}"
    for each in stats["buckets"]:
        if each["turns"]:
            tokens = sum(each["tokens"].values())
            yield (
                f"{operator_views.clock(each['start']):<18}{each['turns']:>6}"
                f"{seconds(each['duration_p50_ms']):>10}{seconds(each['duration_p95_ms']):>10}"
                f"{tokens:>12}{each['cost_usd']:>10.4f} USD"
            )


def named(counts: dict[str, int]) -> str:
    """Show a breakdown, the greatest first."""
    shown = [f"{name} {count}" for name, count in list(counts.items())[:SHOWN]]
    rest = len(counts) - len(shown)
    return ", ".join(shown) + (f", and {rest} more" if rest > 0 else "")


def seconds(milliseconds: int | None) -> str:
    """Show a length with its unit."""
    if milliseconds is None:
        return "-"
    whole = milliseconds / 1000
    if whole < 60:
        return f"{whole:.1f} s"
    return f"{whole / 60:.1f} min" if whole < 3600 else f"{whole / 3600:.1f} h"


def _row(name: str, text: str) -> str:
    return f"  {name:<10}{text}"
