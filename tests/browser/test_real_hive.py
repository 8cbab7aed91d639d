"""A browser at a real hive: log in once, make an agent, write to it, see the answer arrive live."""

from __future__ import annotations

import os
from pathlib import Path

import trio

from tests.e2e.stage import REAL, STAND_IN, Stage, spawn, stage
from tests.fakes.browser import Page

SHOTS = Path(os.environ.get("HIVE_SHOTS", "tests/shots"))
SLOWLY = '!say {"text": "one two three four five six seven eight", "pause_s": 2}'
SHOWN = "[...document.querySelectorAll('.log [data-seq]')].map((n) => Number(n.dataset.seq))"
HELLO = '!tool send {"to": "operator", "body": "hello from the sandbox"}'


async def log_in(hive: Stage, page: Page) -> str:
    """Open the dashboard by a one-time link; returns its address."""
    url: str = (await hive.operator("login_link"))["url"]
    await page.navigate(url)
    await page.wait("document.querySelector('#main:not([aria-busy]) #containers')")
    return url


async def test_from_the_login_link_to_an_answer_without_a_reload(
    short_tmp: Path, page: Page
) -> None:
    # With the stand-in, and much more: `test_whole_day.py`.
    async with stage(short_tmp, REAL, "live") as hive:
        await log_in(hive, page)
        await page.eval("window.wasNotReloaded = true")
        await page.click("#new-agent")
        await page.type("alice")
        await page.press("Enter")
        await page.wait("/alice/.test(document.querySelector('#approvals').innerText)")
        await page.click("[data-approval] .primary")
        await page.wait("/h-alice/.test(document.querySelector('#containers').innerText)")
        await page.click("#compose")
        await page.type(f"@alice {HELLO}")
        await page.press("Enter")
        await page.wait(
            "/hello from the sandbox/.test(document.querySelector('#inbox').innerText)", 30
        )
        assert await page.eval("window.wasNotReloaded === true")
        await hive.wait_settled("alice")
        await page.screenshot(SHOTS / "dashboard-real.png")
        # A page that stays open asks for a hive that is gone.
        await page.navigate("about:blank")


async def test_the_agents_page_shows_the_turn_takes_a_prompt_and_says_what_it_took(
    short_tmp: Path, page: Page
) -> None:
    async with stage(short_tmp, REAL, "live") as hive:
        await log_in(hive, page)
        await spawn(hive, "alice")
        await hive.wait_settled("alice")
        home = (await hive.operator("urls"))["urls"]["home"].rstrip("/")
        await page.navigate(f"{home}/agent/alice/")
        await page.wait("document.querySelector('textarea:not([disabled])')", 20)
        await page.click("textarea")
        await page.type(f"{HELLO}\n{SLOWLY}")
        await page.press("Enter")
        # It is read while claude still speaks.
        said = "document.querySelector('.log-tail').textContent"
        await page.wait(f"/^one two/.test({said}) && !/eight/.test({said})", 30)
        await page.wait("/turn ok/.test(document.body.innerText)", 30)
        text = await page.text("body")
        await page.screenshot(SHOTS / "agent-real.png")
        await page.click("#search")
        await page.type("SEVEN eight")
        await page.press("Enter")
        # Once as it was asked for and once as it was said; claude's result says it again, unseen.
        await page.wait("document.querySelectorAll('.hit').length === 2", 20)
        await page.eval("document.querySelector('.hit a').click()")
        await page.wait("/^one two/.test(document.querySelector('.target').innerText)")
        await page.click("[href=stats]")
        await page.wait("document.querySelector('#chart-cost canvas')", 20)
        tiles = await page.text(".tiles")
        await page.navigate("about:blank")
        # From the agent's own file, by the daemon's fenced program.
        found = (await hive.operator("stats", name="alice"))["stats"]
    assert f"${found['cost_usd']:.4f}" in tiles
    assert found["tools"]["mcp__hyperhive__send"] == 1
    assert (found["results"]["ok"], found["wakes"]["operator"]) == (found["turns"], 1)
    assert found["tokens"]["input"] > found["context_last"] > 0
    assert "TURN ← operator" in text
    assert "send → operator" in text
    assert text.count("seven eight") == 2, "once as it was asked for, once as it was said"


async def test_a_used_login_link_does_not_log_in_again(short_tmp: Path, page: Page) -> None:
    page.expected.append("401")
    async with stage(short_tmp, STAND_IN, "live") as hive:
        url = await log_in(hive, page)
        await page.send("Network.clearBrowserCookies")
        await page.navigate(url)
        assert "login-link" in await page.text("body")
        await page.navigate("about:blank")


async def test_the_page_comes_back_live_after_the_daemon_was_killed(
    short_tmp: Path, page: Page
) -> None:
    page.expected += ["ERR_", "Failed to load", "EventSource"]
    async with stage(short_tmp, STAND_IN, "live", port=17431) as hive:
        await log_in(hive, page)
        await spawn(hive, "alice")
        await page.wait("/h-alice/.test(document.querySelector('#containers').innerText)")
        hive.kill_daemon()
        await trio.lowlevel.checkpoint()
        await hive.start()
        await hive.send("alice", '!tool send {"to": "operator", "body": "after the crash"}')
        await page.wait("/after the crash/.test(document.querySelector('#inbox').innerText)", 40)
        await _no_row_is_lost_or_doubled(hive, page)


async def _no_row_is_lost_or_doubled(hive: Stage, page: Page) -> None:
    """On the agent's own page, which follows its harness through the daemon that is killed."""
    home = (await hive.operator("urls"))["urls"]["home"].rstrip("/")
    await page.navigate(f"{home}/agent/alice/")
    await page.wait("document.querySelector('#connection').dataset.status === 'live'", 20)
    await page.eval("window.wasNotReloaded = true")
    hive.kill_daemon()
    await trio.lowlevel.checkpoint()
    await hive.start()
    await hive.send("alice", "!say the last words")
    await page.wait(
        "/the last words\\s*✓\\s*turn ok/.test(document.querySelector('.log').innerText)", 40
    )
    followed = await page.eval(SHOWN)
    assert await page.eval("window.wasNotReloaded === true")
    await page.navigate(f"{home}/agent/alice/")
    await page.wait("document.querySelectorAll('.log .turn-ok').length > 1", 20)
    assert followed == await page.eval(SHOWN)
