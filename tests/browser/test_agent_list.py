"""Agents on the dashboard: below whom each stands, and a line each where they are many."""

from __future__ import annotations

from tests.browser import opened
from tests.fakes import page_scenes as scenes
from tests.fakes.axe import LOOKS, violations
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer

FOCUS = "document.activeElement"
SHOWN = (
    "[...document.querySelectorAll('[data-agent]:not([hidden])')]"
    ".map((one) => one.dataset.agent).join()"
)
BOB = "document.querySelector('[data-agent=bob]')"


def many(count: int) -> list[scenes.Json]:
    """Return the manager, bob below it, and agents below bob."""
    rows = [scenes.container("manager"), scenes.container("bob", parent="manager")]
    return rows + [scenes.container(f"w{n}", parent="bob") for n in range(count - 2)]


async def test_an_agent_stands_below_its_parent(page: Page, server: PageServer) -> None:
    server.dashboard.state["containers"] = [
        *many(3),
        scenes.container("zoe", parent="gone", ctx_tokens=61_200),
    ]
    await opened(page, server.url)
    assert await page.eval(SHOWN) == "manager,bob,w0,zoe"
    levels = "[...document.querySelectorAll('[data-agent]')].map((one) => one.ariaLevel).join()"
    assert await page.eval(levels) == "1,2,3,1"
    left = "document.querySelector('[data-agent={}]').getBoundingClientRect().left"
    assert await page.eval(f"{left.format('w0')} > {left.format('bob')}")
    assert await page.eval(f"{BOB}.querySelector('.top').textContent.includes('below manager')")
    assert "ctx · 61k" in await page.text("[data-agent=zoe]")
    orphaned = scenes.container("w0")
    server.dashboard.publish("container_state_changed", container=orphaned)
    await page.wait("document.querySelector('[data-agent=w0]').ariaLevel === '1'")


async def test_above_ten_agents_each_is_a_line_that_opens_by_keyboard_and_pointer(
    page: Page, server: PageServer
) -> None:
    server.dashboard.state["containers"] = many(12)
    await opened(page, server.url)
    height = f"{BOB}.getBoundingClientRect().height"
    assert await page.eval(height) < 50
    assert not await page.eval(f"{BOB}.querySelector('.actions').checkVisibility()")
    await page.eval(f"{BOB}.querySelector('.fold').focus()")
    await page.press("Enter")
    await page.wait(f"{BOB}.querySelector('.actions').checkVisibility()")
    assert await page.eval(f"{FOCUS}.getAttribute('aria-expanded')") == "true"
    await page.press("Enter")
    await page.wait(f"!{BOB}.querySelector('.actions').checkVisibility()")
    await page.click("[data-agent=bob] .badge")
    await page.wait(f"{BOB}.querySelector('.actions').checkVisibility()")
    failed = scenes.container("w3", running=False, failed=True, note="its disk is full")
    server.dashboard.publish("container_state_changed", container=failed)
    await page.wait("document.querySelector('[data-agent=w3]').dataset.needs === 'danger'")
    assert "its disk is full" in await page.text("[data-agent=w3] .brief")
    assert await page.eval(f"{BOB}.querySelector('.actions').checkVisibility()")
    await page.eval("location.hash = 'agent-w5'")
    await page.wait("document.querySelector('[data-agent=w5] .actions').checkVisibility()")
    assert await violations(page, LOOKS[:1], "#containers") == []
    await page.eval("location.hash = 'agents'")
    assert await violations(page, LOOKS[1:], "#containers") == []
    assert await page.overflow() == 0


async def test_a_notice_about_many_agents_names_a_few_and_leads_to_all(
    page: Page, server: PageServer
) -> None:
    names = [f"w{n}" for n in range(40)]
    text = f"Stopped or paused, and their messages wait: {', '.join(names)}"
    told = {"kind": "off", "level": "info", "message": text, "about": names}
    server.dashboard.state |= {"containers": many(42), "notices": [told]}
    await page.viewport(360, 740)
    await opened(page, server.url)
    said = await page.text("#notices .strip")
    assert "w5, and 34 more" in said
    assert "w6" not in said
    assert await page.eval("document.querySelector('#notices .strip').offsetHeight") < 120
    await page.click("#notices a[href='#containers']")
    await page.wait("document.querySelector('#main').dataset.tab === 'agents'")


async def test_on_a_phone_no_badge_of_a_line_is_cut(page: Page, server: PageServer) -> None:
    rows = many(12)
    rows[2] |= {"needs_update": True, "rate_limited": True, "unread": 3, "pending_reminders": 2}
    server.dashboard.state["containers"] = rows
    await page.viewport(360, 740)
    await opened(page, f"{server.url}#agents")
    await page.wait("document.querySelector('[data-agent=w0] .badges').children.length >= 3")
    cut = """[...document.querySelectorAll('.agent.line .badges .badge')].filter((one) => {
        const box = one.getBoundingClientRect(), all = one.parentElement.getBoundingClientRect();
        return box.right > all.right + 1 && box.top < all.bottom; }).length"""
    assert await page.eval(cut) == 0
    first = "document.querySelector('[data-agent=w0] .badges .badge').getBoundingClientRect()"
    assert await page.eval(f"{first}.right") < 360
    assert "needs update" in await page.eval(
        "document.querySelector('[data-agent=w0] button.badge').textContent"
    )
    assert await page.overflow() == 0


