"""Measures the dashboard in a real browser: the first view of a busy hive, and how live it is.

The daemon is whole, with its database on disk, and its containers are in memory. Every byte between
it and the browser passes a relay that counts, so that nothing the server sends is left out.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from bench.figures import Figure, Report, median, part, spread
from bench.page_tasks import Worst, traced
from hive.store import writer
from tests.fakes import busy_hive
from tests.fakes.browser import Chromium, Page, open_page
from tests.fakes.running import Running, running
from tests.fakes.tcp_relay import Relay

LOADS = 9
BYTES_BAR = 400_000
LOAD_BAR_MS = 1000.0
SEEN_BAR_MS = 100.0
FRAMES_A_SECOND = 50
SECONDS = 20.0
ROWS = 200
LIVE = "document.querySelector('#connection')?.dataset.status === 'live'"
WATCH = """
window.bench = {readyAt: 0, seen: {}};
const count = (what) => document.querySelectorAll(what).length;
const isDrawn = () => %s && count("[data-agent]") === %d && count("#flow [data-message]") >= %d
  && count("#approvals details [data-decided]") > 0 && count("#inbox [data-message]") > 0;
const painted = (then) => requestAnimationFrame(() => setTimeout(then));
const look = () => {
  if (!isDrawn()) return requestAnimationFrame(look);
  const area = document.querySelector("#compose");
  area.value = "@";
  area.setSelectionRange(1, 1);
  area.dispatchEvent(new Event("input", {bubbles: true}));
  if (document.querySelector(".suggestions").hidden) throw new Error("it does not answer");
  painted(() => { window.bench.readyAt = performance.now(); area.value = ""; });
};
requestAnimationFrame(look);
"""
FOLLOW = """
const note = (key) => requestAnimationFrame(() => {
  window.bench.seen[key] ??= performance.timeOrigin + performance.now();
});
new MutationObserver((changes) => {
  for (const {target, addedNodes} of changes) {
    if (target.matches?.(".status")) note(target.firstChild.textContent);
    for (const node of addedNodes) {
      if (node.matches?.("#flow [data-message]")) note(node.dataset.message);
    }
  }
}).observe(document.body, {subtree: true, childList: true});
"""


@attrs.frozen
class Busy:
    """A busy hive and the relay in front of it."""

    daemon: Running
    relay: Relay

    def first_link(self) -> str:
        """Return the address by which a browser comes here for the first time."""
        return f"http://127.0.0.1:{self.relay.port}{self.daemon.hive.access.new_login_link()}"


@attrs.frozen
class Change:
    """One change of the hive."""

    key: str
    """What shows it: the id of a message, or a status line."""
    place: str
    """What of the page it changes."""
    committed_at: float


@attrs.frozen
class Loaded:
    """One first view."""

    ready_ms: float
    sent_bytes: int
    requests: int
    worst: Worst


def measure(*, quick: bool = False) -> Report:
    """Fill a hive, look at it for the first time, several times, and then watch it live."""
    chromium = Chromium()
    try:
        with tempfile.TemporaryDirectory(prefix="hb", dir="/tmp") as folder:
            return trio.run(_measure, chromium, Path(folder), quick)
    finally:
        chromium.close()


async def _measure(chromium: Chromium, folder: Path, quick: bool) -> Report:
    async with _busy(folder) as busy:
        loads = [await _first_view(chromium, busy) for _ in range(3 if quick else LOADS)]
        seen, worst = await _live(chromium, busy, 3.0 if quick else SECONDS)
    ready = [one.ready_ms for one in loads]
    most = max(one.sent_bytes for one in loads)
    longest = max((one.worst for one in loads), key=lambda one: one.computed)
    what = (
        f"{busy_hive.AGENTS} agents, {busy_hive.APPROVALS} decided approvals,"
        f" {busy_hive.MESSAGES:,} messages"
    )
    return Report(
        "The dashboard",
        (
            Figure(
                f"the first view, {what}, sent by the server",
                f"{most / 1000:.0f} kB in {max(one.requests for one in loads)} requests",
                bar=f"< {BYTES_BAR / 1000:g} kB",
                is_met=most < BYTES_BAR,
            ),
            Figure(
                f"from the address to a page that answers, {len(loads)} first views",
                f"{median(ready):.0f} ms, worst {max(ready):.0f} ms",
                bar=f"< {LOAD_BAR_MS:g} ms",
                is_met=median(ready) < LOAD_BAR_MS,
            ),
            longest.figure("of these"),
            Figure(
                f"{FRAMES_A_SECOND} changes a second, from committed to painted,"
                f" {len(seen):,} changes",
                spread(seen),
                f"worst {max(seen):.0f} ms; a frame of the screen takes 17 ms",
                f"p99 < {SEEN_BAR_MS:g} ms",
                part(seen, 0.99) < SEEN_BAR_MS,
            ),
            worst.figure("meanwhile"),
        ),
        (
            "A whole daemon whose containers are in memory, a headless Chromium without a GPU, both"
            " on this machine; each first view has a browser profile that knows nothing of hive.",
            "The page answers when every section is drawn, 200 messages among them, and the box for"
            " a message offers names for an `@`, painted.",
            "Bytes are all that the server says: heads, the stream and the files of the offline"
            " page too.",
            "Half of the changes are messages, half status lines of agents; painted is the"
            " animation frame behind the one that changed the document.",
        ),
    )


@asynccontextmanager
async def _busy(folder: Path) -> AsyncIterator[Busy]:
    async with (
        running(folder, allowed_hosts=("127.0.0.1",)) as daemon,
        trio.open_nursery() as nursery,
    ):
        await busy_hive.fill(daemon)
        url = daemon.hive.address.url
        if url is None:
            raise RuntimeError("the dashboard is not served")
        relay = Relay(int(url.rstrip("/").rpartition(":")[2]))
        await nursery.start(lambda task_status: relay.run(task_status=task_status))
        yield Busy(daemon, relay)
        nursery.cancel_scope.cancel()


async def _first_view(chromium: Chromium, busy: Busy) -> Loaded:
    """Open the page in a profile of its own, and let it come to rest."""
    async with open_page(chromium) as page:
        await _prepare(page)
        before = busy.relay.answered_bytes

        async def load() -> float:
            await page.navigate(busy.first_link())
            ready = float(await page.wait("window.bench.readyAt", 30))
            await page.wait("navigator.serviceWorker.controller", 30)
            return ready

        ready, worst = await traced(page, load)
        return Loaded(ready, busy.relay.answered_bytes - before, len(page.requests), worst)


async def _prepare(page: Page) -> None:
    await page.viewport(1280, 900)
    script = WATCH % (LIVE, busy_hive.AGENTS + 1, ROWS)
    await page.send("Page.addScriptToEvaluateOnNewDocument", source=script)


async def _live(chromium: Chromium, busy: Busy, seconds: float) -> tuple[list[float], Worst]:
    """Change things at a steady rate; return how long each took to be painted, in ms."""
    async with open_page(chromium) as page:
        await _prepare(page)
        await page.navigate(busy.first_link())
        await page.wait("window.bench.readyAt", 30)
        await page.eval(FOLLOW)
        with _commits_noted() as committed:
            changed, worst = await traced(page, lambda: _change(busy.daemon, seconds, committed))
        last = json.dumps([change.key for change in changed[-2:]])
        await page.wait(f"{last}.every((key) => key in window.bench.seen)", 25)
        seen: dict[str, float] = await page.eval("window.bench.seen")
        ahead_s = await _clock_ahead(page)
    # A status line that was replaced before it was drawn is seen with the one in its place.
    drawn: dict[str, float] = {}
    times = []
    for change in reversed(changed):
        drawn[change.place] = seen.get(change.key, drawn.get(change.place, 0))
        times.append((drawn[change.place] / 1000 - ahead_s - change.committed_at) * 1000)
    return times, worst


async def _change(daemon: Running, seconds: float, committed: list[float]) -> list[Change]:
    """Make changes at the rate; return them."""
    names = busy_hive.names(busy_hive.AGENTS)
    changed = []
    began = trio.current_time()
    for number in range(int(seconds * FRAMES_A_SECOND)):
        await trio.sleep_until(began + number / FRAMES_A_SECOND)
        name = names[number % len(names)]
        if number % 2:
            body = f"this is **{number}**"
            key = place = str((await daemon.agent(name, "send", to="operator", body=body))["id"])
        else:
            key, place = f"at step {number}", name
            await daemon.agent(name, "set_status", text=key)
        changed.append(Change(key, place, committed[0]))
    return changed


@contextmanager
def _commits_noted() -> Iterator[list[float]]:
    """Note the moment behind each commit, from outside of hive."""
    # Any, because what is written into it is not what it was declared with.
    writing: Any = writer.Writer
    commit, last = writing._commit, [0.0]

    def noted(self: Any, batch: Any) -> None:
        commit(self, batch)
        last[0] = time.time()

    writing._commit = noted
    try:
        yield last
    finally:
        writing._commit = commit


async def _clock_ahead(page: Page) -> float:
    """Return by how many seconds the page's clock is ahead, by the quickest of some answers."""
    found = []
    for _ in range(20):
        began = time.time()
        there = float(await page.eval("performance.timeOrigin + performance.now()")) / 1000
        ended = time.time()
        found.append((ended - began, there - (began + ended) / 2))
    return min(found)[1]
