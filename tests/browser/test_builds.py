"""Approvals with their diffs, the build queue, inputs and files, in a real browser."""

from __future__ import annotations

from tests.browser import LIVE, opened
from tests.fakes import page_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer

PANEL = "dialog.side[open]"


async def test_a_card_says_what_would_change_before_anything_is_pressed(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.wait("document.querySelectorAll('[data-approval=\"8\"] .files li').length === 2")
    card = await page.text("[data-approval='8']")
    assert "2 files +5" in card
    assert "change of configuration" in card
    update = await page.text("[data-approval='9']")
    assert "agent-alice/tools" in update
    assert await page.count("[data-approval='9'] .changes") == 0


async def test_the_diff_is_shown_beside_three_bases_and_approved_from_there(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("[data-approval='8'] .calm")
    await page.wait("document.querySelectorAll('.diff-file').length === 2")
    assert await page.count(".d-add") == 5
    assert await page.count(".d-del") == 2
    about = "document.querySelector('.diff-about').textContent"
    assert "deployed/4 (9c9c9c9c9c9c)" in await page.eval(about)
    await page.click(".bases button:nth-of-type(2)")
    await page.wait(f"{about}.includes('approved/6')")
    await page.click(".bases button:nth-of-type(3)")
    await page.wait(f"{about}.includes('no proposal waits before')")
    pressed = "[...document.querySelectorAll('.bases [aria-pressed=true]')].map((b) => b.innerText)"
    assert await page.eval(pressed) == ["previous in queue"]
    await page.click(f"{PANEL} footer .go")
    assert await lively.wait_posted("/approve/8") == {}
    await page.wait(f"!document.querySelector('{PANEL}')")


async def test_a_proposal_is_denied_with_a_note_from_beside_its_diff(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("[data-approval='8'] .calm")
    await page.wait("document.querySelectorAll('.diff-file').length === 2")
    await page.click(f"{PANEL} footer .danger")
    await page.wait("document.activeElement.id === 'dialog-text'")
    await page.type("half the memory")
    await page.click("dialog:not(.side) .danger")
    assert await lively.wait_posted("/deny/8") == {"note": "half the memory"}
    await page.wait(f"!document.querySelector('{PANEL}')")


async def test_letters_that_hide_or_reorder_are_shown_for_what_they_are(
    page: Page, lively: PageServer
) -> None:
    evil = scenes.approval(30, "eve", description="harmless \u202eevil\u202c\u200b", kind="spawn")
    lively.dashboard.state["approvals"] = [evil, *lively.dashboard.state["approvals"]]
    await opened(page, lively.url)
    odd = "[...document.querySelectorAll('{} .odd')].map((n) => n.textContent)"
    assert await page.eval(odd.format('[data-approval="30"]')) == ["U+202E", "U+202C", "U+200B"]
    await page.click("[data-approval='8'] .calm")
    await page.wait("document.querySelectorAll('.diff-file').length === 2")
    assert await page.eval(odd.format(".diff-file")) == ["U+202E", "U+202C"]


async def test_a_diff_that_cannot_be_read_says_why(page: Page, lively: PageServer) -> None:
    page.expected = ["503"]
    told = {"error": {"code": "unavailable", "message": "git is missing: install it"}}
    lively.answers["/api/approvals/8/diff"] = (503, told)
    await opened(page, lively.url)
    await page.wait(
        "document.querySelector('[data-approval=\"8\"] .changes').innerText.includes('git is')"
    )
    await page.click("[data-approval='8'] .calm")
    await page.wait("document.querySelector('.diff-about').innerText.includes('install it')")


async def test_decided_proposals_say_how_they_ended(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    await page.click("#decided summary")
    assert "there is no program 'rg'" in await page.text("[data-decided='4']")
    assert "withdrawn" in await page.text("[data-decided='3']")
    withdrawn = scenes.approval(8, "alice", kind="apply_commit", status="cancelled", resolved_at=1)
    lively.dashboard.publish("approval_resolved", approval=withdrawn)
    await page.wait("document.querySelector('[data-decided=\"8\"]')")
    assert await page.count("[data-approval='8']") == 0


async def test_a_job_is_followed_from_the_queue_to_its_end(page: Page, server: PageServer) -> None:
    await opened(page, server.url)
    side = server.dashboard
    assert "Nothing is being built" in await page.text("#jobs")
    side.publish("job_changed", job=scenes.job(5, "rebuild", "bob"))
    await page.wait("document.querySelector('[data-job=\"5\"]').innerText.includes('queued')")
    server.job_lines = ["one", "two"]
    await page.click("[data-job='5'] .logs")
    await page.wait("document.querySelector('.job-log').innerText.includes('two')")
    running = scenes.job(5, "rebuild", "bob", state="running", step="exporting", started_at=1.0)
    side.publish("job_changed", job=running)
    side.publish("job_logged", id=5, lines=["two", "three"], offset=1)
    side.publish("job_logged", id=6, lines=["of another"], offset=2)
    await page.wait("document.querySelector('.job-log').innerText.trim() === 'one\\ntwo\\nthree'")
    await page.wait(f"document.querySelector('{PANEL} header').innerText.includes('running')")
    server.job_lines = ["one", "two", "three", "four", "five"]
    side.publish("job_logged", id=5, lines=["five"], offset=4)
    await page.wait("document.querySelector('.job-log').innerText.includes('four\\nfive')")
    failed = {**running, "state": "failed", "note": "no such program", "ended_at": 9.0}
    side.publish("job_changed", job=failed)
    await page.wait("document.querySelector('.job-log').innerText.includes('no such program')")
    assert await page.count(f"{PANEL} form:not([hidden])") == 0
    await page.press("Escape")
    await page.wait("document.querySelector('.toast.bad').innerText.includes('no such program')")
    aside = "document.querySelector('#built summary .aside').textContent"
    await page.wait(f"{aside} === '1 · 1 failed'")


async def test_a_log_is_read_anew_when_the_stream_was_lost(page: Page, lively: PageServer) -> None:
    lively.job_lines = ["one"]
    await opened(page, lively.url)
    await page.click("[data-job='21'] .logs")
    await page.wait("document.querySelector('.job-log').innerText.includes('one')")
    lively.job_lines = ["one", "two", "three"]
    lively.dashboard.send(b"event: reset\ndata: {}\n\n")
    await page.wait("document.querySelector('.job-log').innerText.trim() === 'one\\ntwo\\nthree'")
    await page.wait(LIVE)


async def test_a_job_is_cancelled_after_a_question(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    await page.click("[data-job='22'] .danger")
    await page.wait("document.querySelector('dialog[open]')")
    assert "rebuild bob" in await page.text("dialog")
    await page.click("dialog .danger")
    assert await lively.wait_posted("/cancel-job/22") == {}


async def test_chosen_inputs_are_updated_together(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    await page.click("#inputs summary")
    assert "job #23" in await page.text("#inputs form")
    await page.click("#inputs button")
    assert lively.requests == []
    chosen = "[...document.querySelectorAll('#inputs input:checked')].map((one) => one.value)"
    everything = [one["name"] for one in lively.dashboard.state["meta_inputs"]]
    for word, names in (("all", everything), ("behind", ["hyperhive"]), ("none", [])):
        await page.eval(
            "[...document.querySelectorAll('#inputs .quiet')]"
            f".find((one) => one.textContent === '{word}').click()"
        )
        assert await page.eval(chosen) == names
    await page.click("[data-input='hyperhive'] input")
    await page.click("[data-input='agent-alice/tools'] input")
    inputs = lively.dashboard.state["meta_inputs"]
    lively.dashboard.publish("meta_inputs_changed", inputs=[*inputs, scenes.meta_input("agent-b")])
    await page.wait("document.querySelector('[data-input=\"agent-b\"]')")
    await page.click("#inputs button")
    await page.wait("document.querySelector('dialog').innerText.includes('every agent is')")
    await page.click("dialog .go")
    posted = await lively.wait_posted("/meta-update")
    assert posted == {"inputs": "hyperhive,agent-alice/tools"}
    await page.wait("document.querySelectorAll('#inputs input:checked').length === 0")


async def test_a_stale_agent_is_rebuilt_by_its_badge_or_with_all_others(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("[data-agent=bob] button.badge")
    assert await lively.wait_posted("/rebuild/bob") == {}
    await page.click("#containers > header .warm")
    await page.click("dialog .go")
    assert await lively.wait_posted("/update-all") == {}
    lively.dashboard.publish("container_state_changed", container=scenes.container("bob"))
    await page.wait(
        "document.querySelector('[data-agent=bob] button.badge').checkVisibility() === false"
    )
    await page.wait("document.querySelector('#containers > header form').hidden")


async def test_the_deployed_commit_is_shown_with_the_way_to_the_forge(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    row = "[data-agent=alice] .deployed"
    assert "9c0f3b1d" in await page.text(row)
    href = f"document.querySelector('{row} a').href"
    assert await page.eval(href) == "http://127.0.0.1:3000/agent-configs/alice"
    lively.dashboard.publish("forge_changed", url=None, trouble="it does not answer")
    await page.wait(f"!document.querySelector('{row} a')")


async def test_a_tombstone_is_revived(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    await page.click("#kept summary")
    await page.click("#kept .go:not(.badge)")
    assert await lively.wait_posted("/revive/zed") == {}
    await page.wait("document.querySelector('.toast').innerText.includes('zed')")


async def test_a_reminder_that_was_given_up_is_tried_again_and_the_list_follows(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("#reminders summary")
    assert "5 failed, given up" in await page.text("#reminders")
    await page.click("#reminders .warm")
    assert await lively.wait_posted("/retry-reminder/2") == {}
    reminders = lively.dashboard.state["reminders"]
    lively.dashboard.state["reminders"] = reminders[:1]
    for _ in range(20):
        lively.dashboard.publish("reminders_changed", agent="bob")
    await page.wait("document.querySelector('#reminders .aside').textContent === '1'")
    assert lively.reads.count("/api/reminders") == 1


async def test_paths_the_daemon_vouches_for_are_links_and_others_are_text(
    page: Page, lively: PageServer
) -> None:
    lively.files = {"/state/parser.md": "# Parser\n\nIt is **done**. <img src=x onerror=alert(1)>"}
    await opened(page, lively.url)
    await page.wait("document.querySelector('#inbox .link.file')")
    assert await page.count("#inbox .link.file") == 1
    assert await page.text("#inbox .link.file") == "/state/parser.md"
    await page.wait("document.querySelector('#flow .link.file')")
    assert lively.reads.count("/api/file-refs") == 1
    await page.click("#inbox .link.file")
    await page.wait("document.querySelector('.file-body strong')")
    assert await page.count(".file-body img") == 0
    await page.click(f"{PANEL} header .quiet")
    await page.wait("/copied/.test(document.querySelector('.toast')?.textContent)")
    await page.click(f"{PANEL} header .calm")
    await page.wait("document.querySelector('.file-body pre').innerText.includes('**done**')")
    await page.press("Escape")
    lively.files = {}
    page.expected = ["404"]
    await page.click("#inbox .link.file")
    await page.wait("document.querySelector('.file-body .form-error')")


async def test_how_many_lines_of_a_log_are_read_can_be_chosen(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("[data-agent=alice] .logs")
    await page.wait("document.querySelector('dialog.side pre').textContent.includes('another')")
    await page.eval(
        "(() => { const s = document.querySelector('[aria-label=\"How many lines\"]');"
        " s.value = '500'; s.dispatchEvent(new Event('change')); })()"
    )
    await page.wait("performance.getEntriesByType('resource').some((e) => e.name.endsWith('=500'))")
