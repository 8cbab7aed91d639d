"""Threads in a real browser: a tree that grows, is answered in, and stays usable on a phone.

The message flow too, narrowed to some of it.
"""

from __future__ import annotations

import json

from tests.browser import leave_dialog, opened
from tests.fakes import page_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer

SHOWN = "[...document.querySelectorAll('dialog .thread [data-message]')]"
NUMBERS = f"{SHOWN}.map((one) => Number(one.dataset.message))"


async def press(page: Page, selector: str) -> None:
    """Press a button that is there, wherever it stands."""
    await page.eval(f"document.querySelector({json.dumps(selector)}).click()")


def publish(server: PageServer, number: int, sender: str, to: str, parent: int | None) -> None:
    """Let a message be sent."""
    frame = scenes.sent(number, sender, to, f"number {number}", in_reply_to=parent)
    server.dashboard.history.append(frame)
    fields = {key: value for key, value in frame.items() if key != "kind"}
    server.dashboard.publish("sent", **fields)


async def test_a_thread_opens_as_a_tree_grows_live_and_is_answered_in_place(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await press(page, "#inbox [data-message='12'] [title*=thread]")
    await page.wait(f"{NUMBERS}.join() === '9,12'")
    publish(lively, 40, "alice", "bob", 9)
    publish(lively, 41, "bob", "alice", 40)
    await page.wait(f"{NUMBERS}.join() === '9,12,40,41'")
    depths = f"{SHOWN}.map((one) => one.style.getPropertyValue('--depth')).join()"
    assert await page.eval(depths) == "0,1,1,1"
    await press(page, "dialog [data-message='40'] .tag")
    await page.wait("document.activeElement.dataset.message === '9'")
    # Who is answered is chosen at the message; both of them may be meant.
    await press(page, "dialog [data-message='41'] [aria-label^=Answer]")
    await page.wait("document.activeElement.id === 'thread-answer'")
    await page.click("dialog .thread-box input[value=alice]")
    assert "goes to bob and alice" in await page.text("dialog .thread-box")
    await page.click("#thread-answer")
    await page.type("stop, both of you")
    await page.press("Enter")
    posted = await lively.wait_posted("/op-send")
    assert posted == {"to": "bob,alice", "body": "stop, both of you", "in_reply_to": "41"}
    await page.wait("document.querySelector('#thread-answer').value === ''")
    assert await page.eval("location.hash") == "#thread-12"
    await leave_dialog(page)
    assert await page.eval("location.hash") == ""


async def test_what_was_typed_into_a_thread_is_there_when_it_is_opened_again(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    for number, text in ((12, ""), (9, "half a thought")):
        await page.eval(f"location.hash = '#thread-{number}'")
        await page.wait("document.querySelector('dialog .found')")
        assert await page.eval("document.querySelector('#thread-answer').value") == text
        await page.click("#thread-answer")
        await page.type("half a thought" if not text else "")
        publish(lively, 50 + number, "alice", "operator", number)
        await page.wait(f"{NUMBERS}.includes({50 + number})")
        assert await page.eval("document.activeElement.id") == "thread-answer"
        await leave_dialog(page)


async def test_old_mail_that_was_not_read_is_counted_and_shown_when_it_is_wanted(
    page: Page, lively: PageServer
) -> None:
    mail = [scenes.message(number, "bob", "operator", f"news {number}") for number in range(120)]
    lively.dashboard.state["inbox"] = mail[::-1]
    await opened(page, lively.url)
    assert "120 unread" in await page.text("#inbox header")
    assert await page.count("#inbox .mail") == 50
    await page.click("#inbox .older")
    await page.wait("document.querySelectorAll('#inbox .mail').length === 120")
    assert await page.eval("document.activeElement.matches('#inbox .inbox')")


async def test_a_very_deep_and_wide_thread_is_folded_and_read_on_a_phone(
    page: Page, lively: PageServer
) -> None:
    await page.viewport(360, 740)
    deep = [
        scenes.sent(at, "alice", "bob", f"number {at}", in_reply_to=at - 1 if at > 20 else None)
        for at in range(20, 340)
    ]
    # Every fifth has a second answer, so the tree steps to the right again and again.
    wide = [
        scenes.sent(1000 + at, "bob", "alice", "x" * 300, in_reply_to=at)
        for at in range(20, 320, 5)
    ]
    lively.dashboard.history = [*deep, *wide]
    await opened(page, lively.url)
    await page.eval("location.hash = '#thread-1315'")
    await page.wait(f"{SHOWN}.length === 380")
    await page.wait("document.querySelector('dialog .found')?.dataset.message === '1315'")
    assert await page.overflow() == 0
    widest = f"Math.min(...{SHOWN}.map((one) => one.clientWidth))"
    assert await page.eval(widest) > 240
    await press(page, "dialog [data-message='20'] .fold-answers")
    await page.wait(f"{NUMBERS}.join() === '20'")
    assert "379 below" in await page.text("dialog [data-message='20']")


async def test_the_flow_shows_one_agent_or_one_kind_and_links_show_all_again(
    page: Page, lively: PageServer
) -> None:
    shown = "[...document.querySelectorAll('#flow [data-message]')].map((n) => n.dataset.message)"
    lively.dashboard.history = [
        scenes.sent(at, "alice", "operator" if at % 300 == 0 else "bob", f"number {at}")
        for at in range(1, 1200)
    ]
    await opened(page, lively.url)
    await page.wait(f"{shown}.at(-1) === '1199'")
    await page.wait("document.querySelector('#flow .log').ariaLive === 'polite'")
    await page.eval(
        "(() => { const log = document.querySelector('#flow .log'); window.heard = [];"
        " new MutationObserver(() => window.heard.push(log.ariaLive))"
        ".observe(log, {attributes: true, attributeFilter: ['aria-live']}) })()"
    )
    await choose(page, "kind", "to-operator")
    await page.wait(f"{shown}.join() === '300,600,900'")
    # What is read of the history is no news: it is not read out.
    await page.wait("window.heard[0] === 'off' && window.heard.at(-1) === 'polite'")
    publish(lively, 2000, "bob", "alice", None)
    publish(lively, 2001, "bob", "operator", None)
    await page.wait(f"{shown}.join() === '300,600,900,2001'")
    assert await page.count("#flow [data-message='2001'][data-unread]") == 1
    lively.dashboard.publish("acked", to="operator", ids=[2001])
    await page.wait("!document.querySelector('#flow [data-message=\"2001\"][data-unread]')")
    await opened(page, lively.url)
    await page.wait(f"{shown}.join() === '300,600,900,2001'")
    await choose(page, "agent", "bob")
    await page.wait(f"{shown}.join() === '2001'")
    await page.eval("location.hash = '#message-700'")
    await page.wait("document.querySelector('#flow [data-message=\"700\"].found')")
    await page.wait(f"{shown}.includes('701')")


async def choose(page: Page, name: str, value: str) -> None:
    """Choose in one of the lists above the flow."""
    await page.eval(
        f"(() => {{ const one = document.querySelector('#flow select[name={name}]');"
        f" one.value = '{value}'; one.dispatchEvent(new Event('change', {{bubbles: true}})) }})()"
    )
