"""What a benchmark reports: figures, each with what it is compared with and its bar.

Times are held in milliseconds, and shares of a whole are given by the middle and the 99th part of
what was measured, never by a mean that one bad moment moves.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import attrs


@attrs.frozen
class Figure:
    """One row of a report."""

    name: str
    measured: str
    """With its unit."""
    compared: str = ""
    """What was measured beside it in the same run."""
    bar: str = ""
    """Empty: for information."""
    is_met: bool | None = None
    """None where there is no bar."""

    @property
    def verdict(self) -> str:
        """Whether the bar is met, in a word."""
        return "" if self.is_met is None else "met" if self.is_met else "MISSED"

    @property
    def cells(self) -> tuple[str, ...]:
        """The row."""
        return (self.name, self.measured, self.compared, self.bar, self.verdict)


HEAD = ("figure", "measured", "compared with", "bar", "")


@attrs.frozen
class Report:
    """What one benchmark found."""

    title: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    """Sentences: how it was measured, and what a figure is made of."""

    @property
    def is_met(self) -> bool:
        """Whether every bar is met."""
        return all(figure.is_met is not False for figure in self.figures)

    def text(self) -> str:
        """Return it for a terminal."""
        rows = [HEAD, *(figure.cells for figure in self.figures)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [self.title, ""]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, "", *self.notes, ""])

    def markdown(self) -> str:
        """Return it as a section of a page, one sentence per line."""
        rows = [HEAD, ("---",) * len(HEAD), *(figure.cells for figure in self.figures)]
        table = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([f"## {self.title}", "", *table, "", *self.notes, ""])


@attrs.frozen
class Bar:
    """Limits of a time, in ms."""

    p50: float
    p99: float

    def __str__(self) -> str:
        return f"p50 < {self.p50:g} ms, p99 < {self.p99:g} ms"

    def is_met_by(self, times: Sequence[float]) -> bool:
        """Whether these times, in ms, are under both limits."""
        return part(times, 0.5) < self.p50 and part(times, 0.99) < self.p99


def part(times: Sequence[float], share: float) -> float:
    """Return the value that this share of the times does not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(times: Sequence[float]) -> float:
    """Return the middle of some times."""
    return statistics.median(times)


def spread(times: Sequence[float]) -> str:
    """Return p50 and p99 of times in ms, as words."""
    return f"p50 {part(times, 0.5):.2f} ms, p99 {part(times, 0.99):.2f} ms"
