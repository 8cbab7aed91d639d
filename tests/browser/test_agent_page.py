"""An agent's page in a real browser, against scripted turns and long histories."""

from __future__ import annotations

import pytest

from tests.browser import LIVE, opened
from tests.fakes import agent_scenes as scenes
from tests.fakes import page_scenes as scenes_of
from tests.fakes.browser import Page
from tests.fakes.page_scenes import NOW
from tests.fakes.page_server import PageServer

AT_END = (
    "(() => { const log = document.querySelector('.log');"
    " return log.scrollHeight - log.scrollTop - log.clientHeight < 2; })()"
)


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (360, 740)])
async def test_no_width_makes_the_page_scroll_sideways(
    page: Page, server: PageServer, width: int, height: int
) -> None:
    server.agent.history = scenes.history(scenes.turn())
    await page.viewport(width, height)
    await opened(page, server.agent_url)
    await page.eval("document.querySelectorAll('.log details').forEach((d) => (d.open = true))")
    assert await page.overflow() == 0
    wide = "[...document.querySelectorAll('.log')].every((n) => n.scrollWidth <= n.clientWidth)"
    assert await page.eval(wide)


async def test_a_turn_is_told_row_by_row(page: Page, server: PageServer) -> None:
    await opened(page, server.agent_url)
    for kind, fields in scenes.turn():
        server.agent.publish(kind, **fields)
    await page.wait("document.querySelector('.turn-fail')")
    rows = await page.eval(
        "[...document.querySelectorAll('.log .line')].map((n) => n.className.split(' ').slice(1)"
        ".filter((c) => c !== 'fold').join(' '))"
    )
    assert rows == [
        "turn-start", "turn-body", "thinking", "text", "tool", "result", "tool", "result", "tool",
        "result", "tool", "result bad", "note err", "tool", "result", "tool", "result", "note op",
        "note err", "sys", "text", "turn-ok", "turn-start", "turn-body", "turn-fail",
    ]  # fmt: skip
    text = await page.text(".log")
    assert "$ pytest -q tests" in text
    assert "40 lines · tests/test_parser.py::test_0 PASSED" in text
    assert "turn ok · 12.3s" in text
    assert "TURN ← bob · again" in text


async def test_an_edit_shows_its_diff_when_opened(page: Page, server: PageServer) -> None:
    server.agent.history = scenes.history(scenes.turn())
    await opened(page, server.agent_url)
    edit = "[...document.querySelectorAll('summary')].find((n) => n.innerText.includes('Edit'))"
    assert "-1 +2" in await page.eval(f"{edit}.innerText")
    await page.eval(f"{edit}.click()")
    await page.wait("document.querySelectorAll('.diff .add').length === 2")


async def test_a_result_joins_its_call_even_when_the_call_comes_later(
    page: Page, server: PageServer
) -> None:
    frames = [("stream", scenes.claude("assistant", scenes.tool_use(1, "Bash", command="ls")))]
    frames += [("stream", scenes.claude("assistant", scenes.text(f"row {n}"))) for n in range(320)]
    frames += [("stream", scenes.claude("user", scenes.tool_result(1, "a file")))]
    server.agent.history = scenes.history(frames)
    await opened(page, server.agent_url)
    await page.eval("document.querySelector('.log').scrollTop = 0")
    await page.wait("document.querySelector('.call > .tool + .result')")
    assert await page.count(".log .result") == 1


async def test_new_rows_keep_the_end_in_sight(page: Page, server: PageServer) -> None:
    server.agent.history = scenes.long_history(100)
    await opened(page, server.agent_url)
    await page.wait(AT_END)
    for n in range(50):
        server.agent.publish("note", text=f"live {n}", source="harness")
    await page.wait("document.querySelector('.log').innerText.includes('live 49')")
    await page.wait(AT_END)