async def test_the_eleventh_agent_closes_no_row_that_has_the_focus(
    page: Page, server: PageServer
) -> None:
    server.dashboard.state["containers"] = many(10)
    await opened(page, server.url)
    assert not await page.eval("document.querySelector('#agent-filter').checkVisibility()")
    await page.eval(f"{BOB}.querySelector('.actions button').focus()")
    server.dashboard.publish("container_state_changed", container=scenes.container("zoe"))
    await page.wait("document.querySelector('#agent-filter').checkVisibility()")
    assert await page.eval(f"{BOB}.querySelector('.actions').contains({FOCUS})")
    assert not await page.eval(
        "document.querySelector('[data-agent=w0] .actions').checkVisibility()"
    )


async def test_a_filter_leaves_agents_by_name_and_state_and_hides_none_that_is_wanted(
    page: Page, server: PageServer
) -> None:
    server.dashboard.state["containers"] = many(12)
    asked = scenes.question(3, "w4", "Which one?")
    server.dashboard.state["questions"] = [asked]
    await opened(page, server.url)
    await page.click("#agent-filter")
    await page.type("needs you")
    await page.wait(f"{SHOWN} === 'w4'")
    assert "1 shown" in await page.text("#containers > header")
    busy = scenes.container("w7", parent="bob", turn_state="thinking")
    server.dashboard.publish("container_state_changed", container=busy)
    await page.press("Escape")
    await page.type("working")
    await page.wait(f"{SHOWN} === 'w7'")
    await page.type(" nothing")
    await page.wait(
        "document.querySelector('#containers').innerText.includes('No agent is called')"
    )
    await page.eval("location.hash = 'agent-w2'")
    await page.wait(f"{FOCUS}.dataset.agent === 'w2' && {FOCUS}.checkVisibility()")
    assert await page.eval("document.querySelector('#agent-filter').value") == ""


LINKS = [
    {"label": "forecast", "url": "https://weather.example:8443/now"},
    {"label": "turns", "url": "stats"},
    {"label": "run", "url": "javascript:alert(1)"},
    {"label": "else\u202ewhere", "url": "https://a.example/"},
    {"label": "<img src=x onerror=alert(1)>"[:24], "url": "https://user@a.example/"},
    {"label": "W" * 24, "url": f"https://{'w' * 60}.example/"},
    {"label": "<b>bold</b>", "url": "http://127.0.0.1:1/"},
]
SEEN = """[...document.querySelectorAll('.agent-links a')].map((one) => [one.innerText,
  one.getAttribute('href'), one.title, one.target, one.rel].join(' '))"""

INSIDE = """[...document.querySelectorAll('.agent-links a, .agent-icon:not([hidden])')]
  .every((one) => one.checkVisibility() && one.getBoundingClientRect().right <= innerWidth)"""


async def test_an_icon_and_links_are_shown_and_lead_to_nothing_that_runs(
    page: Page, server: PageServer
) -> None:
    alice = scenes.container("alice", icon="🌦️", links=LINKS)
    server.dashboard.state["containers"] = [alice, scenes.container("bob", icon="a\u202eb")]
    tab = "_blank noopener noreferrer"
    wide = "w" * 60
    for place in (server.url, server.agent_url):
        await opened(page, place)
        await page.wait("document.querySelectorAll('.agent-links a').length === 4")
        assert await page.eval(SEEN) == [
            "forecast ↗ https://weather.example:8443/now weather.example:8443 " + tab,
            f"turns ↗ /agent/alice/stats the page of alice {tab}",
            f"{'W' * 24} ↗ https://{wide}.example/ {wide}.example {tab}",
            f"<b>bold</b> ↗ http://127.0.0.1:1/ 127.0.0.1:1 {tab}",
        ]
        icons = "[...document.querySelectorAll('.agent-icon:not([hidden])')]"
        assert await page.eval(f"{icons}.map((one) => one.innerText).join()") == "🌦️"
        assert await page.eval(f"{icons}.every((one) => one.ariaHidden === 'true')")
        await page.eval("location.hash = 'agents'")
        assert await violations(page, LOOKS, ".agent, .head") == []
        await page.viewport(360, 740)
        assert await page.overflow() == 0
        assert await page.eval(INSIDE)
    await page.viewport(1280, 900)
    await opened(page, server.url)
    await page.wait("document.querySelectorAll('.agent-links a').length === 4")
    await page.eval("document.querySelector('.agent-links a').focus()")
    assert await page.eval(f"{FOCUS}.innerText") == "forecast ↗"
    changed = scenes.container("alice", icon="", links=LINKS[:1], turn_state="thinking")
    server.dashboard.publish("container_state_changed", container=changed)
    await page.wait("document.querySelectorAll('.agent-links a').length === 1")
    assert await page.eval(f"{FOCUS}.innerText") == "forecast ↗"
    assert await page.eval(f"{icons}.length") == 0
