"""What somebody is at stays as it is while frames come in, in a real browser."""

from __future__ import annotations

from tests.browser import LIVE, opened
from tests.fakes import page_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer, Side

MANY = 20
AT = """(() => { const at = document.activeElement;
  return [at.id || at.name || at.tagName, at.value ?? null, at.selectionStart ?? null,
    at.selectionEnd ?? null]; })()"""
TOP = "document.querySelector('#flow .log').scrollTop"
MARKED = "document.getSelection().toString()"


def fields(frame: scenes.Json) -> scenes.Json:
    """Return a frame without its kind."""
    return {name: value for name, value in frame.items() if name != "kind"}


def storm(side: Side, first: int, many: int = MANY) -> str:
    """Change everything that can change, in one burst; returns what shows the last of it."""
    for number in range(first, first + many):
        row = scenes.container("alice", unread=number, status_text=f"step {number}")
        side.publish("container_state_changed", container=row)
        side.publish("sent", **fields(scenes.sent(number, "bob", "operator", f"news {number}")))
        side.publish("delivered", **fields(scenes.sent(number, "bob", "operator", "")))
        side.publish("approval_added", approval=scenes.approval(number, f"agent-{number}"))
        asked = scenes.question(number, "bob", f"shall I {number}?", options=["yes", "no"])
        side.publish("question_added", **asked)
        side.publish("job_changed", job=scenes.job(number, "rebuild", "bob"))
        side.publish("notices_changed", notices=[])
        if number > first:
            gone = scenes.approval(number - 1, f"agent-{number - 1}", status="denied")
            side.publish("approval_resolved", approval=gone)
    row = f'#flow [data-message="{first + many - 1}"]'
    return f"document.querySelector('{row}')?.closest('.log')"