async def test_who_reads_above_is_left_alone_and_told_how_much_is_new(
    page: Page, server: PageServer
) -> None:
    server.agent.history = scenes.long_history(200)
    await opened(page, server.agent_url)
    await page.eval("document.querySelector('.log').scrollTop = 1500")
    await page.wait("document.querySelector('.log').scrollTop === 1500")
    for n in range(7):
        server.agent.publish("note", text=f"live {n}", source="harness")
    await page.wait("document.querySelector('.pill').textContent === '↓ 7 new'")
    assert await page.eval("document.querySelector('.log').scrollTop") == 1500
    await page.click(".pill")
    await page.wait(AT_END)
    await page.wait("document.querySelector('.pill').hidden")


async def test_a_long_history_is_read_page_by_page(page: Page, server: PageServer) -> None:
    server.agent.history = scenes.long_history(3000)
    await opened(page, server.agent_url)
    assert await page.count(".log [data-seq]") <= 600
    for _ in range(36):
        await page.eval(
            "new Promise((done) => { const log = document.querySelector('.log');"
            " const first = log.querySelector('[data-seq]').dataset.seq;"
            " const look = () => log.querySelector('[data-seq]').dataset.seq === first"
            "   && first !== '1' ? (log.scrollTop = 0, requestAnimationFrame(look)) : done();"
            " look(); })"
        )
        assert await page.count(".log [data-seq]") <= 1400
    await page.wait("document.querySelector('.log [data-seq]').dataset.seq === '1'")
    await page.click(".pill")
    await page.wait("document.querySelector('.log').innerText.includes('row 2999')")
    await page.wait(AT_END)


async def test_ten_thousand_live_rows_stay_smooth_and_few(page: Page, server: PageServer) -> None:
    await opened(page, server.agent_url)
    # What comes faster than it is drawn is let go of and read again.
    server.agent.history = server.agent.frames
    for n in range(10_000):
        server.agent.publish("note", text=f"live {n}", source="harness")
    await page.wait("document.querySelector('.log').innerText.includes('live 9999')", 30)
    assert await page.count(".log [data-seq]") <= 1200
    await page.wait(AT_END)
    rows = "[...document.querySelectorAll('.log [data-seq]')].map((n) => Number(n.dataset.seq))"
    shown = await page.eval(rows)
    assert shown == list(range(shown[0], server.agent.seq + 1))


async def test_a_line_of_three_megabytes_does_not_freeze_the_page(
    page: Page, server: PageServer
) -> None:
    await opened(page, server.agent_url)
    server.agent.publish("stream", **scenes.long_line(3_000_000))
    server.agent.publish("note", text="after it", source="harness")
    await page.wait("document.querySelector('.log').innerText.includes('after it')")
    await page.click(".log .result summary")
    await page.wait("document.querySelector('.log pre').textContent.length === 32768")
    await page.click(".log .result button")
    await page.wait("document.querySelector('.log pre').textContent.length > 200000")
    assert await page.overflow() == 0


async def test_the_prompt_sends_on_enter_and_not_while_composing(
    page: Page, server: PageServer
) -> None:
    await opened(page, server.agent_url)
    await page.click("#prompt")
    await page.send("Input.imeSetComposition", text="に", selectionStart=1, selectionEnd=1)
    await page.press("Enter")
    assert server.requests == []
    await page.eval("document.querySelector('#prompt').value = ''")
    await page.type("first line")
    await page.press("Enter", shift=True)
    await page.type("second line")
    await page.press("Enter")
    posted = await server.wait_posted("/agent/alice/send")
    assert posted == {"body": "first line\nsecond line"}
    await page.wait("document.querySelector('#prompt').value === ''")


async def test_slash_commands_act_and_are_never_sent(page: Page, server: PageServer) -> None:
    await opened(page, server.agent_url)
    await page.click("#prompt")
    await page.type("/mod")
    await page.press("Tab")
    await page.type(" opus")
    await page.press("Enter")
    assert await server.wait_posted("/agent/alice/api/model") == {"model": "opus"}
    await page.wait("document.querySelector('#prompt').value === ''")
    for command in ("/help", "/nonsense"):
        await page.type(command)
        await page.press("Enter")
        await page.wait("document.querySelector('#prompt').value === ''")
    text = await page.text(".log")
    assert "/new-session" in text
    assert "/nonsense is not a command" in text
    await page.type("/clear")
    await page.press("Enter")
    await page.wait("document.querySelectorAll('.log .line').length === 0")
    assert len(server.requests) == 1


