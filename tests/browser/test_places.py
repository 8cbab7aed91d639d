"""What needs the operator comes first, and every address leads to what it names."""

from __future__ import annotations

import pytest

from tests.browser import LIVE, leave_dialog, opened, show_tab
from tests.browser.test_search import FOUND
from tests.fakes import page_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer

TAB = "document.querySelector('#main').dataset.tab"
FOCUS = "document.activeElement"
TOAST = "document.querySelector('.toast.bad')?.innerText"


async def reopened(page: Page, url: str) -> None:
    """Open an address anew, although it may differ from the present one in its hash alone."""
    await page.navigate("about:blank")
    await opened(page, url)


async def phone(page: Page) -> None:
    """Make the window as small as a phone's."""
    await page.viewport(360, 740)


async def test_each_thing_that_needs_the_operator_is_a_line_that_leads_to_its_place(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    first = "document.querySelector('#main section').id"
    assert await page.eval(first) == "overview"
    lines = await page.eval(
        "[...document.querySelectorAll('.need')].map((one) => one.dataset.need)"
    )
    assert lines == [
        *("agent dave", "approval 7", "approval 8", "approval 9", "question 3", "reminder 2"),
        *("mail 11", "mail 12"),
    ]
    assert await page.eval("document.title") == "(8) hyperhive"
    for line, focus in {
        "agent dave": "dataset.agent === 'dave'",
        "approval 8": "dataset.approval === '8'",
        "question 3": "dataset.question === '3'",
        "reminder 2": "dataset.reminder === '2'",
        "mail 11": "closest('#inbox') && document.activeElement.dataset.message === '11'",
    }.items():
        await page.click(f"[data-need='{line}'] a")
        await page.wait(f"{FOCUS}.{focus}")
    # Once more, although the address is the same: it leads there all the same.
    await page.eval("document.querySelector('#compose').focus()")
    await page.click("[data-need='mail 11'] a")
    await page.wait(f"{FOCUS}.dataset.message === '11'")
    lively.dashboard.publish("acked", to="operator", ids=[11, 12])
    await page.wait("document.title === '(6) hyperhive'")


async def test_when_nothing_needs_the_operator_the_page_says_so_and_how_many_work(
    page: Page, server: PageServer
) -> None:
    server.dashboard.state["containers"].append(scenes.container("bob", turn_state="thinking"))
    await opened(page, server.url)
    assert "Nothing needs you. 1 of 2 agents at work, 1 idle." in await page.text("#overview")
    failed = scenes.job(3, "rebuild", "bob", state="failed", ended_at=scenes.NOW, note="no space")
    server.dashboard.publish("job_changed", job=failed)
    await page.wait("document.querySelector('.need').innerText.includes('no space')")
    await page.click(".need .dismiss")
    await page.wait("document.querySelector('#overview').innerText.includes('Nothing needs you')")
    await reopened(page, server.url)
    assert "Nothing needs you" in await page.text("#overview")


async def test_an_error_of_the_hive_is_told_in_the_overview_and_nowhere_else(
    page: Page, server: PageServer
) -> None:
    await opened(page, server.url)
    low = {"kind": "disk_low", "level": "error", "message": "9 MiB left", "about": []}
    mute = {"kind": "forge", "level": "warning", "message": "silent for 9 s", "about": []}
    server.dashboard.publish("notices_changed", notices=[low, mute])
    await page.wait("document.querySelectorAll('.need').length === 1")
    assert "9 MiB left" in await page.text(".need")
    assert await page.eval("document.querySelector('#notices').textContent") == (
        "!Warning: silent for 9 s✕"
    )


async def test_on_a_phone_the_tab_is_in_the_address(page: Page, lively: PageServer) -> None:
    await phone(page)
    await opened(page, lively.url)
    assert await page.eval(f"{TAB}") == "home"
    await page.click(".tab[data-tab=decisions]")
    await page.wait("document.querySelector('#approvals').checkVisibility()")
    assert await page.eval("location.hash") == "#decisions"
    assert not await page.eval("document.querySelector('#overview').checkVisibility()")
    assert await page.text(".tab[aria-current=page] .number") == "4"
    await page.click(".tab[data-tab=system]")
    await page.wait("document.querySelector('#jobs').checkVisibility()")
    await page.eval("history.back()")
    await page.wait(f"{TAB} === 'decisions'")
    await page.eval("history.back()")
    await page.wait(f"{TAB} === 'home'")
    await page.eval("history.forward()")
    await page.wait(f"{TAB} === 'decisions'")
    await page.send("Page.reload")
    await page.wait(f"{LIVE} && document.querySelector('#approvals').checkVisibility()")


async def test_on_a_phone_what_is_wanted_of_another_tab_is_shown(
    page: Page, lively: PageServer
) -> None:
    lively.answers["/api/search"] = (200, FOUND)
    await phone(page)
    await opened(page, lively.url)
    await show_tab(page, "agents")
    await page.click("[data-agent=alice] .actions button")
    await page.wait(f"{FOCUS}.id === 'compose' && {FOCUS}.checkVisibility()")
    assert await page.eval("location.hash") == "#talk"
    await page.eval("history.back()")
    await page.wait(f"{TAB} === 'agents'")
    await page.press("j")
    await page.wait(f"{FOCUS}.dataset.approval === '7' && {FOCUS}.checkVisibility()")
    await page.click(".tab[data-tab=home]")
    await page.click("[data-need='mail 12'] a")
    await page.wait(f"{FOCUS}.dataset.message === '12' && {FOCUS}.checkVisibility()")
    await page.click("#search")
    await page.type("needle")
    await page.press("Enter")
    await page.wait("document.querySelector('#found').checkVisibility()")
    assert await page.eval("location.search") == "?q=needle"


@pytest.mark.parametrize("width", [360, 1280])
async def test_a_link_to_one_thing_opens_it(page: Page, lively: PageServer, width: int) -> None:
    await page.viewport(width, 740)
    lively.job_lines = ["it builds"]
    await opened(page, f"{lively.url}#agent-bob")
    await page.wait(f"{FOCUS}.dataset.agent === 'bob' && {FOCUS}.checkVisibility()")
    await page.eval("location.hash = 'approval-7'")
    await page.wait(f"{FOCUS}.dataset.approval === '7'")
    await page.eval("location.hash = 'approval-4'")
    await page.wait("document.querySelector('dialog.side .diff-file')")
    await page.press("Escape")
    await page.wait(f"{FOCUS}.closest('[data-decided=\"4\"]')")
    await page.wait("!document.querySelector('dialog')")
    # Older than what the snapshot holds.
    lively.decided = [scenes.approval(2, "zoe", status="denied", resolved_at=2.0, note="no room")]
    lively.decided += [{**lively.decided[0], "id": 1, "fetched_sha": "3f" * 20}]
    await page.eval("location.hash = 'approval-1'")
    await page.wait("document.querySelector('dialog.side .diff-file')")
    await leave_dialog(page)
    await page.eval("location.hash = 'approval-2'")
    await page.wait("document.querySelector('.toast')?.innerText.includes('no room')")
    lively.closed_questions = [
        scenes.question(1, "zoe", "Blue?", answer="no, red", answerer="operator", how="answered")
    ]
    lively.old_jobs = [scenes.job(5, "rebuild", "zoe", state="done", ended_at=3.0)]
    await page.eval("location.hash = 'question-1'")
    await page.wait("document.querySelector('dialog.side [data-closed]').innerText.includes('red')")
    await page.press("Escape")
    await page.wait("!document.querySelector('dialog')")
    await page.eval("location.hash = 'job-5'")
    await page.wait("document.querySelector('dialog.side .job-log').innerText.includes('builds')")
    await page.press("Escape")
    await page.wait("!document.querySelector('dialog')")
    await page.eval("location.hash = 'mail-9'")
    await page.wait(f"{FOCUS}.matches('#flow [data-message=\"9\"].found')")
    await page.eval("location.hash = 'question-2'")
    await page.wait(f"{FOCUS}.dataset.closed === '2'")
    await page.eval("location.hash = 'reminders'")
    await page.wait(f"{FOCUS}.id === 'reminders' && {FOCUS}.open")
    await page.eval("location.hash = 'message-9'")
    await page.wait(f"{FOCUS}.matches('#flow [data-message=\"9\"].found')")
    await reopened(page, f"{lively.url}#job-18")
    await page.wait("document.querySelector('dialog.side .job-log').innerText.includes('builds')")


async def test_every_thing_has_a_link_of_its_own(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    for place, link in {
        "#approvals h2": "#approvals",
        "[data-agent=alice]": "#agent-alice",
        "[data-approval='7']": "#approval-7",
        "[data-decided='6']": "#approval-6",
        "[data-question='3']": "#question-3",
        "[data-closed='2']": "#question-2",
        "[data-job='21']": "#job-21",
        "[data-job='18']": "#job-18",
    }.items():
        assert await page.count(f"{place} a[href='{link}']") == 1, place
    await page.click("#inputs summary")
    assert await page.eval("location.hash") == "#inputs"


@pytest.mark.parametrize("gone", ["agent-nobody", "approval-999", "question-999", "job-999"])
async def test_a_link_to_what_is_gone_says_so(page: Page, lively: PageServer, gone: str) -> None:
    page.expected = ["404"]
    await opened(page, f"{lively.url}#{gone}")
    await page.wait(f"{TOAST}?.includes('{gone.rpartition('-')[2]}')")
