"""What the page shows is what is so: through restarts, sleep, cuts, and storms of actions."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from hive.core import proposals
from hive.core.hive import Hive
from hive.errors import HiveError
from hive.feed import RING
from hive.wire.names import OPERATOR
from tests.browser import LIVE
from tests.fakes import busy_hive
from tests.fakes.browser import Chromium, Page, open_page
from tests.fakes.dying_daemon import idle
from tests.fakes.running import Running, running
from tests.fakes.runtime import FakeHost
from tests.fakes.tcp_relay import Relay

NAMES = ("ann", "bob", "cat")
SLEEP = """const awake = Date.now.bind(Date); window.sleptMs = 0;
Date.now = () => awake() + window.sleptMs;"""
NEWEST = 200
SHOWN = f"""(() => {{
  const said = (node) => {{
    const copy = node.cloneNode(true);
    const unsaid = "time, .age, form .form-error, [hidden]";
    for (const part of copy.querySelectorAll(unsaid)) part.remove();
    // What counts down by itself is never at the same second.
    const text = copy.textContent.replace(/\\d+[smhd]( \\d\\d[sm])?/g, "…");
    return JSON.stringify(Object.entries(node.dataset).sort()) + text;
  }};
  const all = (what) => [...document.querySelectorAll(what)].map(said);
  return {{
    flow: all("#flow [data-message]").slice(-{NEWEST}), inbox: all("#inbox [data-message]"),
    left: all("#swarm section li, #swarm details.folded > .stack li"), bar: all("#bar .jump"),
  }};
}})()"""
MESSAGES = "[...document.querySelectorAll('#flow [data-message]')]"
IDS = f"{MESSAGES}.map((row) => Number(row.dataset.message))"
WAKE = "window.sleptMs += 8 * 3600 * 1000; document.dispatchEvent(new Event('resume'))"


@attrs.define
class World:
    """A hive that can be restarted, behind a relay that a browser knows it by."""

    root: Path
    relay: Relay
    host: FakeHost = attrs.field(factory=FakeHost)
    now: Running | None = None

    @property
    def daemon(self) -> Running:
        """The one that runs."""
        assert self.now is not None
        return self.now

    @property
    def hive(self) -> Hive:
        """What it knows."""
        return self.daemon.hive

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Run a daemon during the block."""
        async with running(self.root, self.host, allowed_hosts=("127.0.0.1",)) as daemon:
            assert daemon.hive.address.url is not None
            self.relay.target = int(daemon.hive.address.url.rstrip("/").rpartition(":")[2])
            self.now = daemon
            yield
            self.now = None

    async def open(self, page: Page) -> None:
        """Log a browser in and wait until its page follows."""
        await page.viewport(1280, 900)
        page.expected = ["ERR_", "401", "503"]
        await page.send("Page.addScriptToEvaluateOnNewDocument", source=SLEEP)
        link = self.hive.access.new_login_link()
        await page.navigate(f"http://127.0.0.1:{self.relay.port}{link}")
        await page.wait(LIVE, 25)

    async def chat(self, count: int) -> None:
        """Let the agents write, ask, and ask for an agent."""
        for number in range(count):
            await self.hive.broker.send("ann", "bob", f"to bob {number}")
            await self.hive.broker.send("bob", OPERATOR, f"to you {number}")
        await self.daemon.agent("cat", "ask", question=f"what of {count}?", options=["a", "b"])
        await self.daemon.agent("bob", "recv", max=3)
        await self.daemon.agent("ann", "set_status", text=f"{count} written")
        known = {row.agent for row in await self.hive.approvals.pending()}
        await proposals.request_init_config(self.hive, f"new-{len(known)}", None)

    async def check(self, chromium: Chromium, *pages: Page) -> None:
        """Let what goes on end, then hold pages against the database and against a fresh one."""
        await idle(self.hive)
        async with open_page(chromium) as fresh:
            await self.open(fresh)
            for page in pages:
                await page.wait(LIVE, 25)
                await _equal(lambda page=page: page.eval(SHOWN), lambda: fresh.eval(SHOWN))
                await self._check_database(page)

    async def _check_database(self, page: Page) -> None:
        ids = await page.eval(IDS)
        assert ids == sorted(set(ids))
        stored = [row.id for row in await self.hive.broker.history(len(ids))]
        assert ids == stored
        waiting = [str(row.id) for row in await self.hive.approvals.pending()]
        assert await _values(page, "approval") == waiting
        asked = [str(row.id) for row in await self.hive.questions.pending()]
        assert await _values(page, "question") == asked
        assert await _values(page, "agent") == [row.name for row in self.hive.view.rows()]
        unread = [str(row.id) for row in await self.hive.broker.recent(OPERATOR, 50)]
        assert await _values(page, "message", "#inbox") == unread