async def test_a_message_too_long_is_told_before_it_is_sent(page: Page, server: PageServer) -> None:
    await opened(page, server.agent_url)
    await page.click("#prompt")
    await page.type("ä" * 2049)
    await page.wait("document.querySelector('.prompt .over').textContent.includes('4098')")
    await page.press("Enter")
    assert server.requests == []


async def test_a_failed_send_keeps_the_text(page: Page, server: PageServer) -> None:
    page.expected = ["503"]
    server.answers["/agent/alice/send"] = (
        503,
        {"error": {"code": "unavailable", "message": "the disk is full: make room"}},
    )
    await opened(page, server.agent_url)
    await page.click("#prompt")
    await page.type("precious words")
    await page.press("Enter")
    await page.wait("document.querySelector('.prompt .over').textContent.includes('make room')")
    assert await page.eval("document.querySelector('#prompt').value") == "precious words"


async def test_the_header_follows_the_frames(page: Page, server: PageServer) -> None:
    await opened(page, server.agent_url)
    server.agent.publish("turn_state_changed", state="compacting", since=NOW)
    server.agent.publish("model_changed", model="opus")
    usage = {**scenes.agent_state()["ctx_usage"], "cache_read_input_tokens": 190_000}
    server.agent.publish("token_usage_changed", ctx=usage, cost=usage)
    server.why = scenes_of.container("alice", rate_limited=True)["why"]
    server.agent.publish("status_changed", status="rate_limited")
    await page.wait("document.querySelector('#turn-state').dataset.state === 'compacting'")
    await page.wait("document.querySelector('#model').textContent === 'model · opus'")
    await page.wait("document.querySelector('#ctx').className === 'badge danger'")
    await page.wait("document.querySelector('#status').textContent.includes('rate limited')")
    await page.wait("!document.querySelector('#state-detail').hidden")
    assert "account is at its limit" in await page.text("#state-detail")
    server.why = scenes_of.container("alice")["why"]
    server.agent.publish("status_changed", status="online")
    await page.wait("document.querySelector('#state-detail').hidden")


async def test_an_agent_that_is_down_says_so_and_comes_back(page: Page, server: PageServer) -> None:
    page.expected = ["503"]
    down = {"error": {"code": "unavailable", "message": "alice is not running: start it"}}
    server.answers["/events/stream"] = server.answers["/api/state"] = (503, down)
    await page.navigate(server.agent_url)
    await page.wait("document.querySelector('#connection-detail').textContent.includes('start it')")
    server.answers.clear()
    await page.wait(LIVE, 20)
    await page.wait("document.querySelector('#connection-detail').hidden")


async def test_the_page_of_a_stopped_agent_starts_it(page: Page, server: PageServer) -> None:
    page.expected = ["503"]
    server.why = scenes_of.container("alice", running=False)["why"]
    down = {"error": {"code": "stopped", "message": "alice is not running: start it"}}
    server.answers["/events/stream"] = server.answers["/api/state"] = (503, down)
    await page.navigate(server.agent_url)
    await page.wait("document.querySelector('#connection').dataset.status === 'stopped'")
    assert await page.text("h1") == "alice"
    await page.wait("document.querySelector('#away').innerText.includes('hive.pyz start alice')")
    assert "What you write to it waits" in await page.text("#away")
    server.why = scenes_of.container("alice", turn_state="offline")["why"]
    coming = {"error": {"code": "coming_up", "message": "alice is coming up"}}
    server.answers["/events/stream"] = server.answers["/api/state"] = (503, coming)
    await page.click("#away button")
    await server.wait_posted("/start/alice")
    await page.wait("document.querySelector('#away').innerText.includes('coming up')")
    assert await page.count("#away form:not([hidden])") == 0
    server.answers.clear()
    await page.wait(LIVE, 20)
    await page.wait("document.querySelector('#away').hidden")