async def test_what_is_typed_chosen_or_opened_stays_in_a_storm_of_frames(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    side = lively.dashboard
    # An answer: an option chosen, a text half typed, the caret in the middle of it.
    await page.click("[data-question='3'] .option:nth-of-type(2) input")
    await page.click("[data-question='3'] textarea")
    await page.type("half a thought")
    await page.eval("document.activeElement.setSelectionRange(5, 6)")
    await page.eval("window.typedIn = document.activeElement")
    await page.eval("document.querySelector('[data-agent=alice] .more').open = true")
    before = await page.eval(AT)
    await page.wait(storm(side, 100))
    assert await page.eval(AT) == before
    assert await page.eval("document.activeElement === window.typedIn")
    assert await page.eval("document.querySelector('[data-agent=alice] .more').open")
    assert await page.count("[data-question='3'] .option:nth-of-type(2) input:checked") == 1
    # A new agent's name, a message, and a reason in a dialog.
    for selector in ("#new-agent", "#compose"):
        await page.click(selector)
        await page.type("half")
        before = await page.eval(AT)
        await page.wait(storm(side, 200 if selector == "#compose" else 300))
        assert await page.eval(AT) == before
        await page.eval("document.activeElement.value = ''")
    await page.click("[data-approval='7'] .danger")
    await page.wait("document.activeElement.id === 'dialog-text'")
    await page.type("too many")
    before = await page.eval(AT)
    await page.wait(storm(side, 400))
    assert await page.eval(AT) == before
    await page.click("dialog .danger")
    assert await lively.wait_posted("/deny/7") == {"note": "too many"}
    assert lively.requests == [("/deny/7", {"note": "too many"})]


async def test_an_open_diff_stays_at_its_line_while_its_own_card_changes(
    page: Page, lively: PageServer
) -> None:
    await opened(page, f"{lively.url}#decisions")
    await page.click("[data-approval='8'] .calm")
    await page.wait("document.querySelectorAll('.diff-file').length === 2")
    # So low that there is something to scroll.
    await page.viewport(1280, 300)
    body = "document.querySelector('.diff-body')"
    await page.eval(f"{body}.scrollTop = 40")
    await page.eval("document.querySelectorAll('.diff-file .fold')[1].click()")
    await page.wait(storm(lively.dashboard, 100))
    again = scenes.approval(8, "alice", kind="apply_commit", fetched_sha="5e" * 20)
    lively.dashboard.publish("approval_added", approval=again)
    await page.wait(storm(lively.dashboard, 200))
    assert await page.eval(f"{body}.scrollTop") == 40
    assert await page.eval("document.querySelectorAll('.diff-file .lines')[1].hidden")
    assert await page.count("dialog[open]") == 1


async def test_a_marked_text_stays_where_it_is_until_the_reader_wants_the_end(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.wait(storm(lively.dashboard, 100))
    await page.eval(
        """(() => { const body = document.querySelector("#flow [data-message='119'] .body");
        document.getSelection().selectAllChildren(body); })()"""
    )
    top = await page.eval(TOP)
    await page.wait(storm(lively.dashboard, 200))
    assert (await page.eval(MARKED)).strip() == "news 119"
    assert await page.eval(TOP) == top
    await page.wait("!document.querySelector('#flow .pill').hidden")
    await page.click("#flow .pill")
    await page.wait(f"document.querySelector('#flow .log').scrollHeight - {TOP} < 2000")
    await page.wait(f"{TOP} > {top}")
    lively.dashboard.publish("sent", **fields(scenes.sent(300, "bob", "operator", "the last")))
    await page.wait(
        "(() => { const log = document.querySelector('#flow .log');"
        " return log.innerText.includes('the last')"
        " && log.scrollHeight - log.scrollTop - log.clientHeight < 2; })()"
    )


async def test_a_history_read_anew_leaves_a_reader_above_where_he_is(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    side = lively.dashboard
    await page.wait(storm(side, 100, 60))
    await page.eval("document.querySelector('#flow .log').scrollTop = 1500")
    await page.wait(f"{TOP} === 1500")
    await page.eval(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    # As after a long sleep: nothing of what is shown is among the newest any more.
    side.history = [scenes.sent(number, "bob", "alice", "x") for number in range(900, 1000)]
    side.state = {**side.state, "containers": [scenes.container("newcomer")]}
    side.send(b"event: reset\ndata: {}\n\n")
    await page.wait("document.querySelector('[data-agent=newcomer]')")
    await page.wait("!document.querySelector('#flow .pill').hidden")
    assert await page.eval(TOP) == 1500
    assert await page.count("#flow [data-message='120']") == 1
    await page.click("#flow .pill")
    await page.wait("document.querySelector('#flow [data-message=\"999\"]')")
    assert await page.count("#flow [data-message='120']") == 0


async def test_a_recipient_chosen_in_another_tab_is_not_taken_over(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("#compose")
    await page.type("for the manager alone")
    await page.eval("localStorage.setItem('hive-recipient', 'bob')")
    await page.wait(storm(lively.dashboard, 100))
    await page.press("Enter")
    assert (await lively.wait_posted("/op-send"))["to"] == "manager"


async def test_a_double_click_and_a_held_key_send_once(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    button = "[data-agent=carol] form[action='/start/carol'] button"
    await page.click(button)
    await lively.wait_posted("/start/carol")
    await page.wait(f'!document.querySelector("{button}").ariaBusy')
    await page.click(button, nth=2)
    await page.eval(f'document.querySelector("{button}").focus()')
    await page.press("Enter", repeat=True)
    assert lively.requests == [("/start/carol", {})]
    await page.click(button)
    await page.wait(f'!document.querySelector("{button}").ariaBusy')
    await page.press("Enter")
    await page.wait(f'!document.querySelector("{button}").ariaBusy')
    assert lively.requests == [("/start/carol", {})] * 3


async def test_what_is_refused_says_why_though_its_card_is_gone(
    page: Page, lively: PageServer
) -> None:
    message = "approval 7 was approved already"
    lively.answers["/deny/7"] = (409, {"error": {"code": "conflict", "message": message}})
    page.expected = ["409"]
    await opened(page, lively.url)
    await page.click("[data-approval='7'] .danger")
    await page.wait("document.activeElement.id === 'dialog-text'")
    resolved = scenes.approval(7, "frank", status="approved")
    lively.dashboard.publish("approval_resolved", approval=resolved)
    await page.wait("!document.querySelector('[data-approval=\"7\"]')")
    await page.click("dialog .danger")
    await page.wait(f"document.querySelector('.toast.bad')?.innerText.includes('{message}')")


async def test_a_refused_action_leaves_the_page_as_it_was(page: Page, lively: PageServer) -> None:
    for path in ("/approve/7", "/kill/alice", "/answer-question/3", "/op-send", "/cancel-job/22"):
        lively.answers[path] = (409, {"error": {"code": "conflict", "message": f"no {path}"}})
    page.expected = ["409"]
    await opened(page, lively.url)
    rows = (
        "[...document.querySelectorAll('#swarm li[class], #flow article')].map((n) => n.className)"
    )
    before = await page.eval(rows)
    await page.click("[data-approval='7'] .go")
    await page.wait("document.querySelector('#approvals').innerText.includes('no /approve/7')")
    await page.click("[data-agent=alice] form[action='/kill/alice'] button")
    await page.wait("document.querySelector('#containers').innerText.includes('no /kill/alice')")
    await page.click("[data-question='3'] textarea")
    await page.type("my answer")
    await page.press("Enter")
    await page.wait("document.querySelector('#questions').innerText.includes('no /answer')")
    assert await page.eval("document.querySelector('[data-question=\"3\"] textarea').value") == (
        "my answer"
    )
    await page.click("#compose")
    await page.type("hello")
    await page.press("Enter")
    await page.wait("document.querySelector('#flow').innerText.includes('no /op-send')")
    assert await page.eval("document.querySelector('#compose').value") == "hello"
    assert await page.eval(rows) == before
    assert await page.eval(LIVE)


async def test_what_is_typed_while_something_is_sent_is_not_lost(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("#compose")
    await page.type("first")
    await page.eval(
        """(() => { const area = document.querySelector('#compose');
        area.form.requestSubmit(); area.setRangeText(' second', 5, 5, 'end'); })()"""
    )
    await lively.wait_posted("/op-send")
    await page.wait("document.querySelector('#compose').value === ' second'")
    assert lively.requests[-1][1]["body"] == "first"


async def test_marks_come_with_the_history_and_before_their_row_is_drawn(
    page: Page, lively: PageServer
) -> None:
    side = lively.dashboard
    side.delivered, side.acked = [8, 9], [8]
    await opened(page, lively.url)
    marks = "[8, 9, 10].map((id) => document.querySelector(`#flow [data-message='${id}'] .mark`)"
    assert await page.eval(f"{marks}.textContent)") == ["✓✓", "✓", ""]
    # All three in one piece: they are read before the next animation frame draws the row.
    sent = fields(scenes.sent(50, "alice", "bob", "quick"))
    frames = [("sent", sent), ("delivered", sent), ("acked", {"to": "bob", "ids": [50]})]
    with side.at_once():
        for kind, rest in frames:
            side.publish(kind, **rest)
    await page.wait(
        "document.querySelector(\"#flow [data-message='50'] .mark\")?.textContent === '✓✓'"
    )
    # What was held waits again; what is done with stays so, whatever comes late.
    side.publish("requeued", to="bob", ids=[9, 50])
    await page.wait(f"{marks}.textContent).join() === '✓✓,,'")
    assert await page.eval(f"{marks}.nextElementSibling.textContent)") == ["done with", "", ""]
    last = "document.querySelector(\"#flow [data-message='50'] .mark\")"
    assert await page.eval(f"{last}.textContent") == "✓✓"


async def test_an_unread_message_says_so_in_words_until_it_is_read(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    said = (
        "document.querySelector(\"#flow [data-message='60'] .head\").innerText.includes('unread')"
    )
    lively.dashboard.publish("sent", **fields(scenes.sent(60, "alice", "operator", "look")))
    await page.wait(said)
    lively.dashboard.publish("acked", to="operator", ids=[60])
    await page.wait(f"!{said}")


async def test_a_connection_that_died_without_a_word_is_noticed_and_made_anew(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    side = lively.dashboard
    side.send(b"event: awake\ndata: 1\n\n")
    # From now on nothing reaches the page any more, though its connection stands.
    deaf = set(side.streams)
    side.streams.clear()
    side.state = {**side.state, "containers": [scenes.container("newcomer")]}
    await page.wait("document.querySelector('[data-agent=newcomer]')", 20)
    await page.wait(LIVE)
    assert not deaf & side.streams
    assert side.resumes == [None, None]
