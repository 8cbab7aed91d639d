"""A browser that is logged in, and everything hostile it can be led to: nothing acts as it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.browser import Chromium, Page, open_page
from tests.fakes.hostile_page import ATTEMPTS, hostile_page
from tests.fakes.waiting import until
from tests.integration.web.dashboard import Browser, browsing
from tests.integration.web.test_agent_proxy import raw_harness, reply, scripted_harness

REFUSED = {"refused", "nothing"}
SENT_BLINDLY = {"blind post", "kept alive post", "beacon"}
"""What leaves without an answer that the page could see."""
SCRIPT = "<script>window.top.pwned = 1; fetch('/op-send', {method: 'POST'})</script>"


async def enter(page: Page, browser: Browser) -> str:
    """Log the tab in at a real daemon; returns the dashboard's address."""
    page.expected.append("")
    url = browser.hive.address.url
    assert url is not None
    home = url.rstrip("/")
    await page.navigate(home + browser.hive.access.new_login_link())
    await page.wait("document.querySelector('#main:not([aria-busy]) #containers')")
    return home


async def nothing_was_done(browser: Browser) -> None:
    """Check that bob runs, that he has no mail, and that the log holds no action."""
    await browser.hive.audit.settle()
    rows = [row.entry for row in browser.hive.audit.newest(200)]
    assert not [
        each
        for each in rows
        if each.surface == "page" and each.action != "log_in" and each.outcome in {"begun", "done"}
    ]
    assert (await browser.daemon.agent("bob", "recv", max=32))["messages"] == []
    row = browser.hive.view.row("bob")  # type: ignore[arg-type]
    assert row is not None
    assert row.running


async def denied(browser: Browser) -> set[str]:
    """Return what the door recorded."""
    await browser.hive.audit.settle()
    rows = [row.entry for row in browser.hive.audit.newest(200)]
    return {each.action for each in rows if each.actor == "nobody"}


@pytest.mark.parametrize("site", ["same_site", "cross_site"])
async def test_a_page_of_somebody_else_reads_nothing_and_does_nothing(
    short_tmp: Path, page: Page, site: str
) -> None:
    async with browsing(short_tmp, "bob") as browser, hostile_page() as hostile:
        home = await enter(page, browser)
        await page.navigate(getattr(hostile, site))
        got: dict[str, Any] = await page.eval(f"{ATTEMPTS}({json.dumps(home)})")
        assert {name for name, what in got.items() if what not in REFUSED} <= SENT_BLINDLY, got
        await nothing_was_done(browser)
        if site == "same_site":
            # The cookie came along, and was not enough.
            assert {"act_from_elsewhere", "read_from_elsewhere"} <= await denied(browser)
        await page.navigate(home + "/")
        await page.wait("document.querySelector('#main:not([aria-busy]) #containers')")


