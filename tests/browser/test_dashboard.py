"""The dashboard in a real browser, against scripted snapshots and frames."""

from __future__ import annotations

from hive.web.dashboard.table import DOCUMENT
from tests.browser import LIVE, leave_dialog, opened
from tests.fakes import page_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer


async def test_an_empty_hive_leads_from_the_first_agent_to_the_first_message(
    page: Page, server: PageServer
) -> None:
    await opened(page, server.url)
    assert "No agents yet" in await page.text("#containers")
    assert await page.eval("document.querySelector('.version a').pathname") == DOCUMENT
    await page.click(".guide .now button")
    await page.wait("document.activeElement.id === 'new-agent'")
    await page.type("bob")
    assert "bob is free" in await page.text("#new-agent-hint")
    await page.press("Enter")
    assert await server.wait_posted("/request-spawn") == {"name": "bob"}
    side = server.dashboard
    side.publish("approval_added", approval=scenes.approval(1, "bob"))
    await page.wait("document.querySelector('.guide .now strong').textContent === 'Approve it'")
    await page.click("[data-approval='1'] .go")
    await server.wait_posted("/approve/1")
    resolved = scenes.approval(1, "bob", status="approved")
    side.publish("approval_resolved", approval=resolved)
    side.publish("container_state_changed", container=scenes.container("bob"))
    await page.wait("document.querySelector('.guide .now strong').textContent === 'Write to it'")
    await page.click(".guide .now button")
    await page.wait("document.activeElement.id === 'compose'")
    await page.type("hello bob")
    await page.press("Enter")
    assert await server.wait_posted("/op-send") == {"to": "bob", "body": "hello bob"}
    side.publish("sent", **without_kind(scenes.sent(1, "operator", "bob", "hello bob")))
    await page.wait("document.querySelectorAll('.guide .done').length === 3")


def without_kind(frame: scenes.Json) -> scenes.Json:
    """Return a frame's fields."""
    return {name: value for name, value in frame.items() if name != "kind"}


async def test_a_name_that_cannot_be_is_refused_while_it_is_typed(
    page: Page, server: PageServer
) -> None:
    await opened(page, server.url)
    await page.click("#new-agent")
    await page.type("Bob")
    assert "lower-case" in await page.text("#new-agent-hint")
    await page.press("Enter")
    assert await page.eval("document.querySelector('#new-agent').ariaInvalid") == "true"
    assert server.requests == []


