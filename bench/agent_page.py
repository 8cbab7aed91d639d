"""Measures the page of an agent in a real Chromium: a long history, a long line, a long stream.

The page is served by the harness's own application over a real history file; the browser is driven
over its DevTools protocol. Everything the page does on its one thread delays whatever its reader
does, so what counts is the longest task of that thread. The browser's trace says how long each one
computed, and how long it took by the clock, which on a busy machine says more about the others.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from bench.figures import Figure, Report, median, part
from bench.page_tasks import PATIENCE_S, Worst, traced
from hive.agent.controls import HarnessPage
from hive.agent.harness import Harness
from hive.store.database import open_database
from hive.store.turn_events import MIGRATIONS, Event, TurnEvents, events_file
from hive.web import server
from hive.web.agent_page.app import make_app
from hive.wire import codec, live
from tests.fakes import agent_scenes, harness
from tests.fakes.browser import Chromium, Page, open_page

ROWS = 10_000
LOADS = 9
LOAD_BAR_MS = 1000.0
NODES_BAR = 1.5
LINE_BYTES = 3_000_000
HOUR_PIECES = 3600 * 5
"""The harness tells a piece every fifth of a second at most."""
PIECES_A_LINE = 50
SPEED = 80
"""How many times faster than a model the stream is played."""

WATCH = """
window.bench = {readyAt: 0};
const look = () => {
  const isLive = document.querySelector("#connection")?.dataset.status === "live";
  const hasRows = document.querySelectorAll(".log [data-seq]").length > 0;
  if (!isLive || !hasRows || !document.querySelector("#prompt")) return requestAnimationFrame(look);
  // Painted, and a key that was pressed meanwhile would be answered by now.
  requestAnimationFrame(() => setTimeout(() => { window.bench.readyAt = performance.now(); }));
};
requestAnimationFrame(look);
"""
SCROLL = """new Promise((done) => {
  const log = document.querySelector(".log");
  const gaps = [];
  const is_there = () => (%s);
  let last = performance.now();
  const step = (now) => {
    gaps.push(now - last);
    last = now;
    if (is_there()) return done(gaps);
    log.scrollTop += %d;
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""
FIRST = 'document.querySelector(".log [data-seq]").dataset.seq === "1"'
LAST = (
    f'log.querySelector(".log-tail").previousElementSibling.dataset.seq === "{ROWS}"'
    " && log.scrollHeight - log.scrollTop - log.clientHeight < 2"
)


@attrs.frozen
class Watched:
    """One page that is being looked at, and the harness behind it."""

    page: Page
    harness: Harness

    async def worst(self, work: Callable[[], Any]) -> tuple[Any, Worst]:
        """Do something; return what it returned and the longest task meanwhile."""
        return await traced(self.page, work)

    async def nodes_and_heap(self) -> tuple[int, float]:
        """Return how many nodes the document has, and the heap in MiB, swept before."""
        await self.page.send("HeapProfiler.collectGarbage")
        found = await self.page.send("Performance.getMetrics")
        values = {one["name"]: one["value"] for one in found["metrics"]}
        return int(values["Nodes"]), values["JSHeapUsedSize"] / 2**20


def measure(*, quick: bool = False) -> Report:
    """Serve the page, open it and report what the browser says."""
    chromium = Chromium()
    try:
        with tempfile.TemporaryDirectory(prefix="hive-bench") as folder:
            return trio.run(_measure, chromium, Path(folder), quick)
    finally:
        chromium.close()


async def _measure(chromium: Chromium, folder: Path, quick: bool) -> Report:
    rig = harness.make(folder)
    await _write_history(folder / "state")
    async with _served(rig.harness) as url, open_page(chromium) as page:
        page.expected = ["404"]
        await page.viewport(1280, 900)
        await page.send("Performance.enable")
        await page.send("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        watched = Watched(page, rig.harness)
        loads = [await _load(page, url) for _ in range(3 if quick else LOADS)]
        figures = [_load_figure(loads)]
        figures += await _scrolls(watched)
        figures.append(await _long_line(watched))
        figures += await _hour(watched, 500 if quick else HOUR_PIECES)
    return Report(
        "An agent's page",
        tuple(figures),
        (
            "The harness's own application and a history file, a headless Chromium without a GPU,"
            " both on this machine; nothing is cached between loads.",
            "A task is what the page's one thread does at a stretch; beside what it computed stands"
            " how long that took while everything else ran on this machine.",
            f"The stream is played {SPEED} times as fast as a model speaks, with a finished line"
            f" after every {PIECES_A_LINE} pieces.",
        ),
    )


async def _write_history(state: Path) -> None:
    """Write a history as an agent leaves it: turns with calls, results, texts and notes."""
    turns = agent_scenes.turn()
    async with open_database(events_file(state), MIGRATIONS) as database:
        store = TurnEvents(database)
        events = []
        for seq in range(1, ROWS + 1):
            kind, fields = turns[seq % len(turns)]
            payload = codec.dumps({"kind": kind, **fields, "seq": seq})[:-1].decode()
            events.append(Event(seq, harness.START, kind, payload))
        await store.append(events)


@asynccontextmanager
async def _served(made: Harness) -> AsyncIterator[str]:
    app, feed = make_app(HarnessPage(made)), made.bus.feed
    async with trio.open_nursery() as nursery:
        await nursery.start(made.bus.run)
        await nursery.start(made.bus.partials.run)
        binds = [server.TcpBind("127.0.0.1", 0)]
        bound = await nursery.start(server.serve_until_cancelled, app, binds, feed)
        yield f"http://127.0.0.1:{bound[0].port}/"
        nursery.cancel_scope.cancel()


async def _load(page: Page, url: str) -> float:
    await page.send("Network.setCacheDisabled", cacheDisabled=True)
    await page.navigate(url)
    return float(await page.wait("window.bench.readyAt", 30))


def _load_figure(loads: list[float]) -> Figure:
    return Figure(
        f"from the address to a page that answers, {ROWS:,} rows of history, {len(loads)} loads",
        f"{median(loads):.0f} ms, worst {max(loads):.0f} ms",
        bar=f"< {LOAD_BAR_MS:g} ms",
        is_met=median(loads) < LOAD_BAR_MS,
    )


async def _scrolls(watched: Watched) -> list[Figure]:
    """Scroll through the whole history, up to its first row and down to its last."""
    figures = []
    for name, there, step in (("up to the first", FIRST, -900), ("down to the last", LAST, 900)):
        began = time.perf_counter()
        with trio.fail_after(PATIENCE_S):
            gaps, worst = await watched.worst(
                lambda there=there, step=step: _scroll(watched.page, there, step)
            )
        figures.append(
            worst.figure(
                f"scrolled {name} of {ROWS:,} rows",
                f"{time.perf_counter() - began:.1f} s for the whole way,"
                f" 99 of 100 frames within {part(gaps, 0.99):.0f} ms",
            )
        )
    return figures


async def _scroll(page: Page, there: str, step: int) -> list[float]:
    """Scroll by windows until something is so, as often as a command may last."""
    script = SCROLL % (f"({there}) || gaps.length > 120", step)
    gaps: list[float] = []
    while True:
        gaps += await page.eval(script)
        if await page.eval(f"((log) => ({there}))(document.querySelector('.log'))"):
            return gaps


async def _long_line(watched: Watched) -> Figure:
    # Past the bus, which would shorten it: what a harness of another making may send.
    line = agent_scenes.long_line(LINE_BYTES)
    frames = ({"kind": "stream", **line}, {"kind": "note", "text": "behind it", "source": "x"})

    async def work() -> None:
        for frame in frames:
            watched.harness.bus.feed.publish(frame)
        await watched.page.wait("document.querySelector('.log').innerText.includes('behind it')")

    _, worst = await watched.worst(work)
    return worst.figure(f"a line of {LINE_BYTES / 1e6:g} MB comes")


async def _hour(watched: Watched, pieces: int) -> list[Figure]:
    """Let claude speak for an hour, faster than it would."""
    await _speak(watched, 20 * PIECES_A_LINE, 0)
    nodes, heap = await watched.nodes_and_heap()
    _, worst = await watched.worst(lambda: _speak(watched, pieces, 1))
    nodes_after, heap_after = await watched.nodes_and_heap()
    minutes = pieces / HOUR_PIECES * 60
    return [
        worst.figure(
            f"{minutes:.0f} minutes of a text that comes",
            f"{pieces:,} pieces, {pieces // PIECES_A_LINE:,} finished lines",
        ),
        Figure(
            "nodes of the document behind it",
            f"{nodes_after:,}",
            f"{nodes:,} before; the heap {heap:.0f} MiB before, {heap_after:.0f} MiB behind it",
            f"< {NODES_BAR:g} times",
            nodes_after < NODES_BAR * nodes,
        ),
    ]


async def _speak(watched: Watched, pieces: int, run: int) -> None:
    bus = watched.harness.bus
    text = "a piece of what claude says, "
    for number in range(1, pieces + 1):
        block, at = divmod(number - 1, PIECES_A_LINE)
        bus.publish(live.Partial(f"{run}:{block}", at + 1, "text", text))
        if at == PIECES_A_LINE - 1:
            said = agent_scenes.claude("assistant", agent_scenes.text(text * PIECES_A_LINE))
            bus.publish(live.Stream(said["line"]))
        await trio.sleep(1 / (5 * SPEED))
    bus.note(f"said {run}")
    await watched.page.wait(f"document.querySelector('.log').innerText.includes('said {run}')", 25)
