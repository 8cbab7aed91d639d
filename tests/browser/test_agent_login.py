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


async def test_a_login_that_is_over_is_not_shown_any_more(page: Page, server: PageServer) -> None:
    running = {"output": "visit:", "url": "https://claude.ai/x", "finished": False}
    server.agent.state |= {
        "status": "needs_login_in_progress",
        "login": {**running, "exit_note": None},
    }
    await opened(page, server.agent_url)
    await page.wait("document.querySelector('#login').innerText.includes('Logging in')")
    server.agent.state |= {
        "status": "needs_login_idle",
        "login": {**running, "finished": True, "exit_note": "it was cancelled"},
    }
    server.agent.publish("status_changed", status="needs_login_idle")
    await page.wait("document.querySelector('#login').innerText.includes('it was cancelled')")
    server.agent.publish("status_changed", status="online")
    await page.wait("document.querySelector('#login').hidden")
    server.agent.state["login"] = None
    server.agent.publish("status_changed", status="needs_login_idle")
    await page.wait(
        "!document.querySelector('#login').hidden"
        " && !document.querySelector('#login').innerText.includes('cancelled')"
    )


async def test_an_agent_that_went_away_while_it_was_logged_in_shows_no_login(
    page: Page, server: PageServer
) -> None:
    page.expected = ["503"]
    running = {"output": "visit:", "url": "https://claude.ai/x", "finished": False}
    server.agent.state |= {
        "status": "needs_login_in_progress",
        "login": {**running, "exit_note": None},
    }
    await opened(page, server.agent_url)
    await page.wait("!document.querySelector('#login').hidden")
    stopped = {"error": {"code": "stopped", "message": "alice is not running: start it"}}
    for path in ("/events/stream", "/api/state", "/events/history"):
        server.answers[path] = (503, stopped)
    server.agent.cut()
    await page.wait("document.querySelector('#login').hidden", 20)
