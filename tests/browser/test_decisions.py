"""What the operator decides over is shown as it is by then, in a real browser."""

from __future__ import annotations

from tests.browser import leave_dialog, opened
from tests.fakes import page_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer

PANEL = "dialog.side[open]"
DRAWN = "document.querySelectorAll('.diff-file').length === 2"


def told(status: str, note: str | None) -> scenes.Json:
    """What approval 8 has become."""
    return scenes.approval(
        8, "alice", kind="apply_commit", status=status, note=note, fetched_sha="5e" * 20
    )


async def test_an_open_diff_asks_for_no_decision_that_was_made_elsewhere(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("[data-approval='8'] .calm")
    await page.wait(DRAWN)
    await page.eval(f"document.querySelector('{PANEL} footer .go').focus()")
    lively.dashboard.publish(
        "approval_resolved", approval=told("denied", "from the other\u202e one")
    )
    await page.wait(f"document.querySelector('{PANEL} footer .action').hidden")
    assert (await page.text(f"{PANEL} footer")).strip() == "It is denied: from the otherU+202E one"
    assert await page.count(f"{PANEL} footer form:not([hidden])") == 0
    assert await page.eval(f"document.querySelector('{PANEL}').contains(document.activeElement)")
    assert await page.count(".diff-file") == 2


async def test_after_a_decision_in_the_panel_the_next_tab_goes_on_from_its_section(
    page: Page, lively: PageServer
) -> None:
    def decided(path: str, _: dict[str, str]) -> None:
        # The frame is there before the answer, so the card is gone when the panel closes.
        assert path == "/approve/8"
        lively.dashboard.publish("approval_resolved", approval=told("approved", None))

    lively.on_post = decided
    await opened(page, lively.url)
    await page.click("[data-approval='8'] .calm")
    await page.wait(DRAWN)
    await page.click(f"{PANEL} footer .go")
    await page.wait("!document.querySelector('dialog')")
    await page.wait("!document.querySelector('[data-approval=\"8\"]')")
    await page.wait("document.activeElement.id === 'approvals'")


async def test_the_log_of_a_job_that_has_begun_says_that_it_runs(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    begun = scenes.job(22, "rebuild", "bob", state="running", step="building", started_at=1.0)
    lively.dashboard.publish("job_changed", job=begun)
    await page.wait("document.querySelector('[data-job=\"22\"]').dataset.state === 'running'")
    await page.click("[data-job='22'] .logs")
    await page.wait(f"document.querySelector('{PANEL} header .badge')")
    assert await page.text(f"{PANEL} header .badge > span:last-child") == "running"


async def test_an_answer_to_choose_cannot_be_read_backwards(page: Page, lively: PageServer) -> None:
    evil = "keep \u202ethem\u202c \u2764\ufe0f"
    asked = scenes.question(30, "eve", "Shall I \u202edelete **them**?", options=[evil, "no"])
    lively.dashboard.state["questions"] = [asked]
    lively.dashboard.state["question_history"] = [
        scenes.question(
            29, "eve", "which\u202e?", answer=evil, answerer="operator", answered_at=1.0
        )
    ]
    await opened(page, lively.url)
    card = "[data-question='30']"
    letters = "[...document.querySelectorAll('.options .odd')].map((n) => n.textContent)"
    assert await page.eval(letters) == ["U+202E", "U+202C"]
    assert "Shall I U+202Edelete them?" in await page.text(card)
    await page.click("#answered summary")
    history = await page.text("#answered .decided")
    assert "whichU+202E?" in history
    assert "keep U+202Ethem" in history
    await page.click(f"{card} .option input")
    await page.click(f"{card} .go")
    assert await lively.wait_posted("/answer-question/30") == {"answer": evil}


async def test_a_failure_is_seen_above_an_open_panel_and_can_be_sent_away(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("[data-approval='8'] .calm")
    await page.wait(DRAWN)
    failed = scenes.job(22, "rebuild", "bob", state="failed", note="no such program", ended_at=9.0)
    lively.dashboard.publish("job_changed", job=failed)
    await page.wait("document.querySelector('.toasts').matches('dialog :popover-open')")
    await page.click(".toast.bad button")
    await page.wait("!document.querySelector('.toast')")
    lively.dashboard.publish("job_changed", job={**failed, "id": 24})
    await page.wait("document.querySelector('dialog .toast.bad')")
    await leave_dialog(page)
    await page.click("body > .toasts .toast.bad button")
    await page.wait("!document.querySelector('.toast')")


async def test_plain_words_fit_a_small_screen(page: Page, lively: PageServer) -> None:
    await page.viewport(360, 800)
    await opened(page, f"{lively.url}#decisions")
    await page.eval("document.documentElement.dataset.words = 'plain'")
    # What the card says already is said to those alone who do not see the card.
    button = "document.querySelector(\"[data-approval='8'] .calm\")"
    said = "Show the diff of change of configuration alice"
    assert await page.eval(f"{button}.querySelector('.plain').textContent") == said
    assert await page.eval(f"{button}.getBoundingClientRect().width") < 180
    assert await page.overflow() == 0


async def test_what_is_no_commit_is_shown_whole(page: Page, lively: PageServer) -> None:
    inputs = [scenes.meta_input("hyperhive", rev="0.1.0+dev+df53c8800767")]
    lively.dashboard.state["meta_inputs"] = inputs
    await opened(page, lively.url)
    await page.click("#inputs summary")
    assert "0.1.0+dev+df53c8800767" in await page.text("#inputs")