async def _values(page: Page, name: str, within: str = "#swarm") -> list[str]:
    script = (
        f"[...document.querySelectorAll('{within} [data-{name}]')].map((n) => n.dataset.{name})"
    )
    found: list[str] = await page.eval(script)
    return found


async def _equal(one: Callable[[], Awaitable[Any]], other: Callable[[], Awaitable[Any]]) -> None:
    """Wait until both are the same: the last frame may be on its way."""
    mine: dict[str, list[str]] = {}
    theirs: dict[str, list[str]] = {}
    with trio.move_on_after(20):
        while not mine or mine != theirs:
            mine, theirs = await one(), await other()
    apart = {key: sorted({*mine[key]} ^ {*theirs[key]}) for key in mine}
    assert mine == theirs, apart


@asynccontextmanager
async def worlds(root: Path) -> AsyncIterator[World]:
    """Make a world with three agents, not up yet."""
    async with trio.open_nursery() as nursery:
        relay = Relay(0)
        await nursery.start(lambda task_status: relay.run(task_status=task_status))
        world = World(root, relay)
        async with world.up():
            await busy_hive.join(world.daemon, NAMES)
        yield world
        nursery.cancel_scope.cancel()


async def test_a_restart_underneath_loses_and_doubles_nothing(
    short_tmp: Path, chromium: Chromium
) -> None:
    async with worlds(short_tmp) as world, open_page(chromium) as page:
        async with world.up():
            await world.open(page)
            await page.eval("window.wasNotReloaded = true")
            await world.chat(5)
        await page.wait("document.querySelector('#connection').dataset.status === 'retrying'")
        async with world.up():
            # More than a history holds, so that only some of it can be read at once.
            await world.chat(120)
            await page.wait(LIVE, 25)
            await world.chat(3)
            await world.check(chromium, page)
            assert await page.eval("window.wasNotReloaded")
        assert page.problems == []


async def test_a_page_that_slept_longer_than_the_server_remembers_is_current_when_it_wakes(
    short_tmp: Path, chromium: Chromium
) -> None:
    async with worlds(short_tmp) as world, world.up(), open_page(chromium) as page:
        await world.open(page)
        await world.chat(5)
        await page.send("Page.setWebLifecycleState", state="frozen")
        world.relay.set_silent(is_silent=True)
        await world.chat(20)
        for _ in range(RING):
            world.hive.feed.publish({"kind": "reminders_changed", "agent": "ann"})
        world.relay.set_silent(is_silent=False)
        await page.send("Page.setWebLifecycleState", state="active")
        # What was open is dead, though nobody has said so; by the clock hours have passed.
        await page.eval(WAKE)
        await page.wait(
            "document.querySelector('[data-agent=ann]').innerText.includes('20 wr')", 25
        )
        await world.check(chromium, page)


@pytest.mark.slow
async def test_a_cut_is_resumed_where_it_was(short_tmp: Path, chromium: Chromium) -> None:
    async with worlds(short_tmp) as world, world.up(), open_page(chromium) as page:
        await world.open(page)
        for number in (4, 5, 6):
            world.relay.cut()
            await world.chat(number)
        await world.check(chromium, page)


@pytest.mark.slow
async def test_ten_seconds_without_a_network_are_made_up_for(
    short_tmp: Path, chromium: Chromium
) -> None:
    async with worlds(short_tmp) as world, world.up(), open_page(chromium) as page:
        await world.open(page)
        for is_silent in (True, False):
            offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
            await page.send("Network.emulateNetworkConditions", offline=True, **offline)
            world.relay.set_silent(is_silent=is_silent)
            await world.chat(10)
            await trio.sleep(10)
            world.relay.set_silent(is_silent=False)
            await page.send("Network.emulateNetworkConditions", offline=False, **offline)
            await world.chat(3)
            # The silence is noticed after 2.5 signs of life that did not come.
            await page.wait(f"Math.max(...{IDS}) >= {await _newest(world.hive)}", 60)
            await world.check(chromium, page)


