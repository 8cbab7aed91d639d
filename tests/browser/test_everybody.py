"""The dashboard for everybody: any width, any theme, keyboard, screen reader, hostile text."""

from __future__ import annotations

import pytest

from tests.browser import TABS, opened, show_tab
from tests.fakes import page_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer

SIZES = [(1280, 900), (768, 1024), (360, 740)]


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_no_width_makes_the_page_scroll_sideways(
    page: Page, lively: PageServer, width: int, height: int
) -> None:
    await page.viewport(width, height)
    await opened(page, lively.url)
    for selector in ("#reminders", "#kept", "#decided", "#built", "#inputs", "#answered", "#tasks"):
        await page.eval(f"document.querySelector('{selector}').open = true")
    for tab in TABS:
        await show_tab(page, tab)
        assert await page.overflow() == 0


async def test_hostile_text_stays_text(page: Page, server: PageServer) -> None:
    body = (
        "<img src=x onerror=document.title='owned'> <script>document.title='owned'</script>\n\n"
        "[click](javascript:document.title='owned') ![far](https://example.org/a.png)\n\n"
        "<form action=/destroy/alice><button>win</button></form> <a href='https://ok.example'>x</a>"
    )
    server.dashboard.history = [scenes.sent(1, "alice", "operator", body)]
    server.dashboard.state["inbox"] = [scenes.message(1, "alice", "operator", body)]
    await opened(page, server.url)
    for place in ("#inbox .md", "#flow .md"):
        assert await page.count(f"{place} :is(img, script, form, button, [onerror], [style])") == 0
        assert await page.count(f"{place} a[href^=javascript]") == 0
        assert "<img src=x" in await page.text(place)
    assert not any("example.org" in url for url in page.requests)
    assert "owned" not in await page.eval("document.title")


async def test_links_open_elsewhere_and_tell_nothing(page: Page, server: PageServer) -> None:
    text = "see [docs](https://example.org/docs) and https://example.org/plain"
    server.dashboard.state["inbox"] = [scenes.message(1, "alice", "operator", text)]
    await opened(page, server.url)
    links = await page.eval(
        "[...document.querySelectorAll('#inbox .md a')].map((a) => [a.href, a.target, a.rel])"
    )
    rel = "noopener noreferrer nofollow"
    assert links == [
        ["https://example.org/docs", "_blank", rel],
        ["https://example.org/plain", "_blank", rel],
    ]


async def test_without_the_libraries_texts_are_plain(page: Page, server: PageServer) -> None:
    page.expected = ["404"]
    server.answers["/static/vendor/marked.js"] = (404, {})
    server.dashboard.state["inbox"] = [scenes.message(1, "alice", "operator", "**bold**")]
    await opened(page, server.url)
    assert "**bold**" in await page.text("#inbox .mail")


async def test_the_theme_follows_the_system_until_one_is_chosen(
    page: Page, server: PageServer
) -> None:
    await opened(page, server.url)
    background = "getComputedStyle(document.documentElement).backgroundColor"
    assert await page.eval(background) == "rgb(30, 30, 46)"
    await page.media(prefers_color_scheme="light")
    assert await page.eval(background) == "rgb(239, 241, 245)"
    await page.click("#theme")
    await page.click("#theme")
    assert await page.eval(background) == "rgb(30, 30, 46)"
    await opened(page, server.url)
    assert await page.eval(background) == "rgb(30, 30, 46)"


async def test_leet_is_a_skin_and_plain_words_are_underneath(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("[data-agent=alice] .more summary")
    tree = await page.send("Accessibility.getFullAXTree")
    names = {
        (node["role"]["value"], node["name"]["value"])
        for node in tree["nodes"]
        if not node["ignored"] and "name" in node
    }
    assert ("heading", "Containers") in names
    assert ("button", "Restart alice") in names
    assert ("button", "Purge alice") in names
    assert not any("C0NT" in name or "R3ST" in name for _, name in names)
    unnamed = [node for node in tree["nodes"] if not node["ignored"] and is_unnamed(node)]
    assert unnamed == []


def is_unnamed(node: scenes.Json) -> bool:
    """Return whether a control has no name for assistive technology."""
    controls = {"button", "link", "textbox", "combobox", "radio", "checkbox"}
    return node["role"]["value"] in controls and not node.get("name", {}).get("value")


async def test_every_control_is_reached_by_keyboard_with_a_visible_focus(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.press("Tab")
    assert await page.eval("document.activeElement.className") == "skip-link"
    seen = []
    for _ in range(200):
        await page.press("Tab")
        seen.append(await page.eval(FOCUS))
        if seen[-1] is None:
            break
    shown = [one for one in seen if one is not None]
    assert [one for one in shown if not one["visible"]] == []
    wanted = await page.eval(
        "[...document.querySelectorAll('button, a[href], textarea, input, select, summary')]"
        ".filter((n) => n.checkVisibility() && n.type !== 'hidden' && n.type !== 'radio'"
        " && !n.matches('.skip-link')).length"
    )
    assert len({one["key"] for one in shown}) >= wanted


FOCUS = """(() => {
  const node = document.activeElement;
  if (!node || node === document.body || node.className === 'skip-link') return null;
  window.focusKeys ??= new Map();
  if (!window.focusKeys.has(node)) window.focusKeys.set(node, window.focusKeys.size);
  const own = getComputedStyle(node);
  const box = node.closest('.prompt');
  const visible = own.outlineStyle !== 'none'
    || (box && getComputedStyle(box).boxShadow !== 'none');
  const what = node.outerHTML.slice(0, 80);
  return {key: window.focusKeys.get(node), visible: Boolean(visible), what};
})()"""


async def test_live_changes_do_not_move_what_is_being_read(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    top = "document.querySelector('[data-agent=carol]').getBoundingClientRect().top"
    before = await page.eval(top)
    side = lively.dashboard
    for unread in range(3):
        row = scenes.container("bob", rate_limited=True, active_model="opus", unread=unread)
        side.publish("container_state_changed", container=row)
    await page.wait("document.querySelector('[data-agent=bob]').innerText.includes('2 waiting')")
    assert await page.eval(top) == before
