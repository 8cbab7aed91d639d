"""The search and the links to messages, in a real browser against scripted answers."""

from __future__ import annotations

from typing import Any

from tests.browser import opened
from tests.fakes import page_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer

Json = dict[str, Any]
HOSTILE = "<img src=x onerror=alert(1)> the needle \u202edetrever **bold**"


def hit(kind: str, number: int, text: str, word: str, **fields: Any) -> Json:
    """Return something that was found."""
    at = text.index(word)
    place = f"/#message-{number}" if kind == "message" else f"/agent/alice/#row-{number}"
    empty = dict.fromkeys(("agent", "from", "to", "in_reply_to", "origin", "label"))
    marks = [[at, at + len(word)]]
    row = {"kind": kind, "id": number, "at": scenes.NOW, "text": text, "marks": marks}
    return {**empty, **row, "href": place, **fields}


def answer(*hits: Json, **fields: Any) -> Json:
    """Return what a search came to."""
    rest: Json = {"next": None, "faults": [], "unindexed": 0, "chips": []}
    return {"hits": hits, "terms": [{"text": "needle", "is_prefix": False}], **rest, **fields}


FOUND = answer(
    hit("message", 3, HOSTILE, "needle", **{"from": "bob", "to": "operator", "origin": "peer"}),
    hit("event", 77, "in a needle's eye", "needle", agent="alice", label="stream"),
    chips=[{"key": "from", "value": "bob"}],
    faults=[{"where": "eve", "why": "its file cannot be used", "back_to": None}],
    next="abc",
    unindexed=12,
)


def long_history(server: PageServer) -> None:
    """Let there be more messages than a page first shows."""
    server.dashboard.history = [
        scenes.sent(at, "alice", "bob", f"message number {at}") for at in range(1, 700)
    ]


async def test_a_search_is_typed_looked_through_and_kept_in_the_address(
    page: Page, lively: PageServer
) -> None:
    long_history(lively)
    lively.answers["/api/search"] = (200, FOUND)
    await opened(page, lively.url)
    await page.press("/")
    await page.wait("document.activeElement.id === 'search'")
    await page.type("needle from:bob")
    await page.press("Enter")
    await page.wait("document.querySelectorAll('#found .hit').length === 2")
    assert await page.eval("new URL(location).searchParams.get('q')") == "needle from:bob"
    assert await page.eval("document.querySelector('#found mark').textContent") == "needle"
    assert (
        await page.eval("document.querySelectorAll('#found img, #found .said strong').length") == 0
    )
    left = "document.querySelector('#found {}').getBoundingClientRect().left"
    assert await page.eval(f"{left.format('.said')} - {left.format('.head')}") == 0
    said = await page.text("#found")
    assert "<img src=x" in said
    assert "U+202E" in said
    assert "eve: its file cannot be used" in said
    assert "12 messages are not indexed yet" in said
    assert "2 found so far" in said
    # From the field down to the first thing that was found, which is a message far back.
    await page.press("ArrowDown")
    await page.press("Enter")
    await page.wait("document.querySelector('#flow [data-message=\"3\"].found')")
    assert await page.eval("location.hash") == "#message-3"
    assert await page.eval("!document.querySelector('#flow [data-message=\"699\"]')")
    assert await page.eval("document.querySelectorAll('#found .hit').length") == 2
    await page.click("#found .chips button")
    await page.wait("new URL(location).searchParams.get('q') === 'needle'")
    await page.wait("document.querySelector('#found').getAttribute('aria-busy') === null")
    await page.eval("history.back()")
    await page.wait("document.querySelector('#search').value === 'needle from:bob'")
    await page.eval("document.querySelector('#search').focus()")
    await page.press("Escape")
    await page.wait("document.querySelector('#found').hidden && location.search === ''")


async def test_a_link_with_a_search_opens_it_and_a_refusal_is_read(
    page: Page, lively: PageServer
) -> None:
    told = {"error": {"code": "bad_request", "message": "a phrase has no end: put a quote"}}
    lively.answers["/api/search"] = (400, told)
    await opened(page, lively.url + "?q=%22x")
    await page.wait("document.querySelector('#found [role=status]').textContent.includes('no end')")
    assert await page.eval("document.querySelector('#search').value") == '"x'
    # The console counts a refusal, which is expected here.
    assert len(page.problems) == 1
    page.problems.clear()
    lively.answers["/api/search"] = (200, answer())
    await page.click("#search")
    await page.press("Enter")
    await page.wait(
        "document.querySelector('#found [role=status]').textContent === 'nothing found'"
    )


async def test_a_link_to_an_old_message_opens_around_it_and_reads_both_ways(
    page: Page, lively: PageServer
) -> None:
    long_history(lively)
    await opened(page, lively.url + "#message-300")
    await page.wait("document.querySelector('#flow [data-message=\"300\"].found')")
    await page.eval("document.querySelector('#flow .log').scrollTop = 0")
    await page.wait("document.querySelector('#flow [data-message=\"99\"]')")
    await page.click("#flow .pill")
    await page.wait("document.querySelector('#flow [data-message=\"699\"]')")
    await page.eval("document.querySelector('#flow .log').scrollTop = 0")
    await page.wait("document.querySelector('#flow [data-message=\"400\"]')")
    numbers = (
        "[...document.querySelectorAll('#flow [data-message]')].map((n) => +n.dataset.message)"
    )
    assert await page.eval(f"{numbers}.every((n, i, all) => i === 0 || n === all[i - 1] + 1)")
    await page.eval("location.hash = '#message-12345'")
    await page.wait("document.querySelector('.toast.bad')?.textContent.includes('12345')")


async def test_a_reply_leads_to_its_parent_however_old_and_to_its_thread(
    page: Page, lively: PageServer
) -> None:
    long_history(lively)
    await opened(page, lively.url)
    fields = scenes.sent(700, "bob", "alice", "at last", in_reply_to=5)
    lively.dashboard.publish("sent", **{key: fields[key] for key in fields if key != "kind"})
    await page.wait("document.querySelector('#flow [data-message=\"700\"]')")
    await page.click("#flow [data-message='700'] .tag")
    await page.wait("document.querySelector('#flow [data-message=\"5\"].found')")
    await page.click("#flow .pill")
    await page.wait("document.querySelector('#flow [data-message=\"700\"]') === null")
    lively.dashboard.history.append(fields)
    await page.eval("location.hash = '#message-700'")
    await page.wait("document.querySelector('#flow [data-message=\"700\"].found')")
    await page.eval("document.querySelector('#flow [data-message=\"700\"] .answer').click()")
    await page.wait("document.querySelectorAll('dialog .thread [data-message]').length === 2")
    assert await page.eval("document.activeElement.dataset.message") == "700"


async def test_messages_told_out_of_order_stand_in_order(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    for number in (42, 41):
        fields = scenes.sent(number, "alice", "bob", f"number {number}")
        lively.dashboard.publish("sent", **{key: fields[key] for key in fields if key != "kind"})
        await page.wait(f"document.querySelector('#flow [data-message=\"{number}\"]')")
    shown = "[...document.querySelectorAll('#flow [data-message]')].map((n) => n.dataset.message)"
    assert (await page.eval(f"{shown}.slice(-2)")) == ["41", "42"]