async def _newest(hive: Hive) -> int:
    return (await hive.broker.history(1))[0].id


async def test_a_login_that_was_ended_is_told_and_a_new_one_goes_on_without_a_reload(
    short_tmp: Path, chromium: Chromium
) -> None:
    async with worlds(short_tmp) as world, world.up(), open_page(chromium) as page:
        await world.open(page)
        await page.eval("window.wasNotReloaded = true")
        assert await page.eval("fetch('/logout', {method: 'POST'}).then((a) => a.ok)")
        world.relay.cut()
        await page.wait("document.querySelector('#connection').dataset.status === 'logged_out'", 25)
        assert "login-link" in await page.text("#connection-detail")
        await world.chat(4)
        link = world.hive.access.new_login_link()
        assert await page.eval(f"fetch('{link}').then((a) => a.ok)")
        await page.eval("window.dispatchEvent(new Event('focus'))")
        await page.wait(LIVE, 25)
        await world.check(chromium, page)
        assert await page.eval("window.wasNotReloaded")


@pytest.mark.parametrize("count", [25, pytest.param(400, marks=pytest.mark.slow)])
async def test_two_browsers_see_the_same_after_a_storm_from_both(
    short_tmp: Path, chromium: Chromium, count: int
) -> None:
    async with (
        worlds(short_tmp) as world,
        world.up(),
        open_page(chromium) as one,
        open_page(chromium) as other,
    ):
        await world.open(one)
        await world.open(other)
        for page in (one, other):
            page.expected += ["404", "409"]
        async with trio.open_nursery() as nursery:
            for seed, page in enumerate((one, other)):
                nursery.start_soon(_act, page, random.Random(seed), count)
            nursery.start_soon(_live, world, random.Random(2), count)
        await world.check(chromium, one, other)
        assert one.problems == other.problems == []


CLICKS = (
    "#approvals [data-approval] .go",
    "#approvals [data-approval] .danger",
    "#questions [data-question] .quiet.danger",
    "#questions [data-question] .go",
    "#inbox header button",
    "[data-agent=cat] .more form:not([hidden]) button",
    "[data-agent] form:not([hidden])[action^='/kill'] button",
    "[data-agent] form:not([hidden])[action^='/start'] button",
    "[data-agent] form:not([hidden])[action^='/set-paused'] button",
    "[data-job] form.action button",
    "#kept form button",
)
PRESS = """((where, which, text) => {
  const dialog = document.querySelector("dialog[open]");
  if (dialog) return dialog.querySelector(which %% 3 ? "[value=yes]" : "[value=no]").click();
  if (where === "compose") {
    const area = document.querySelector("#compose");
    area.value = text;
    area.dispatchEvent(new Event("input", {bubbles: true}));
    return area.form.requestSubmit();
  }
  const buttons = [...document.querySelectorAll(where)];
  const button = buttons[which %% buttons.length];
  const area = button?.closest("[data-question]")?.querySelector("textarea");
  if (area) area.value = text;
  button?.click();
})(%r, %d, %r)"""


async def _act(page: Page, dice: random.Random, count: int) -> None:
    """Press what can be pressed, as it comes."""
    for number in range(count):
        where = dice.choice((*CLICKS, "compose", "compose"))
        text = dice.choice(("", "@ann ", "@cat ")) + f"word {number}"
        await page.eval(PRESS % (where, dice.randrange(100), text))
    await page.eval("document.querySelector('dialog[open] [value=no]')?.click()")


async def _live(world: World, dice: random.Random, count: int) -> None:
    """Let the agents go on as far as they still can."""
    for number in range(count):
        who = dice.choice(NAMES)
        # It may have been destroyed, and its socket with it.
        with suppress(HiveError):
            await _work(world, who, number)


async def _work(world: World, who: str, number: int) -> None:
    """Let an agent do what changes the page."""
    await world.daemon.agent(who, "set_status", text=f"step {number}")
    await world.daemon.agent(who, "send", to=OPERATOR, body=f"from {who} {number}")
    await world.daemon.agent(who, "recv", max=2)
    if number % 5 == 0:
        await world.daemon.agent(who, "ask", question=f"and {number}?", options=["x", "y"])
        await proposals.request_init_config(world.hive, f"storm-{number}", None)
    if number % 3 == 0:
        await world.daemon.agent(who, "ack_turn")
        await world.daemon.agent(who, "remind", message="later", delay_seconds=3600)
