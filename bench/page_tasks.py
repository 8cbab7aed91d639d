"""The tasks of a page's one thread, from the browser's own trace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import attrs
import trio

from bench.figures import Figure
from tests.fakes.browser import Page

TASK_BAR_MS = 100.0
PATIENCE_S = 120.0
T = TypeVar("T")


@attrs.frozen
class Worst:
    """The longest task of the page's thread, in ms."""

    computed: float
    by_the_clock: float

    def figure(self, name: str, compared: str = "") -> Figure:
        """Return it beside the bar."""
        clock = f"{self.by_the_clock:.0f} ms by the clock"
        return Figure(
            f"{name}, the longest task",
            f"{self.computed:.0f} ms",
            "; ".join(filter(None, (clock, compared))),
            f"< {TASK_BAR_MS:g} ms",
            self.computed < TASK_BAR_MS,
        )


@attrs.define
class Trace:
    """The tasks of the page's thread while a trace is taken."""

    _threads: set[tuple[int, int]] = attrs.field(factory=set)
    _tasks: list[dict[str, Any]] = attrs.field(factory=list)
    ended: trio.Event = attrs.field(factory=trio.Event)

    def hear(self, method: str, params: dict[str, Any]) -> None:
        """Take one event of the tab."""
        if method == "Tracing.tracingComplete":
            self.ended.set()
        elif method == "Tracing.dataCollected":
            for one in params["value"]:
                if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain":
                    self._threads.add((one["pid"], one["tid"]))
                elif one["ph"] == "X" and one["name"].endswith("RunTask"):
                    self._tasks.append(one)

    def worst(self) -> Worst:
        """Return what took longest; times of a trace are in us."""
        mine = [one for one in self._tasks if (one["pid"], one["tid"]) in self._threads]
        if not mine:
            raise RuntimeError("the browser's trace names no task of the page")
        computed = max(one.get("tdur", 0) for one in mine)
        return Worst(computed / 1000, max(one["dur"] for one in mine) / 1000)


async def traced(page: Page, work: Callable[[], Awaitable[T]]) -> tuple[T, Worst]:
    """Do something; return what it returned and the page's longest task meanwhile."""
    trace = Trace()
    page.listener = trace.hear
    config = {"includedCategories": ["toplevel"], "excludedCategories": ["*"]}
    await page.send("Tracing.start", transferMode="ReportEvents", traceConfig=config)
    result = await work()
    await page.send("Tracing.end")
    with trio.fail_after(PATIENCE_S):
        await trace.ended.wait()
    page.listener = None
    return result, trace.worst()
