"""axe finds nothing to mend on any view, in either theme, on a desk and on a phone."""

from __future__ import annotations

import pytest

from tests.browser import TABS, leave_dialog, opened, show_tab
from tests.browser.test_notifications import REPORT
from tests.browser.test_screen_page import COLOUR, IN_CONTROL, phase
from tests.browser.test_search import FOUND
from tests.fakes import agent_scenes, xvnc
from tests.fakes import page_scenes as scenes
from tests.fakes.axe import LOOKS, OTHERS, Looks, violations
from tests.fakes.browser import Page
from tests.fakes.page_server import FAILED, PageServer
from tests.fakes.turns import busy_month

PALETTE = "document.querySelector('dialog.palette[open]')"
OPEN = "document.querySelectorAll('details').forEach((one) => (one.open = true))"
AUDIT = {"rows": [], "faults": ["line 7 does not follow from line 6"]}


@pytest.fixture(params=[LOOKS, pytest.param(OTHERS, marks=pytest.mark.slow)], ids=["", "others"])
def looks(request: pytest.FixtureRequest) -> Looks:
    """Each width and each theme once; the other way round every night."""
    found: Looks = request.param
    return found


async def in_the_palette(page: Page, looks: Looks) -> list[str]:
    """Return what axe finds in the palette of commands, opened by its keys and closed again."""
    await page.press("k", control=True)
    await page.wait(PALETTE)
    found = await violations(page, looks, "dialog[open]")
    assert await page.count(".palette [role=option]") > 1
    await page.press("Escape")
    await page.wait(f"!{PALETTE}")
    return found


async def test_axe_finds_nothing_on_a_hive_that_was_just_started(
    page: Page, server: PageServer, looks: Looks
) -> None:
    await opened(page, server.url)
    found = await violations(page, looks)
    assert found == [], "\n".join(found)


async def test_axe_finds_nothing_on_a_hive_at_work_with_everything_open(
    page: Page, lively: PageServer, looks: Looks
) -> None:
    lively.answers["/api/audit"] = (200, AUDIT)
    lively.answers["/api/notifications"] = (200, REPORT)
    await opened(page, lively.url)
    await page.wait("document.querySelectorAll('.changes .files li').length")
    await page.eval(OPEN)
    found = await violations(page, looks[:1])
    for tab in TABS:
        await show_tab(page, tab)
        found += await violations(page, looks[1:])
    assert found == [], "\n".join(found)


async def test_axe_finds_nothing_in_what_opens_over_the_dashboard(
    page: Page, lively: PageServer, looks: Looks
) -> None:
    await opened(page, lively.url)
    await page.click("[data-approval='8'] .calm")
    await page.wait("document.querySelectorAll('.diff-file').length")
    found = await violations(page, looks, "dialog[open]")
    await leave_dialog(page)
    await show_tab(page, "decisions")
    await page.click("[data-approval='8'] .danger")
    await page.wait("document.querySelector('dialog[open] textarea')")
    found += await violations(page, looks, "dialog[open]")
    await leave_dialog(page)
    await show_tab(page, "agents")
    await page.click("[data-agent=alice] .logs")
    await page.wait("document.querySelector('dialog.side pre').textContent.includes('another')")
    found += await violations(page, looks, "dialog[open]")
    await leave_dialog(page)
    await page.eval("location.hash = '#thread-12'")
    await page.wait("document.querySelector('dialog .thread .found')")
    found += await violations(page, looks, "dialog[open]")
    await leave_dialog(page)
    lively.closed_questions = [scenes.question(1, "zoe", "Blue?", answer="no", how="answered")]
    await page.eval("location.hash = '#question-1'")
    await page.wait("document.querySelector('dialog.side [data-closed]')")
    found += await violations(page, looks, "dialog[open]")
    await leave_dialog(page)
    await show_tab(page, "talk")
    await page.click("#compose")
    await page.type("@")
    await page.wait("document.querySelector('.suggestions li')")
    found += await violations(page, looks, ".prompt")
    assert found == [], "\n".join(found)


async def test_axe_finds_nothing_in_what_a_search_has_found(
    page: Page, lively: PageServer, looks: Looks
) -> None:
    lively.answers["/api/search"] = (200, FOUND)
    await opened(page, lively.url)
    await page.click("#search")
    await page.type("needle from:bob")
    await page.press("Enter")
    await page.wait("document.querySelectorAll('#found .hit').length === 2")
    found = await violations(page, looks)
    assert found == [], "\n".join(found)


async def test_axe_finds_nothing_on_the_pages_without_a_script(
    page: Page, server: PageServer, looks: Looks
) -> None:
    page.expected.append("404")
    for path, title in (("login", "Log in"), (FAILED[1:], "Not found")):
        await page.navigate(server.url + path)
        assert await page.text("h1") == title
        assert await page.overflow() == 0
        found = await violations(page, looks)
        assert found == [], "\n".join(found)


async def test_axe_finds_nothing_on_an_agents_page_with_rows_of_every_kind(
    page: Page, server: PageServer, looks: Looks
) -> None:
    server.agent.history = agent_scenes.history(agent_scenes.turn())
    await opened(page, server.agent_url)
    await page.wait("!document.querySelector('#network').hidden")
    await page.eval(OPEN)
    found = await violations(page, looks)
    await page.click("#search")
    await page.type("parser")
    await page.wait("document.querySelector('.found-list a')")
    found += await violations(page, looks)
    assert found == [], "\n".join(found)


async def test_axe_finds_nothing_on_the_statistics(
    page: Page, server: PageServer, looks: Looks
) -> None:
    server.turns = busy_month()
    await page.navigate(server.agent_url + "stats?window=30d")
    await page.wait("document.querySelectorAll('.plot canvas').length === 7")
    await page.eval(OPEN)
    found = await violations(page, looks)
    found += await in_the_palette(page, looks)
    assert found == [], "\n".join(found)


async def test_axe_finds_nothing_on_a_screen_that_cannot_be_reached(
    page: Page, server: PageServer, looks: Looks
) -> None:
    await page.navigate(server.agent_url + "screen")
    await page.wait("document.querySelector('#screen-state').dataset.phase !== 'connected'")
    found = await violations(page, looks)
    found += await in_the_palette(page, looks)
    assert found == [], "\n".join(found)


async def test_axe_finds_nothing_on_a_screen_that_is_seen_and_on_one_that_is_held(
    page: Page, server: PageServer, looks: Looks
) -> None:
    # noVNC says so of what comes while it is left for one that is held.
    page.expected.append("Got data while in an invalid state")
    async with xvnc.serving(COLOUR) as screen:
        server.screen.port = screen.port
        await page.navigate(server.agent_url + "screen")
        await page.wait(phase("connected"), 30)
        await page.eval(OPEN)
        found = await violations(page, looks)
        await page.click("#take")
        await page.wait(IN_CONTROL, 30)
        found += await violations(page, looks)
        assert found == [], "\n".join(found)
        await page.navigate("about:blank")