async def test_a_message_arrives_live_with_its_marks(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    side = lively.dashboard
    fields = without_kind(scenes.sent(40, "alice", "operator", "fresh **news**", in_reply_to=9))
    side.publish("sent", **fields)
    await page.wait("document.querySelector('#inbox [data-message=\"40\"][data-unread]')")
    await page.wait("document.querySelector('#flow [data-message=\"40\"] strong')")
    side.publish("delivered", **fields)
    await page.wait("document.querySelector('#flow [data-message=\"40\"] .mark').textContent==='✓'")
    side.publish("acked", to="operator", ids=[40])
    await page.wait("!document.querySelector('#inbox [data-message=\"40\"][data-unread]')")
    await page.click("#flow [data-message='40'] .tag")
    await page.wait("document.querySelector('#flow [data-message=\"9\"].found')")


async def test_a_reply_goes_to_its_sender_with_its_number(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    await page.click("#inbox [data-message='12'] .reply")
    await page.wait("document.activeElement.id === 'compose'")
    await page.type("well done")
    await page.press("Enter", shift=True)
    await page.type("thanks")
    await page.press("Enter")
    posted = await lively.wait_posted("/op-send")
    assert posted == {"to": "alice", "body": "well done\nthanks", "in_reply_to": "12"}


async def test_an_at_sign_completes_and_the_recipient_stays(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    await page.click("#compose")
    await page.type("@b")
    await page.wait("!document.querySelector('.suggestions').hidden")
    await page.press("Tab")
    await page.type("are you there?")
    await page.press("Enter")
    assert await lively.wait_posted("/op-send") == {"to": "bob", "body": "are you there?"}
    # Until it is known to be sent it is kept, also over a reload.
    await page.wait("document.querySelector('#compose').value === ''")
    await page.type("@bob @alice " + "a longer text " * 12)
    fits = "(({clientHeight, scrollHeight}) => scrollHeight - clientHeight)"
    assert await page.eval(f"{fits}(document.querySelector('#compose'))") <= 0
    height = await page.eval("document.querySelector('#compose').offsetHeight")
    await page.eval(
        "document.querySelector('#compose').dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert await page.eval("document.querySelector('#compose').offsetHeight") == height
    await page.eval("localStorage.removeItem('hive-drafts')")
    await opened(page, lively.url)
    assert await page.eval("document.querySelector('#compose-to').value") == "bob"
    await page.click("#compose")
    await page.type("@alice and you?")
    await page.press("Enter")
    await page.wait("document.querySelector('#compose').value === ''")
    assert lively.requests[-1][1] == {"to": "alice", "body": "and you?"}


async def test_two_agents_are_written_to_at_once_and_a_refusal_keeps_what_was_typed(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("#compose")
    await page.type("@b")
    await page.press("Enter")
    await page.type("@car")
    await page.press("Tab")
    await page.type("compare notes")
    chips = (
        "[...document.querySelectorAll('.recipients button')].map((one) => one.innerText).join()"
    )
    assert await page.eval(chips) == "@bob ✕,@carol ✕"
    assert "send to bob and carol, to each a copy" in await page.text("#compose-hint")
    lively.answers["/op-send"] = (404, {"error": {"code": "not_found", "message": "no carol"}})
    lively_404(page)
    await page.press("Enter")
    await page.wait("document.querySelector('.prompt [role=alert]').innerText.includes('nobody')")
    assert (
        await page.eval("document.querySelector('#compose').value") == "@bob @carol compare notes"
    )
    del lively.answers["/op-send"]
    await page.click(".recipients button:first-child")
    await page.click(".prompt .add")
    await page.wait("!document.querySelector('.suggestions').hidden")
    await page.type("manager")
    await page.press("Enter")
    await page.press("Enter")
    await page.wait("document.querySelector('#compose').value === ''")
    assert lively.requests[-1][1] == {"to": "carol,manager", "body": "compare notes"}


def lively_404(page: Page) -> None:
    """Let the browser complain of what is refused."""
    page.expected.append("404")


async def test_what_is_being_typed_survives_every_change(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    await page.click("[data-question='3'] textarea")
    await page.type("half a thou")
    side = lively.dashboard
    side.publish("question_resolved", id=4, answer="x", answerer="alice", answered_at=1.0,
                 cancelled=False, target="alice")  # fmt: skip
    side.publish("container_state_changed", container=scenes.container("alice", unread=9))
    await page.wait("document.querySelector('[data-agent=alice]').innerText.includes('9 waiting')")
    await page.type("ght")
    await page.press("Enter")
    assert await lively.wait_posted("/answer-question/3") == {"answer": "half a thought"}


async def test_chosen_options_and_free_text_are_one_answer(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    await page.click("[data-question='3'] .option:nth-of-type(2) input")
    await page.click("[data-question='3'] textarea")
    await page.type("but not today")
    await page.press("Enter")
    assert await lively.wait_posted("/answer-question/3") == {"answer": "port them, but not today"}


async def test_destroying_asks_first_and_escape_declines(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    await page.click("[data-agent=alice] .more summary")
    await page.click("[data-agent=alice] form[action='/destroy/alice'] button")
    await page.wait("document.querySelector('dialog[open]')")
    await leave_dialog(page)
    assert lively.requests == []
    await page.click("[data-agent=alice] form[action='/destroy/alice'] button")
    await page.click("dialog .danger")
    assert await lively.wait_posted("/destroy/alice") == {}


async def test_a_paused_agent_is_resumed(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    lively.dashboard.publish(
        "container_state_changed", container=scenes.container("bob", paused=True)
    )
    stats = "document.querySelector('[data-agent=bob] a.stats')"
    assert await page.eval(f"{stats}.pathname") == "/agent/bob/stats"
    button = "[data-agent=bob] form:not([hidden])[action='/set-paused/bob'] button.go"
    await page.click(button)
    assert await lively.wait_posted("/set-paused/bob") == {"paused": "false"}


async def test_denying_takes_a_reason(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    await page.click("[data-approval='7'] .danger")
    await page.wait("document.activeElement.id === 'dialog-text'")
    await page.type("too many agents")
    await page.click("dialog .danger")
    assert await lively.wait_posted("/deny/7") == {"note": "too many agents"}


async def test_an_error_is_shown_where_it_occurred(page: Page, lively: PageServer) -> None:
    message = "carol is being restarted: try again when that is over"
    lively.answers["/start/carol"] = (409, {"error": {"code": "conflict", "message": message}})
    page.expected = ["409"]
    await opened(page, lively.url)
    places = """[...document.querySelectorAll('[data-agent=carol] .actions :is(button, summary)')]
        .map((one) => [one.offsetLeft, one.offsetTop].join()).join(' ')"""
    before = await page.eval(places)
    await page.click("[data-agent=carol] form[action='/start/carol'] button")
    await page.wait("document.querySelector('[data-agent=carol] .form-error:not([hidden])')")
    assert await page.eval(places) == before
    await page.wait(f"document.querySelector('[data-agent=carol]').innerText.includes('{message}')")


async def test_a_row_says_why_its_agent_does_not_work_for_as_long_as_it_does_not(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    side = lively.dashboard
    row = "document.querySelector('[data-agent=alice]')"
    why = {
        **scenes.container("alice", paused=True)["why"],
        "sentence": "it was paused by operator at noon; 3 messages wait",
        "mend": "hive.pyz resume alice",
    }
    paused = scenes.container("alice", paused=True, note=why["sentence"], why=why)
    side.publish("container_state_changed", container=paused)
    await page.wait(f"{row}.querySelector('.why:not([hidden])')")
    assert await page.eval(f"{row}.querySelector('.why').innerText") == why["sentence"]
    badge = f"{row}.querySelector('.badges .badge')"
    assert "paused" in await page.eval(f"{badge}.innerText")
    assert "hive.pyz resume alice" in await page.eval(f"{badge}.title")
    side.publish("container_state_changed", container=scenes.container("alice"))
    await page.wait(f"{row}.querySelector('.why').hidden")
    assert "idle" in await page.eval(f"{badge}.innerText")


async def test_a_dismissed_notice_stays_away_until_it_holds_anew(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    side = lively.dashboard
    mute = {"kind": "forge", "level": "warning", "message": "silent for 9 s", "about": []}
    side.publish("notices_changed", notices=[mute])
    await page.wait("document.querySelector('#notices [data-kind=forge]')")
    await page.click("#notices [data-kind=forge] button")
    await page.wait("!document.querySelector('#notices .strip')")
    off = {"kind": "off", "level": "info", "message": "off: bob", "about": ["bob"]}
    side.publish("notices_changed", notices=[{**mute, "message": "silent for 10 s"}, off])
    await page.wait("document.querySelector('#notices [data-kind=off]')")
    assert await page.count("#notices .strip") == 1
    assert await page.text("#notices a[href='/agent/bob/']") == "bob"
    side.publish("notices_changed", notices=[])
    side.publish("notices_changed", notices=[mute])
    await page.wait("document.querySelector('#notices [data-kind=forge]')")


async def test_a_broken_stream_resumes_without_a_new_snapshot(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    side = lively.dashboard
    side.publish(
        "container_state_changed",
        container=scenes.container("alice", unread=3, pending_reminders=1),
    )
    await page.wait("document.querySelector('[data-agent=alice]').innerText.includes('3 waiting')")
    reads = lively.reads.count("/api/state")
    side.cut()
    side.publish(
        "container_state_changed",
        container=scenes.container("alice", unread=4, pending_reminders=1),
    )
    await page.wait("document.querySelector('[data-agent=alice]').innerText.includes('4 waiting')")
    await page.wait(LIVE)
    assert side.resumes[-1] == str(side.seq - 1)
    assert lively.reads.count("/api/state") == reads


async def test_a_reset_takes_a_new_snapshot(page: Page, lively: PageServer) -> None:
    await opened(page, lively.url)
    side = lively.dashboard
    side.state = {**side.state, "containers": [scenes.container("newcomer")]}
    side.send(b"event: reset\ndata: {}\n\n")
    await page.wait("document.querySelector('[data-agent=newcomer]')")
    assert await page.count("[data-agent]") == 1


async def test_a_login_that_ended_says_how_to_get_a_new_one(page: Page, server: PageServer) -> None:
    page.expected = ["401"]
    server.answers["/api/state"] = (401, {"error": {"code": "unauthorized", "message": "no"}})
    await page.navigate(server.url)
    await page.wait("document.querySelector('#connection').dataset.status === 'logged_out'")
    assert "login-link" in await page.text("#connection-detail")


async def test_logs_open_beside_the_page_and_escape_closes_them(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("[data-agent=alice] .logs")
    await page.wait("document.querySelector('dialog.side pre').textContent.includes('another')")
    await leave_dialog(page)
    assert await page.eval("document.activeElement.className") == "link logs"


async def test_logs_are_followed_and_do_not_move_what_is_being_read(
    page: Page, lively: PageServer
) -> None:
    await opened(page, lively.url)
    await page.click("[data-agent=alice] .logs")
    text = "document.querySelector('dialog.side pre')"
    await page.wait(f"{text}.textContent.includes('another')")
    lively.journal += [f"line {number}" for number in range(400)]
    await page.click("dialog.side .follow")
    await page.wait(f"{text}.textContent.endsWith('line 399')")
    await page.wait(f"{text}.scrollTop > 0")
    await page.eval(f"{text}.scrollTop = 0")
    lively.journal.append("the newest")
    await page.wait(f"{text}.textContent.endsWith('the newest')")
    assert await page.eval(f"{text}.scrollTop") == 0
    await page.click("dialog.side .follow")
    lively.journal.append("when asked for")
    await page.click("dialog.side button.calm")
    await page.wait(f"{text}.textContent.endsWith('when asked for') && {text}.scrollTop > 0")
    await page.eval(
        "(() => { const unit = document.querySelector('[aria-label=\"Which log\"]');"
        " unit.value = 'console'; unit.dispatchEvent(new Event('change')); })()"
    )
    await page.wait(f"{text}.textContent === 'its console'")


async def test_a_failing_task_opens_its_list(page: Page, server: PageServer) -> None:
    await opened(page, server.url)
    assert not await page.eval("document.querySelector('#tasks').open")
    ill = scenes.task("broker", "failed", last_error="the disk is full")
    server.dashboard.publish("tasks_changed", tasks=[ill])
    await page.wait("document.querySelector('#tasks').open")
    assert "the disk is full" in await page.text("#tasks")