async def test_a_name_that_was_rebound_to_this_host_gets_no_page_and_no_data(
    short_tmp: Path, page: Page
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        await enter(page, browser)
        await page.navigate(f"http://evil.localhost:{browser.port}/")
        assert "does not answer to the name" in await page.text("body")
        status = await page.eval("fetch('/api/state').then((answer) => answer.status)")
        posted = await page.eval(
            "fetch('/op-send', {method: 'POST', body: new URLSearchParams({to: 'bob', body: 'x'})})"
            ".then((answer) => answer.status)"
        )
        assert (status, posted) == (403, 403)
        assert "ask_by_another_name" in await denied(browser)
        await nothing_was_done(browser)


async def test_a_login_link_that_was_used_logs_no_other_browser_in(
    short_tmp: Path, page: Page, chromium: Chromium
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        home = await enter(page, browser)
        link = home + browser.hive.access.new_login_link()
        await page.navigate(link)
        async with open_page(chromium) as other:
            other.expected.append("")
            await other.navigate(link)
            assert "login-link" in await other.text("body")
            assert await other.eval("fetch('/api/state').then((answer) => answer.status)") == 401
        assert "log_in" in await denied(browser)


async def test_an_opened_dashboard_is_out_of_reach_of_its_opener(
    short_tmp: Path, page: Page
) -> None:
    async with browsing(short_tmp, "bob") as browser, hostile_page() as hostile:
        home = await enter(page, browser)
        await page.navigate(hostile.same_site)
        await page.eval(f"window.opened = window.open({json.dumps(home + '/')}); undefined")
        # The browser has taken the two apart: for its opener the window is gone.
        await page.wait("window.opened === null || window.opened.closed")
        await nothing_was_done(browser)


HOSTILE_ANSWERS = {
    "a page": reply("text/html", SCRIPT),
    "a script": reply("text/javascript", "window.top.pwned = 1"),
    "a picture with a script": reply("image/svg+xml", f"<svg>{SCRIPT}</svg>"),
    "a way elsewhere": reply(
        "text/html", SCRIPT, "Location: http://evil.localhost/", status="302 Found"
    ),
    "a way to an action": reply("text/plain", "x", "Location: /kill/bob", status="307 Moved"),
    "a page called text": reply("text/plain", SCRIPT, "X-Content-Type-Options: none"),
    "a page called json": reply("application/json", SCRIPT),
    "a cookie": reply("application/json", "{}", "Set-Cookie: hive_session=mine; Path=/"),
    "a policy": reply(
        "text/plain", SCRIPT, "Content-Security-Policy: default-src * 'unsafe-inline'"
    ),
    "cleared data": reply("application/json", "{}", 'Clear-Site-Data: "*"'),
    "a refresh": reply("text/plain", SCRIPT, "Refresh: 0;url=/login?token=x"),
    "a service worker": reply("text/javascript", "", "Service-Worker-Allowed: /"),
}


@pytest.mark.parametrize("name", HOSTILE_ANSWERS)
async def test_what_a_hostile_harness_answers_runs_nothing_and_changes_nothing(
    short_tmp: Path, page: Page, name: str
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        home = await enter(page, browser)
        async with raw_harness(browser, HOSTILE_ANSWERS[name]) as asked:
            # As a document, as a script of the dashboard's own page, and as a worker of it.
            await page.navigate(f"{home}/agent/bob/api/state")
            assert await page.eval("window.pwned === undefined")
            # A failure is told as a page of ours, with the one script that keeps its theme.
            scripts = await page.eval("[...document.scripts].map((one) => one.src)")
            assert set(scripts) <= {f"{home}/static/shared/theme_boot.js"}
            assert await page.eval("location.href") == f"{home}/agent/bob/api/state"
            await page.navigate(f"{home}/")
            await page.wait("document.querySelector('#main:not([aria-busy]) #containers')")
            script = await page.eval(
                """new Promise((done) => {
                  const node = document.createElement("script");
                  node.src = "/agent/bob/api/state";
                  node.onload = () => done("loaded");
                  node.onerror = () => done("refused");
                  document.body.append(node);
                }).then((how) => how + " " + (window.pwned ?? ""))"""
            )
            worker = await page.eval(
                "navigator.serviceWorker.register('/agent/bob/api/state')"
                ".then(() => 'registered', () => 'refused')"
            )
            assert (script.strip(), worker) == ("refused", "refused")
            # Its own page: ours, with whatever data that is.
            await page.navigate(f"{home}/agent/bob/")
            assert await page.eval("window.pwned === undefined")
            assert b"cookie" not in b"".join(asked).lower()
        assert await page.eval("fetch('/api/state').then((answer) => answer.status)") == 200
        await nothing_was_done(browser)


EVIL = "<img src=x onerror='window.pwned = 1'><script>window.pwned = 1</script>"


def hostile_state() -> dict[str, Any]:
    """Return a state with markup wherever there may be text."""
    words = ("label", "role", "status", "model", "turn_state", "session_id", "version", "trouble")
    return {
        **dict.fromkeys(words, EVIL),
        **dict.fromkeys(("ctx_usage", "cost_usage", "last_turn_ms")),
        "demo": False,
        "seq": 0,
        "turn_state_since": 0,
        "inbox": [],
        "notices": [{"level": "error", "message": EVIL}],
    }


async def test_an_agents_page_is_no_door_to_the_dashboard_for_what_its_harness_says(
    short_tmp: Path, page: Page
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        home = await enter(page, browser)
        async with raw_harness(browser, reply("application/json", json.dumps(hostile_state()))):
            await page.navigate(f"{home}/agent/bob/")
            await page.wait("document.querySelector('textarea')")
            assert await page.eval("window.pwned === undefined")
            assert await page.count("img[src=x]") == 0
        await nothing_was_done(browser)


FRAMES = (
    "event: open\nid: -1\ndata: {}",
    "event: error\nid: 99999999999999999999\ndata: {}",
    "event: reset\nid: ../../kill/bob\ndata: x",
    "event: message\nid: \x1b[2J\nretry: 1\ndata: {}",
    'data: {"kind": "__proto__", "seq": {}, "constructor": 1}',
    "data: " + json.dumps({"kind": "note", "seq": 1, "text": EVIL, "source": EVIL}),
    "data: " + json.dumps({"kind": "turn_start", "seq": 2, "from": EVIL, "body": EVIL}),
    "data: " + json.dumps({"kind": "stream", "seq": 3, "line": {"type": EVIL, "message": [EVIL]}}),
    "data: " + json.dumps({"kind": "stream", "seq": 4, "line": EVIL * 20_000}),
    "data: " + json.dumps({"kind": "turn_end", "seq": 5, "ok": False, "note": EVIL}),
    "data: <script>window.pwned = 1</script>",
    # Nothing is younger than that.
    "data: " + json.dumps({"kind": "note", "seq": 1e99, "text": EVIL, "source": EVIL}),
)


async def test_a_stream_of_forged_events_runs_nothing_and_leaves_the_dashboard_alone(
    short_tmp: Path, page: Page
) -> None:
    events = "".join(f"{each}\n\n" for each in FRAMES).encode()
    stream = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + events
    history = {"seq": 0, "events": [{"kind": "note", "text": EVIL}, None, 7, {"kind": EVIL}]}
    answers = {
        b"/api/state": reply("application/json", json.dumps(hostile_state())),
        b"/events/history": reply("application/json", json.dumps(history)),
        b"/events/stream": stream,
    }
    async with browsing(short_tmp, "bob") as browser:
        home = await enter(page, browser)
        async with scripted_harness(browser, answers) as asked:
            await page.navigate(f"{home}/agent/bob/")
            # It comes to its end, and the page asks for what follows: twice at least.
            await until(lambda: sum(each.startswith(b"GET /events/stream") for each in asked) > 1)
            assert await page.eval("window.pwned === undefined && ({}).constructor === Object")
            assert await page.count("img[src=x]") == 0
            assert await page.eval("location.pathname") == "/agent/bob/"
        told = b"".join(asked).lower()
        assert b"cookie" not in told
        assert browser.cookie.encode().lower() not in told
        await page.navigate(f"{home}/")
        await page.wait("document.querySelector('#main:not([aria-busy]) #containers')")
        await nothing_was_done(browser)
