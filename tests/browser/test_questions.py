"""Questions in a real browser: filtered, answered from a phone, looked back at."""

from __future__ import annotations

import time
from typing import Any

from tests.browser import opened
from tests.fakes import page_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer

Json = dict[str, Any]
OPEN = "[...document.querySelectorAll('#questions [data-question]')].filter((n) => !n.hidden)"
NUMBERS = f"{OPEN}.map((one) => one.dataset.question).join()"
CLOSED = "[...document.querySelectorAll('[data-closed]')].map((one) => one.dataset.closed).join()"


def closed(number: int, how: str, **fields: Any) -> Json:
    """Return a question that was closed."""
    answer = {"answered_at": scenes.NOW + number, "answer": f"answer {number}", "how": how}
    fields = {"answerer": "operator", "target": None, **answer, **fields}
    return scenes.question(number, "bob", f"question {number}", **fields)


async def choose(page: Page, name: str, value: str) -> None:
    """Choose in one of the lists above the closed questions."""
    await page.eval(
        f"(() => {{ const one = document.querySelector('#answered select[name={name}]');"
        f" one.value = '{value}'; one.dispatchEvent(new Event('change', {{bubbles: true}})) }})()"
    )


async def test_questions_are_filtered_and_what_is_typed_stays(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    chips = "[...document.querySelectorAll('.filter')].map((one) => one.innerText).join('|')"
    assert await page.eval(chips) == "all 2|@operator 1|@peer 1|alice 2|bob 1"
    await page.click("[data-question='3'] textarea")
    await page.type("half a thought")
    await page.click(".filter:nth-child(3)")
    await page.wait(f"{NUMBERS} === '4'")
    assert await page.count("[data-question='4'] .mauve") == 1
    await opened(page, lively.url)
    assert await page.eval(NUMBERS) == "4"
    lively.dashboard.publish("question_added", **scenes.question(5, "carol", "and I?"))
    await page.wait(f"{chips}.includes('carol 1')")
    assert await page.eval(NUMBERS) == "4"
    await page.click(".filter:nth-child(1)")
    await page.wait(f"{NUMBERS} === '3,4,5'")


async def test_a_question_is_answered_from_a_phone_in_three_taps(
    page: Page, lively: PageServer
) -> None:
    await page.viewport(360, 740)
    now = time.time()
    lively.dashboard.state["questions"] = [
        scenes.question(
            3, "alice", "Shall I?", options=["yes", "no"], asked_at=now, deadline_at=now + 50
        )
    ]
    await opened(page, lively.url)
    assert await page.count("[data-question='3'] .badge.danger .left") == 1
    await page.click("#overview [href='#question-3']")
    await page.click("[data-question='3'] .option:nth-of-type(1) input")
    await page.click("[data-question='3'] button.go")
    assert await lively.wait_posted("/answer-question/3") == {"answer": "yes"}
    assert await page.overflow() == 0


async def test_a_link_to_a_question_that_the_filter_leaves_out_shows_it(
    page: Page, lively: PageServer
) -> None:
    lively.dashboard.state["questions"] = [
        scenes.question(3, "alice", "Which one?"),
        scenes.question(4, "bob", "And you?", target="alice"),
    ]
    await opened(page, lively.url)
    await page.eval(
        "[...document.querySelectorAll('#questions .filter')]"
        ".find((one) => one.textContent.startsWith('@peer')).click()"
    )
    await page.wait("document.querySelector('[data-question=\"3\"]').hidden")
    await page.eval("location.hash = 'question-3'")
    await page.wait("document.activeElement.dataset.question === '3'")


async def test_closed_questions_are_narrowed_and_read_to_the_last(
    page: Page, lively: PageServer
) -> None:
    hows = ("answered", "overridden", "cancelled", "expired")
    rows = [closed(at, hows[at % 4], target=None if at % 4 == 0 else "alice") for at in range(90)]
    lively.closed_questions = rows[::-1]
    lively.dashboard.state["question_history"] = lively.closed_questions[:30]
    lively.files = {"/shared/plan.md": "the plan"}
    rows[89] |= {"question": "is /shared/plan.md good?", "asker": "gone"}
    await opened(page, lively.url)
    await page.eval("document.querySelector('#answered').open = true")
    assert await page.count("[data-closed]") == 30
    names = "[...document.querySelector('#answered [name=name]').options].map((one) => one.value)"
    assert "gone" in await page.eval(names)
    await page.wait("document.querySelector('[data-closed=\"89\"] .file')")
    for count in (60, 90):
        await page.click("#answered > div > .row:last-child button")
        await page.wait(f"document.querySelectorAll('[data-closed]').length === {count}")
    assert await page.eval("document.querySelector('#answered .row:last-child > button').hidden")
    await choose(page, "how", "expired")
    await page.wait(f"{CLOSED}.startsWith('87,83,79')")
    assert "by nobody in time" in await page.text("[data-closed='87']")
    resolved = {"id": 4, "answer": "main", "answerer": "operator", "answered_at": scenes.NOW + 99}
    lively.dashboard.publish(
        "question_resolved", **resolved, cancelled=False, target="alice", how="overridden"
    )
    await choose(page, "how", "overridden")
    await page.wait(f"{CLOSED}.startsWith('4,89,85')")
    assert "✎ overridden" in await page.text("[data-closed='4']")
