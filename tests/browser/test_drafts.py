"""What is typed and not sent is there again after a reload, and gone once it is sent."""

from __future__ import annotations

import json
from typing import Any

from tests.browser import opened
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer

COMPOSE = "document.querySelector('#compose').value"
ANSWER = "[data-question='3'] textarea"
LINE = "document.querySelector('.said-form textarea')"


async def reloaded(page: Page, url: str) -> None:
    await page.navigate("about:blank")
    await opened(page, url)


async def value(page: Page, selector: str) -> Any:
    return await page.eval(f"document.querySelector({json.dumps(selector)}).value")


async def review(page: Page) -> None:
    await page.click("[data-approval='8'] .calm")
    await page.wait("document.querySelectorAll('.diff-file .can').length >= 10")


async def test_what_is_typed_anywhere_outlives_a_reload_until_it_is_sent(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("#inbox [data-message='12'] .reply")
    await page.type("half a message")
    await page.click("#new-agent")
    await page.type("zoe")
    await page.click("[data-question='3'] .option:nth-of-type(2)")
    await page.click(ANSWER)
    await page.type("but slowly")
    await page.click("[data-approval='7'] .danger")
    await page.wait("document.activeElement.id === 'dialog-text'")
    await page.type("too many")
    await page.press("Escape")
    await page.eval("location.hash = 'thread-9'")
    await page.wait("document.querySelector('dialog .found')")
    await page.click("#thread-answer")
    await page.type("half a thought")
    await reloaded(page, lively.url)
    assert await value(page, "#compose") == "half a message"
    assert "#12" in await page.text(".reply-chip")
    assert await value(page, "#new-agent") == "zoe"
    chosen = "[...document.querySelectorAll('[data-question=\"3\"] input:checked')]"
    assert await page.eval(f"{chosen}.map((one) => one.value)") == ["port them"]
    assert await value(page, ANSWER) == "but slowly"
    await page.eval("location.hash = 'thread-12'")
    await page.wait("document.querySelector('#thread-answer')?.value === 'half a thought'")
    await page.press("Escape")
    await page.wait("!document.querySelector('dialog')")
    await page.click("[data-approval='7'] .danger")
    await page.wait("document.activeElement.value === 'too many'")
    await page.click("dialog .danger")
    assert await lively.wait_posted("/deny/7") == {"note": "too many"}
    await page.click("[data-question='3'] .go")
    sent = await lively.wait_posted("/answer-question/3")
    assert sent == {"answer": "port them, but slowly"}
    await page.click("#compose")
    await page.press("Enter")
    assert (await lively.wait_posted("/op-send"))["in_reply_to"] == "12"
    await page.wait(f'{COMPOSE} === "" && document.querySelector("{ANSWER}").value === ""')
    await reloaded(page, lively.url)
    assert await value(page, "#compose") == ""
    assert await page.eval("document.querySelector('.reply-chip').hidden")
    assert await value(page, ANSWER) == ""
    assert await page.eval(f"{chosen}.length") == 0
    assert await value(page, "#new-agent") == "zoe"


async def test_a_comment_that_was_begun_stands_at_its_line_again_until_it_is_kept_or_dropped(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await review(page)
    await page.press("j")
    await page.press("ArrowDown")
    await page.press("c")
    await page.wait("document.activeElement.tagName === 'TEXTAREA'")
    await page.type("why so")
    line = "document.querySelector('.said').previousElementSibling.dataset.line"
    begun = await page.eval(line)
    await reloaded(page, lively.url)
    await review(page)
    await page.wait(f"{LINE}?.value === 'why so'")
    assert await page.eval(line) == begun
    assert await page.eval("document.activeElement.tagName") != "TEXTAREA"
    await page.click(".said-form button[type=button]")
    await page.wait(f"!{LINE}")
    await reloaded(page, lively.url)
    await review(page)
    assert not await page.eval(f"Boolean({LINE})")
