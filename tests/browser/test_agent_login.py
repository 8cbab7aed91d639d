"""Logging an agent in on its page: the button, a link that leads to claude only, the code."""

from __future__ import annotations

from tests.browser import opened
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer


async def test_a_login_shows_its_link_takes_the_code_and_opens_nothing_else(
    page: Page, server: PageServer
) -> None:
    def on_post(path: str, fields: dict[str, str]) -> None:
        del fields
        if path.endswith("/login-start"):
            running = {"output": "visit:", "url": "https://evil.example/", "finished": False}
            server.agent.state["login"] = {**running, "exit_note": None}

    server.on_post = on_post
    server.agent.state["status"] = "needs_login_idle"
    await opened(page, server.agent_url)
    await page.click("#login button.go")
    await page.wait("document.querySelector('#login pre').innerText === 'visit:'")
    assert await page.eval("document.querySelector('#login a').hidden")
    server.agent.state["login"]["url"] = "https://claude.com/cai/oauth?x=1"
    await page.wait("!document.querySelector('#login a').hidden")
    assert await page.eval("document.querySelector('#login a').href.startsWith('https://claude')")
    await page.click("#login input[name=code]")
    await page.type("abc#1")
    await page.press("Enter")
    assert await server.wait_posted("/agent/alice/api/login-code") == {"code": "abc#1"}
    server.agent.state |= {"login": None, "status": "online"}
    server.agent.publish("status_changed", status="online")
    await page.wait("document.querySelector('#login').hidden")
