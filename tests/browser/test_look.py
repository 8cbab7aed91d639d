"""How the pages look to whom: words, theme, motion, contrast, and the icon of the tab."""

from __future__ import annotations

import pytest

from tests.browser import opened
from tests.fakes import agent_scenes
from tests.fakes import page_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_server import FAILED, PageServer

ICON = "document.querySelector('link[rel=icon]').getAttribute('href')"
PAGES = ("", "agent/alice/", "agent/alice/stats", "agent/alice/screen", "login", FAILED[1:])
SHOWN_LEET = """[...document.querySelectorAll('.leet')].filter((one) => one.checkVisibility())
  .map((one) => one.innerText)"""
# The manager's container is called hm1nd wherever it is spoken of.
SPOKEN_LEET = """[...document.querySelectorAll('body *')].filter((one) =>
  one.childElementCount === 0 && one.checkVisibility() && !one.closest('[aria-hidden=true]')
  && !one.closest('code, .log')
  && /[a-z][0-9][a-z]|[A-Z][0-9][A-Z]/.test(one.textContent.replace('hm1nd', '')))
  .map((one) => one.textContent)"""
READY = "document.querySelector('h1') && !document.querySelector('#main[aria-busy]')"
MOVING = """document.getAnimations().filter((one) => {
  const { duration, iterations } = one.effect.getComputedTiming();
  return duration > 1 || iterations > 1; }).length"""


async def test_plain_words_and_a_theme_that_were_chosen_hold_on_every_page(
    page: Page, lively: PageServer
) -> None:
    page.expected.append("404")
    lively.agent.history = agent_scenes.history(agent_scenes.turn())
    await opened(page, lively.url)
    assert await page.eval(f"{SHOWN_LEET}.length") > 10
    assert await page.eval(SPOKEN_LEET) == []
    await page.press("l")
    await page.press("t")
    for path in PAGES:
        await page.navigate(lively.url + path)
        await page.wait(READY)
        assert await page.eval(SHOWN_LEET) == [], path
        assert await page.eval(SPOKEN_LEET) == [], path
        ground = await page.eval("getComputedStyle(document.documentElement).backgroundColor")
        assert ground == "rgb(239, 241, 245)", path


@pytest.mark.parametrize(("wish", "least"), [("reduce", 0), ("no-preference", 1)])
async def test_nothing_moves_for_who_wants_no_motion(
    page: Page, lively: PageServer, wish: str, least: int
) -> None:
    await page.media(prefers_color_scheme="dark", prefers_reduced_motion=wish)
    busy = scenes.container("bob", transient="rebuilding", transient_since=scenes.NOW)
    await opened(page, lively.url)
    lively.dashboard.publish("container_state_changed", container=busy)
    await page.wait("document.querySelector('[data-agent=bob] .badge.transient')")
    moving = await page.eval(MOVING)
    assert (moving > 0) == (least > 0)


async def test_forced_colours_leave_what_is_chosen_and_what_has_the_focus_to_be_seen(
    page: Page, lively: PageServer
) -> None:
    await page.media(forced_colors="active")
    await opened(page, lively.url)
    await page.click("#compose")
    outline = "getComputedStyle(document.querySelector(%r)).outlineStyle"
    assert await page.eval(outline % ".prompt") == "solid"
    await page.press("k", control=True)
    await page.wait("document.querySelector('.palette [aria-selected=true]')")
    assert await page.eval(outline % ".palette [aria-selected=true]") == "solid"


async def test_more_contrast_makes_the_quiet_text_as_strong_as_the_plain(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    colour = "getComputedStyle(document.querySelector(%r)).color"
    quiet = await page.eval(colour % ".muted")
    await page.media(prefers_color_scheme="dark", prefers_contrast="more")
    assert await page.eval(colour % ".muted") == await page.eval(colour % "html") != quiet


async def test_the_icon_of_the_tab_has_a_dot_while_something_waits_for_the_operator(
    page: Page, server: PageServer
) -> None:
    await opened(page, server.url)
    assert await page.eval(ICON) == "/static/shared/icon.svg"
    server.dashboard.publish("approval_added", approval=scenes.approval(5, "eve"))
    await page.wait(f"{ICON} === '/static/shared/icon_waiting.svg'")
    assert await page.eval(f"fetch({ICON}).then((got) => got.status)") == 200
    gone = scenes.approval(5, "eve", status="denied", resolved_at=scenes.NOW)
    server.dashboard.publish("approval_resolved", approval=gone)
    await page.wait(f"{ICON} === '/static/shared/icon.svg'")
