"""The operator's whole day in a browser, from the login link to the last trace of an agent."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from tests.e2e.stage import REAL, STAND_IN, Stage, stage
from tests.fakes.browser import Chromium, Page, open_page
from tests.fakes.by_role import Person

EDIT = (
    "cd /agents/scout/config && printf '[limits]\\nmemory_mib = 512\\n' > agent.toml"
    " && git -c user.name=manager -c user.email=manager@hive commit -qam 'half the memory'"
)
SEEN = (
    "[...document.querySelectorAll('#flow [data-message]')].map((n) => Number(n.dataset.message))"
)
RUNS = "document.querySelector('[data-job][data-state=running]')"
NOT_RELOADED = "window.isThatOfTheMorning === true"
PURPOSE = "counts what it is given"
LOST = ("ERR_", "Failed to load resource")
"""What a browser says of a server that is gone."""


def call(tool: str, **arguments: Any) -> str:
    """A directive that has an agent call a tool."""
    return f"!tool {tool} {json.dumps(arguments)}"


@attrs.frozen
class Day:
    """A hive of the zipapp, and the operator at a desk."""

    hive: Stage
    pyz: Path
    chromium: Chromium
    desk: Person

    @property
    def page(self) -> Page:
        """The tab at the desk."""
        return self.desk.page

    async def verb(self, *words: str) -> str:
        """Call a verb of the same file on that hive; it must succeed."""
        root = str(self.hive.paths.state.parent)
        argv = [sys.executable, str(self.pyz), *words, "--root", root]
        done = await trio.run_process(
            argv, env=self.hive.env, capture_stdout=True, capture_stderr=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    async def write(self, *lines: str) -> None:
        """Write a message on the dashboard."""
        text = "\n".join(lines)
        await self.desk.fill("textbox", "Message", text)
        await self.page.wait(f"document.activeElement.value === {json.dumps(text)}")
        await self.page.press("Enter")
        await self.page.wait("document.activeElement.value === ''")


@asynccontextmanager
async def begun(
    root: Path, chromium: Chromium, pyz: Path, unpacked: Path, kind: str
) -> AsyncIterator[Day]:
    """Start `up` of the zipapp and open a tab that complains about whatever goes wrong in it."""
    words = [sys.executable, str(pyz), "up", "--root", str(root), "--no-browser"]
    words += ["--demo"] if kind == STAND_IN else []
    env = {"SHIV_ROOT": str(unpacked)}
    async with (
        stage(root, kind, "live", words=[*words, "--port", "0"], env=env) as hive,
        open_page(chromium) as page,
    ):
        await page.viewport(1280, 900)
        await page.media(prefers_color_scheme="dark", prefers_reduced_motion="reduce")
        yield Day(hive, pyz, chromium, Person(page))
        await page.navigate("about:blank")
        assert page.problems == []


async def log_in(day: Day, me: Person) -> None:
    """Open a link that the command line made."""
    await me.page.navigate(await day.verb("login-link"))
    await me.reads("live", "status")


@pytest.mark.parametrize("kind", [STAND_IN, pytest.param(REAL, marks=pytest.mark.slow)])
async def test_everything_an_operator_does_in_a_day_is_done_in_the_browser(
    short_tmp: Path, chromium: Chromium, pyz: Path, unpacked: Path, kind: str
) -> None:
    async with begun(short_tmp, chromium, pyz, unpacked, kind) as day:
        await log_in(day, day.desk)
        await day.page.eval("window.isThatOfTheMorning = true")
        await asks_and_denies_by_keyboard_alone(day)
        await has_the_manager_propose_again_and_approves(day)
        await answers_from_a_phone(day)
        await mentions_two(day)
        await follows_a_thread(day)
        await searches(day)
        await goes_on_over_a_daemon_that_is_killed(day)
        await destroys_revives_and_purges(day)
        assert await day.page.eval(NOT_RELOADED)
        assert "none is missing" in await day.verb("audit", "verify")


async def asks_and_denies_by_keyboard_alone(day: Day) -> None:
    """Ask for an agent, look at what it is made of, and say no with a reason."""
    me, page = day.desk, day.page
    await me.do("new agent")
    await page.type("scout")
    await page.press("Tab")
    await page.type(PURPOSE)
    await page.press("Enter")
    await me.find("button", "Approve new agent scout")
    await me.do("show the diff of new agent scout")
    await me.reads("agent.toml", "region", "changes")
    await comments_on_a_line(me)
    await me.tab_to("button", "Deny new agent scout")
    await page.press("Enter")
    await me.find("textbox", "Reason (can be left out)")
    await page.type("half the memory is enough")
    await me.tab_to("button", "Deny")
    await page.press("Enter")
    await me.gone("button", "Approve new agent scout")
    await me.do("go to decided approvals")
    await me.reads("half the memory is enough", "group")


async def comments_on_a_line(me: Person) -> None:
    """Go to a line of the diff by the keyboard, and say something of it."""
    await me.page.press("j")
    await me.page.press("ArrowDown")
    await me.page.press("c")
    await me.page.wait("document.activeElement.tagName === 'TEXTAREA'")
    await me.page.type("Say here whose it is.")
    await me.page.press("Enter", control=True)
    await me.reads("Say here whose it is.", "region", "changes")


async def has_the_manager_propose_again_and_approves(day: Day) -> None:
    """The manager reads the reason and proposes; the operator looks, says yes and watches."""
    me, page = day.desk, day.page
    bash = call("Bash", command=EDIT, description="half the memory")
    spawn = call("request_spawn", name="scout", description="with half the memory")
    await day.write("@manager Half of it, please.", bash, spawn)
    # The one that was denied can be looked at too.
    await me.find("button", "Approve new agent scout")
    assert any("Say here whose it is." in body for body in await day.hive.mail("manager"))
    await me.click("button", "Show the diff of new agent scout")
    await me.reads("memory_mib = 512", "region", "changes")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(page.wait, RUNS)
        await me.click("button", "Approve new agent scout")
    await me.find("button", "Restart scout")
    await day.hive.wait_settled("scout")
    await me.do("go to finished jobs")
    await me.click("button", "Log of: create scout")
    await me.reads("starting it", "log", "log of: create scout")
    await me.click("button", "✕ Close")


async def answers_from_a_phone(day: Day) -> None:
    """A question comes; it is answered at another device, and the desk sees that."""
    question = call("ask", question="Which log shall I **count**?", options=["today's", "all"])
    await day.write("@scout Ask me something.", question)
    await day.desk.find("button", "Answer scout")
    async with open_page(day.chromium) as page:
        await page.viewport(360, 740)
        await page.media(prefers_color_scheme="light", prefers_reduced_motion="reduce")
        phone = Person(page)
        await log_in(day, phone)
        assert await page.overflow() == 0
        # The first page says what waits, and leads there.
        await phone.click("link", re.compile("scout asks"))
        await phone.click("radio", "today's")
        await phone.click("button", "Answer scout")
        await phone.gone("button", "Answer scout")
        assert page.problems == []
    await day.desk.gone("button", "Answer scout")
    await day.hive.wait_settled("scout")
    assert any("today's" in body for body in await day.hive.mail("scout"))


async def mentions_two(day: Day) -> None:
    """One message goes to two agents, and both answer."""
    both = call("send", to="operator", body="I am here.")
    await day.write("@scout @manager Who is there?", both)
    mail = "document.querySelector('#inbox').innerText"
    await day.page.wait(f"({mail}.match(/I am here/g) ?? []).length === 2", 30)
    for name in ("scout", "manager"):
        await day.desk.find("button", f"Reply to {name}")


async def follows_a_thread(day: Day) -> None:
    """An agent writes, the operator answers, and all of it can be seen together."""
    me = day.desk
    await day.write("@scout Report.", call("send", to="operator", body="I counted 4711 lines."))
    inbox = await me.find("list", re.compile("^Messages to you"))
    mail = await me.saying("I counted 4711 lines.", "listitem", within=inbox)
    await me.click("button", "Reply to scout", mail)
    await me.page.type("Which one is the longest?")
    await me.page.press("Enter")
    row = await me.saying("Which one is the longest?", "article")
    await me.click("button", re.compile("^Thread of message"), row)
    thread = re.compile("^Messages of this thread")
    for words in ("I counted 4711 lines.", "Which one is the longest?"):
        await me.reads(words, "list", thread)
    await me.click("button", "✕ Close")


async def searches(day: Day) -> None:
    """Something is found again by a word of it, and its place has an address."""
    me, page = day.desk, day.page
    await page.eval("document.activeElement.blur()")
    await page.press("/")
    await page.type("4711 from:scout")
    await page.press("Enter")
    hits = await me.find("list", "What was found, newest first")
    await me.click("link", re.compile("I counted 4711 lines"), hits)
    await page.wait("/^#message-[0-9]+$/.test(location.hash)")
    await page.wait("document.activeElement.innerText.includes('I counted 4711 lines')")


async def goes_on_over_a_daemon_that_is_killed(day: Day) -> None:
    """The daemon dies and comes back below the open page, which misses and doubles nothing."""
    me, page, hive = day.desk, day.page, day.hive
    home = (await hive.operator("urls"))["urls"]["home"]
    hive.words[-1] = re.findall(r":(\d+)", home)[0]
    before = await page.eval(SEEN)
    page.expected += LOST
    hive.kill_daemon()
    await me.reads("reconnecting", "status")
    await hive.start()
    await me.reads("live", "status")
    for part in LOST:
        page.expected.remove(part)
    await day.write("@scout", call("send", to="operator", body="after the night"))
    await page.wait("/after the night/.test(document.querySelector('#inbox').innerText)", 30)
    after = await page.eval(SEEN)
    assert after[: len(before)] == before
    assert len(after) == len(set(after))


async def destroys_revives_and_purges(day: Day) -> None:
    """An agent goes, comes back as it was, and goes without a trace."""
    me = day.desk
    await ends(me, "Destroy")
    await me.do("go to kept state")
    await me.click("button", "Revive scout")
    await me.click("button", "Approve new agent scout")
    await me.find("button", "Restart scout")
    await day.hive.wait_settled("scout")
    await ends(me, "Destroy")
    await me.click("button", "Purge the state of scout")
    await me.click("button", "Purge")
    await me.gone("button", "Purge the state of scout")
    assert not (day.hive.paths.agents / "scout").exists()


async def ends(me: Person, what: str) -> None:
    """Destroy or purge scout, by what its row offers when it is unfolded."""
    await me.do(f"{what} scout")
    await me.click("button", what)
    await me.gone("link", "scout")