async def test_what_is_typed_while_a_message_is_sent_stays(page: Page, server: PageServer) -> None:
    await opened(page, server.agent_url)
    await page.click("#prompt")
    await page.type("first")
    await page.press("Enter")
    await page.eval("document.querySelector('#prompt').value = 'second'")
    assert await server.wait_posted("/agent/alice/send") == {"body": "first"}
    await page.wait("!document.querySelector('.prompt .go').hasAttribute('aria-busy')")
    assert await page.eval("document.querySelector('#prompt').value") == "second"


async def test_loose_ends_open_once_and_are_answered_as_the_operator(
    page: Page, server: PageServer
) -> None:
    server.loose_ends = [
        {"kind": "question", "id": 3, "text": "Delete?", "age_seconds": 5.0, "asker": "alice",
         "target": None, "owner": None, "due_at": None, "options": ["yes", "no"]}
    ]  # fmt: skip
    await opened(page, server.agent_url)
    await page.wait("document.querySelector('#loose-ends').open")
    await page.click("#loose-ends textarea")
    await page.type("yes")
    await page.press("Enter")
    assert await server.wait_posted("/answer-question/3") == {"answer": "yes"}


async def test_controls_act(page: Page, server: PageServer) -> None:
    await opened(page, server.agent_url)
    await page.click("form[action='api/cancel'] button")
    await server.wait_posted("/agent/alice/api/cancel")
    await page.click("form[action='api/new-session'] button")
    await page.click("dialog .go")
    await server.wait_posted("/agent/alice/api/new-session")


async def test_hostile_output_stays_text(page: Page, server: PageServer) -> None:
    bad = "<img src=x onerror=document.title='owned'><style>*{display:none}</style>"
    blocks = [scenes.text(bad), scenes.tool_use(1, "Bash", command=bad)]
    server.agent.history = scenes.history(
        [
            ("turn_start", {"from": bad, "body": bad, "unread": 0}),
            ("stream", scenes.claude("assistant", *blocks)),
            ("stream", scenes.claude("user", scenes.tool_result(1, bad))),
            ("note", {"text": bad, "source": "stderr"}),
            ("stream", {"line": {"type": bad}}),
            ("stream", {"line": None}),
            ("stream", scenes.claude("assistant", {"type": "text"})),
        ]
    )
    await opened(page, server.agent_url)
    assert await page.count(".log :is(img, style, script)") == 0
    assert "owned" not in await page.eval("document.title")


async def test_a_refused_host_can_be_allowed_from_its_row(page: Page, server: PageServer) -> None:
    why = "evil.example:443 is not among what you may reach"
    server.network = scenes.network(
        scenes.reached("evil.example", "denied", why=why), scenes.reached("pypi.org", "allowed")
    )
    await opened(page, server.agent_url)
    await page.wait("!document.querySelector('#network').hidden")
    assert "2 · 1 refused" in await page.text("#network summary")
    await page.eval("document.querySelector('#network').open = true")
    await page.wait("document.querySelectorAll('#network .item').length === 2")
    text = await page.text("#network")
    assert "It may reach pypi.org. Its key or token is added on the way" in text
    assert why in text
    assert "1.5 kB out · 2.5 MB in" in text
    await page.click("#network .item form button")
    await page.wait("document.querySelector('dialog[open]')")
    await page.click("dialog .primary")
    assert await server.wait_posted("/allow/alice") == {"host": "evil.example"}
    await page.wait("document.body.innerText.includes('waits for your approval')")


async def test_the_hosts_network_is_a_warning(page: Page, server: PageServer) -> None:
    server.network = scenes.network(mode="host", account="given")
    await opened(page, server.agent_url)
    await page.wait("!document.querySelector('#network').hidden")
    assert "! the host's" in await page.text("#network summary")
    await page.eval("document.querySelector('#network').open = true")
    text = await page.text("#network")
    assert "nothing is held back" in text
    assert "It can read the key or token" in text
