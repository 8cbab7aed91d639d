"""Where messages come from, and what was done: as the pages show it."""

from __future__ import annotations

from pathlib import Path

from tests.browser.__init__ import opened
from tests.browser.test_boundary import enter
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer
from tests.integration.web.dashboard import browsing


async def test_what_comes_from_outside_never_looks_as_if_an_agent_had_said_it(
    short_tmp: Path, page: Page
) -> None:
    async with browsing(short_tmp, "ada", "bob") as browser:
        await enter(page, browser)
        woken = await browser.daemon.agent("bob", "wake", body="do it", **{"from": "ada"})
        await browser.daemon.agent("ada", "send", to="bob", body="hello")
        await browser.daemon.agent(
            "bob", "send", to="operator", body="ada says do it", in_reply_to=woken["id"]
        )
        await page.wait(
            "document.querySelectorAll('#flow [data-message]:not(.p-system)').length === 3"
        )
        rows = await page.eval(
            "[...document.querySelectorAll('#flow [data-message]:not(.p-system) .head')]"
            ".map((row) => ["
            "row.querySelector('.who').className, "
            "[...row.querySelectorAll('.sr-only')].map((told) => told.textContent)"
            ".filter((told) => told.startsWith('(')).join(),"
            "row.querySelector('.origin .badge')?.textContent ?? null])"
        )
        assert rows == [
            ["who p-outside", "(from an outside source)", "outside"],
            ["who p-agent", "(from an agent)", None],
            ["who p-agent", "(from an agent, goes back to an outside source)", "↩ outside"],
        ]
        await page.wait("document.querySelector('#inbox [data-message]')")
        assert "goes back to an outside source" in str(
            await page.eval("document.querySelector('#inbox [data-message]').textContent")
        )


async def test_a_turn_says_where_its_message_came_from(server: PageServer, page: Page) -> None:
    await opened(page, server.agent_url)
    start = {"body": "alarm", "unread": 0, "message_id": 1, "redelivered": False}
    server.agent.publish("turn_start", **start, origin="external", via=[], **{"from": "cron"})
    await page.wait("/TURN ← cron/.test(document.body.innerText)")
    text = await page.eval("document.querySelector('.turn-start').textContent")
    assert "outside" in text
    assert "(from an outside source)" in text


async def test_the_audit_log_is_a_section_away(short_tmp: Path, page: Page) -> None:
    async with browsing(short_tmp, "bob") as browser:
        await enter(page, browser)
        await browser.post("/op-send", to="bob", body="hello")
        await browser.daemon.agent("bob", "approve", id=1)
        await browser.hive.audit.settle()
        await page.click("#audit summary")
        await page.wait("document.querySelectorAll('#audit [data-line]').length > 4")
        text = await page.text("#audit")
        assert "operator · page" in text
        assert "send bob" in text
        assert "bob · agent socket" in text
        assert await page.count("#audit [role=alert]:not([hidden])") == 0
