"""Everything by keyboard: the palette of commands, single keys, and a focus that stays."""

from __future__ import annotations

from tests.browser import leave_dialog, opened
from tests.fakes import agent_scenes
from tests.fakes import page_scenes as scenes
from tests.fakes.axe import LOOKS, violations
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer

PALETTE = "document.querySelector('dialog.palette[open]')"
CHOSEN = "document.querySelector('.palette [aria-selected=true]').innerText"
FOCUS = "document.activeElement"


async def do(page: Page, words: str) -> None:
    """Open the palette, type, and do the first that fits."""
    await page.press("k", control=True)
    await page.wait(f"{PALETTE} && {FOCUS}.ariaLabel === 'What to do'")
    await page.type(words)
    await page.wait(CHOSEN)
    await page.press("Enter")
    await page.wait(f"!{PALETTE}")


async def test_whatever_can_be_pressed_on_the_dashboard_is_a_command(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await do(page, "restart alice")
    assert await lively.wait_posted("/restart/alice") == {}
    await do(page, "pause bob")
    assert await lively.wait_posted("/set-paused/bob") == {"paused": "true"}
    await do(page, "write to alice")
    assert await page.eval(f"{FOCUS}.id") == "compose"
    await do(page, "go to reminders")
    assert await page.eval(f"[{FOCUS}.id, {FOCUS}.open].join()") == "reminders,true"
    await do(page, "colour theme")
    assert await page.eval("document.documentElement.dataset.theme") == "light"
    await do(page, "approve frank")
    assert await lively.wait_posted("/approve/7") == {}
    await do(page, "hold the messages")
    assert await page.eval("document.querySelector('#flow .log').getAttribute('aria-live')") == (
        "off"
    )
    before = await page.count(".message")
    lively.dashboard.publish(**scenes.sent(50, "alice", "bob", "while held"))
    await page.wait("document.querySelector('#flow .pill').innerText === '↓ 1 new'")
    assert await page.count(".message") == before
    await do(page, "hold the messages")
    await page.wait(f"document.querySelectorAll('.message').length === {before + 1}")


async def test_the_palette_keeps_the_focus_and_gives_it_back(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.eval("document.querySelector('[data-agent=bob] .logs').focus()")
    await page.press(":")
    await page.wait(PALETTE)
    for _ in range(5):
        await page.press("Tab")
        assert await page.eval(f"{PALETTE}.contains({FOCUS}) || {FOCUS} === document.body")
    await page.eval(f"{PALETTE}.querySelector('input').focus()")
    await page.type("no such thing")
    await page.wait(f"{PALETTE}.innerText.includes('Nothing here is called that')")
    await page.press("Escape")
    await page.wait(f"!{PALETTE}")
    assert await page.eval(f"{FOCUS}.ariaLabel") == "Logs of bob"


async def test_what_waits_is_gone_through_and_decided_by_single_keys(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.press("a")
    await page.press("j")
    assert await page.eval(f"{FOCUS}.dataset.approval") == "7"
    await page.press("j")
    await page.press("v")
    await page.wait("document.querySelectorAll('.diff-file').length")
    await page.press("Escape")
    await page.wait(
        f"!document.querySelector('dialog') && {FOCUS}.closest('[data-approval=\"8\"]')"
    )
    await page.press("d")
    await page.wait("document.querySelector('dialog[open] textarea')")
    await leave_dialog(page)
    await page.press("a")
    await lively.wait_posted("/approve/8")
    assert [path for path, _ in lively.requests] == ["/approve/8"]


async def test_single_keys_can_be_switched_off_and_never_act_in_a_field(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("#compose")
    await page.press("t")
    assert await page.eval("document.querySelector('#compose').value") == "t"
    assert await page.eval("document.documentElement.dataset.theme ?? ''") == ""
    await page.eval(f"{FOCUS}.blur()")
    await page.press("?")
    await page.wait("document.querySelector('#single-keys').checked")
    await page.click("#single-keys")
    assert await violations(page, LOOKS, "dialog[open]") == []
    await leave_dialog(page)
    await opened(page, lively.url)
    for key in ("t", "?", ":", "/"):
        await page.press(key)
    assert await page.count("dialog") == 0
    assert await page.eval(f"{FOCUS} === document.body")
    assert await page.eval("document.documentElement.dataset.theme ?? ''") == ""
    await do(page, "shortcuts")
    assert not await page.eval("document.querySelector('#single-keys').checked")


async def test_whatever_can_be_pressed_on_an_agents_page_is_a_command(
    page: Page, server: PageServer
) -> None:
    server.agent.history = agent_scenes.history(agent_scenes.turn())
    await opened(page, server.agent_url)
    await do(page, "rebuild")
    await server.wait_posted("/rebuild/alice")
    await do(page, "message to the agent")
    assert await page.eval(f"{FOCUS}.id") == "prompt"
    await page.eval(f"{FOCUS}.blur()")
    await page.press("h")
    await page.wait("document.querySelector('#hold').ariaPressed === 'true'")
    await page.press("k", control=True)
    await page.wait(PALETTE)
    assert await violations(page, LOOKS, "dialog[open]") == []
    assert await page.overflow() == 0


async def test_the_focus_stays_where_it_is_while_rows_change_and_move(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    bob = "document.querySelector('[data-agent=bob]')"
    await page.eval(f"{bob}.querySelector('form[action=\"/restart/bob\"] button').focus()")
    row = scenes.container("bob", turn_state="thinking", status_text="at work")
    lively.dashboard.publish("container_state_changed", container=row)
    await page.wait(f"{bob}.innerText.includes('at work')")
    assert await page.eval(f"{FOCUS}.title") == "Restart"
    stopped = scenes.container("bob", running=False, turn_state="offline")
    lively.dashboard.publish("container_state_changed", container=stopped)
    await page.wait(f"{bob}.dataset.running === 'false'")
    # "Restart" is hidden now: what comes next in the row has the focus.
    assert await page.eval(f"{bob}.contains({FOCUS}) && {FOCUS}.checkVisibility()")
    await page.eval("document.querySelector('[data-job=\"23\"] button').focus()")
    moved = scenes.job(23, "meta_update", None, state="running", step="locking", started_at=1.0)
    lively.dashboard.publish("job_changed", job={**moved, "args": {"inputs": '["hyperhive"]'}})
    await page.wait("document.querySelector('[data-job=\"23\"]').innerText.includes('locking')")
    assert await page.eval(f"{FOCUS}.closest('[data-job]')?.dataset.job") == "23"
