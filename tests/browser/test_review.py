"""Reading a proposal line by line, and what is said of its lines, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.browser import leave_dialog, opened
from tests.fakes import page_scenes as scenes
from tests.fakes.axe import LOOKS, violations
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer
from tests.integration.web.dashboard import browsing
from tests.integration.web.test_builds import propose

Json = dict[str, Any]
PANEL = "dialog.review"
FOCUS = "document.activeElement"
HERE = f"{FOCUS}.dataset.side + {FOCUS}.dataset.line"
MOVED = {"old": "notes.txt", "new": "notes.md", "likeness": 87}


async def review(page: Page, server: PageServer) -> None:
    """Open the diff of approval 8."""
    await opened(page, server.url)
    await page.click("[data-approval='8'] .calm")
    await page.wait("document.querySelectorAll('.diff-file .can').length >= 10")


def keeping(server: PageServer) -> None:
    """Let the server keep comments as the daemon does."""

    def posted(path: str, fields: dict[str, str]) -> None:
        verb, number = path.strip("/").split("/")
        if verb == "comment":
            number = str(len(server.comments) + 1)
            line, text = int(fields["line"]), fields["text"]
            more = {"path": fields["path"], "side": fields["side"]}
            server.comments = [*server.comments, scenes.comment(int(number), line, text, **more)]
        elif verb == "edit-comment":
            kept = [
                one | ({"text": fields["text"]} if str(one["id"]) == number else {})
                for one in server.comments
            ]
            server.comments = kept
        elif verb == "drop-comment":
            server.comments = [one for one in server.comments if str(one["id"]) != number]
        server.dashboard.publish("comments_changed", approval_id=8, count=len(server.comments))

    server.on_post = posted


async def test_a_line_is_chosen_and_commented_by_keyboard_and_the_comment_stays(
    page: Page, lively: PageServer
) -> None:
    keeping(lively)
    await review(page, lively)
    await page.press("j")
    for _ in range(3):
        await page.press("ArrowDown")
    assert await page.eval(HERE) == "old3"
    await page.press("ArrowDown")
    assert await page.eval(HERE) == "new3"
    await page.press("c")
    await page.type("which one?")
    await page.press("Enter")
    await page.type("and why")
    await page.press("Escape")
    assert await page.count(".said-form textarea") == 1
    await page.press("Enter", control=True)
    await page.wait("document.querySelector('.said-text')")
    sent = await lively.wait_posted("/comment/8")
    assert sent == {
        "path": "agent.toml",
        "side": "new",
        "line": "3",
        "text": "which one?\nand why",
        "base": "running",
        "sha": "5e" * 20,
        "base_sha": "9c" * 20,
    }
    assert await page.eval(HERE) == "new3"
    await page.wait("document.querySelector('[data-approval=\"8\"] .row').innerText")
    await page.wait(
        "document.querySelector(\"[data-approval='8']\").innerText.includes('1 comment')"
    )
    assert await page.text(".notes summary") == "1 comment on lines"


async def test_a_comment_is_changed_and_removed_and_another_browsers_comes_in_beside_a_form(
    page: Page, lively: PageServer
) -> None:
    keeping(lively)
    lively.comments = [scenes.comment(1, 3, "why?")]
    await review(page, lively)
    await page.wait("document.querySelector('.said-card')")
    await page.click(".said-card .calm")
    await page.wait(f"{FOCUS}.value === 'why?'")
    await page.type(" Say it.")
    lively.comments.append(scenes.comment(2, 1, "from elsewhere", path="notes.md"))
    lively.dashboard.publish("comments_changed", approval_id=8, count=2)
    await page.wait("document.querySelectorAll('.said-card').length === 2")
    assert await page.eval(f"{FOCUS}.value") == "why? Say it."
    await page.press("Enter", control=True)
    await page.wait("document.querySelector('.said-text').innerText === 'why? Say it.'")
    await page.click(".said-card .danger")
    await page.wait("document.querySelectorAll('.said-card').length === 1")
    assert await page.text(".said-text") == "from elsewhere"


async def test_the_diff_is_read_side_by_side_with_the_words_that_differ_marked(
    page: Page, lively: PageServer
) -> None:
    lively.answers["/api/approvals/8/diff"] = (200, scenes.diff(moved=[MOVED]))
    await review(page, lively)
    marks = "[...document.querySelectorAll('.dl mark')].map((one) => one.textContent)"
    assert '"ripgrep"' in "".join(await page.eval(marks))
    await page.press("s")
    await page.wait("document.querySelector('.pair')")
    await page.wait("document.querySelectorAll('.diff-file').length === 2")
    halves = await page.eval(
        "[...document.querySelectorAll('.pair .d-del, .pair .d-add')].map((one) =>"
        " one.getBoundingClientRect().left > innerWidth - 600)"
    )
    assert True in halves
    assert False in halves
    await page.click(".pair .d-add")
    assert (await page.eval(f"{FOCUS}.dataset.side")) == "new"
    await page.press("ArrowDown")
    assert (await page.eval(f"{FOCUS}.dataset.side")) == "new"
    assert "moved from notes.txt, 87 % the same" in await page.text("[data-path='notes.md']")
    await page.press("w")
    await page.wait(
        "document.querySelector('.diff-switches .calm:last-child').ariaPressed === 'true'"
    )
    assert await violations(page, LOOKS, "dialog[open]") == []


async def test_files_are_gone_through_and_marked_as_viewed_which_lasts(
    page: Page, lively: PageServer
) -> None:
    await review(page, lively)
    await page.press("n")
    await page.press("n")
    assert await page.eval(f"{FOCUS}.closest('.diff-file').dataset.path") == "notes.md"
    await page.press("x")
    await page.wait("document.querySelector(\"[data-path='notes.md'] .lines\").hidden")
    assert "1 viewed" in await page.text(".diff-list summary")
    await page.press("p")
    assert await page.eval(f"{FOCUS}.closest('.diff-file').dataset.path") == "agent.toml"
    await review(page, lively)
    assert await page.eval(
        "document.querySelector(\"[data-path='notes.md'] .viewed input\").checked"
    )


async def test_a_very_long_diff_is_drawn_in_pieces_and_says_what_it_leaves_out(
    page: Page, lively: PageServer
) -> None:
    head = "diff --git a/big b/big\n--- a/big\n+++ b/big\n@@ -0,0 +1,9000 @@\n"
    files = [
        {"path": "big", "added": 9000, "removed": 0},
        {"path": "unseen.bin", "added": None, "removed": None},
    ]
    text = head + "".join(f"+line {n}\n" for n in range(9000))
    answer = scenes.diff(text=text, files=files, is_truncated=True)
    lively.answers["/api/approvals/8/diff"] = (200, answer)
    await opened(page, lively.url)
    await page.eval(
        "window.most = 0; new MutationObserver((all) => { const rows = all.flatMap((one) =>"
        " [...one.addedNodes]).filter((node) => node.classList?.contains('dl')).length;"
        " window.most = Math.max(window.most, rows); })"
        ".observe(document, {subtree: true, childList: true})"
    )
    await page.click("[data-approval='8'] .calm")
    await page.wait("document.querySelector('.unseen')", 60)
    assert await page.count(".d-add") == 9000
    assert await page.eval("window.most") < 6000
    assert "unseen.bin" in await page.text(".unseen")


async def test_an_approval_with_comments_asks_whether_they_are_to_be_sent(
    page: Page, lively: PageServer
) -> None:
    lively.dashboard.state["approvals"] = [
        row | ({"comments": 2} if row["id"] == 8 else {})
        for row in lively.dashboard.state["approvals"]
    ]
    await opened(page, f"{lively.url}#decisions")
    await page.click("[data-approval='8'] .go")
    await page.wait("document.querySelector('#fate-title')")
    assert await violations(page, LOOKS, "dialog[open]") == []
    await leave_dialog(page)
    assert lively.requests == []
    await page.click("[data-approval='8'] .go")
    await page.click("dialog .go")
    assert await lively.wait_posted("/approve/8") == {"comments": "send"}
    await page.click("[data-approval='8'] .danger")
    await page.wait(
        "document.querySelector('dialog').innerText.includes('2 comments on its lines')"
    )


async def test_the_review_fits_a_phone_and_passes_axe_with_a_form_open(
    page: Page, lively: PageServer
) -> None:
    lively.comments = [scenes.comment(1, 3, "why?"), scenes.comment(2, 3, "kept", side="old")]
    await review(page, lively)
    await page.wait("document.querySelectorAll('.said-card').length === 2")
    await page.press("j")
    await page.press("ArrowDown")
    await page.press("c")
    await page.wait("document.querySelector('.said-form')")
    assert await violations(page, LOOKS, "dialog[open]") == []
    await page.viewport(360, 800)
    wide = f"document.querySelector('{PANEL} .diff-body')"
    assert await page.eval(f"{wide}.scrollWidth <= {wide}.clientWidth")
    assert await page.overflow() == 0


async def test_what_was_decided_is_read_on_and_narrowed_down(
    page: Page, lively: PageServer
) -> None:
    lively.decided = [
        scenes.approval(number, "zoe", status="denied", resolved_at=scenes.NOW - 9000 - number)
        | {"note": f"no {number}", "resolved_by": "operator (command line)", "comments": 1}
        for number in range(100, 103)
    ]
    await opened(page, lively.url)
    await page.click("#decided summary")
    await page.click("#decided .row > .calm")
    await page.wait("document.querySelector('[data-decided=\"101\"]')")
    assert "operator (command line)" in await page.text("[data-decided='101']")
    assert "1 comment" in await page.text("[data-decided='101']")
    shown = await page.count("#decided [data-decided]")
    await page.eval(
        "(() => { const one = document.querySelector('#decided select[aria-label=Outcome]');"
        " one.value = 'denied'; one.dispatchEvent(new Event('change')); })()"
    )
    await page.wait(f"document.querySelectorAll('#decided [data-decided]').length < {shown}")
    words = "[...document.querySelectorAll('#decided .badge')].map((one) => one.innerText)"
    assert all("denied" in word for word in await page.eval(words))


async def test_from_a_comment_by_keyboard_to_the_managers_message_and_the_history(
    page: Page, short_tmp: Path
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        number = await propose(browser, 'model = "opus"\nprograms = ["rg"]\n')
        assert browser.hive.address.url is not None
        home = browser.hive.address.url.rstrip("/")
        await page.navigate(home + browser.hive.access.new_login_link())
        await page.click(f"[data-approval='{number}'] > .row:last-child > .calm")
        await page.wait("document.querySelectorAll('.d-add').length >= 2")
        for text in ("why the dear one?", "what for?"):
            await page.press("j" if text.startswith("why") else "ArrowDown")
            while await page.eval(f"{FOCUS}.matches('.d-add') !== true"):
                await page.press("ArrowDown")
            await page.press("c")
            await page.type(text)
            await page.press("Enter", control=True)
            await page.wait(f"document.querySelector('.diff-body').innerText.includes('{text}')")
        await page.send("Page.reload")
        await page.wait(f"document.querySelector('[data-approval=\"{number}\"]')")
        await page.wait("document.querySelector('#approvals').innerText.includes('2 comments')")
        await page.click(f"[data-approval='{number}'] .danger")
        await page.wait("document.activeElement.id === 'dialog-text'")
        await page.type("too much")
        await page.click("dialog .danger")
        await page.wait(f"document.querySelector('[data-decided=\"{number}\"]')")
        reply = await browser.daemon.agent("manager", "recv", max=32)
        told = [json.loads(one["body"]) for one in reply["messages"] if one["body"][0] == "{"]
        (denial,) = [one for one in told if one["event"] == "approval_resolved"]
        assert [(one["line"], one["quote"], one["comment"]) for one in denial["comments"]] == [
            (1, 'model = "opus"', "why the dear one?"),
            (2, 'programs = ["rg"]', "what for?"),
        ]
        assert denial["note"] == "too much"
        await page.click("#decided summary")
        assert "2 comments" in await page.text(f"[data-decided='{number}']")
        await page.click(f"[data-decided='{number}'] .link")
        await page.wait("document.querySelectorAll('.diff-body .said-card').length === 2")
        assert await page.count(".said-card button:not([hidden])") == 0
        await page.navigate("about:blank")
