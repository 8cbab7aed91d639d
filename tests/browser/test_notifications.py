"""What happens is shown by the browser: pushed or told of by a frame, once, and it leads there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import trio

from tests.browser import LIVE, opened
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer
from tests.fakes.running import running

SHOWN = """(async () => {
  const registration = await navigator.serviceWorker.ready;
  const all = await registration.getNotifications();
  return all.map(({title, body, tag, data}) => [title, body, tag, data.path]);
})()"""
CLOSED = """(async () => {
  const registration = await navigator.serviceWorker.ready;
  for (const one of await registration.getNotifications()) one.close();
})()"""
OPEN = "document.querySelector('#notifications').open = true"
SWITCHES = {"classes": ["approval", "question", "message", "fault"], "texts": True}
REPORT: dict[str, Any] = {
    "settings": {
        "outlets": dict.fromkeys(("browser", "push", "webhook", "ntfy"), SWITCHES),
        "quiet": {"is_on": True, "start": "22:00", "end": "07:00", "zone": "UTC", "passing": []},
    },
    "outlets": [
        {"name": name, "is_ready": name != "ntfy", "where": f"where {name} is", **said}
        for name, said in (
            ("browser", {"answer": None, "answered_at": None}),
            ("push", {"answer": "accepted with status 201", "answered_at": 1.0}),
            ("webhook", {"answer": "refused with status 400", "answered_at": 1.0}),
            ("ntfy", {"answer": None, "answered_at": None}),
        )
    ],
    "subscriptions": [
        {
            "id": 3,
            "label": "Chrome on Android",
            "service": "push.example",
            "made_at": 1.0,
            "answer": "accepted with status 201",
            "answered_at": 2.0,
        }
    ],
    "deliveries": [
        {
            "id": 12,
            "outlet": "webhook",
            "class": "message",
            "title": "12 messages from bob",
            "state": "given_up",
            "attempts": 1,
            "made_at": 1.0,
            "due_at": 1.0,
            "answer": "refused with status 400",
        }
    ],
}


def told(number: int = 7, **changes: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "id": f"x-{number}",
        "class": "message",
        "title": "A message from bob",
        "text": "<b>hello</b>",
        "path": f"/#message-{number}",
        "tag": f"message-{number}",
        "at": 1.0,
        "counts": {"message": 1},
        "url": None,
        **changes,
    }


async def answered(page: Page, url: str, setting: str) -> None:
    """Say what somebody says who is asked whether this site may notify."""
    about = (await page.send("Target.getTargetInfo"))["targetInfo"]
    await page.send(
        "Browser.setPermission",
        permission={"name": "notifications"},
        setting=setting,
        origin=url.rstrip("/"),
        browserContextId=about["browserContextId"],
    )


async def shown(page: Page, count: int) -> list[list[str]]:
    """Wait until so many notifications are shown, and return them."""
    with trio.fail_after(30):
        # Nothing tells a page that its worker has shown one.
        while len(found := await page.eval(SHOWN)) != count:  # noqa: ASYNC110
            await trio.sleep(0.05)
    return [list(each) for each in found]


async def test_a_push_is_shown_as_text_once_for_each_tag_and_knows_where_it_leads(
    page: Page, server: PageServer
) -> None:
    await answered(page, server.url, "granted")
    registered = trio.Event()
    ids: list[str] = []

    def hear(method: str, params: dict[str, Any]) -> None:
        if method == "ServiceWorker.workerRegistrationUpdated":
            ids.extend(one["registrationId"] for one in params["registrations"])
            registered.set()

    page.listener = hear
    await opened(page, server.url)
    await page.wait("navigator.serviceWorker.controller", 30)
    await page.send("ServiceWorker.enable")
    with trio.fail_after(30):
        await registered.wait()
    await page.navigate(server.agent_url)
    for number in (7, 7, 8):
        await page.send(
            "ServiceWorker.deliverPushMessage",
            origin=server.url,
            registrationId=ids[0],
            data=json.dumps(told(number)),
        )
    assert await shown(page, 2) == [
        ["A message from bob", "<b>hello</b>", f"message-{number}", f"/#message-{number}"]
        for number in (7, 8)
    ]
    await page.eval(CLOSED)


async def test_a_frame_is_shown_once_and_what_was_there_before_is_not(
    page: Page, lively: PageServer
) -> None:
    await answered(page, lively.url, "granted")
    await opened(page, lively.url)
    await page.wait("navigator.serviceWorker.controller", 30)
    for number in (7, 7):
        lively.dashboard.publish("notified", notification=told(number, **{"class": "test"}))
    assert await shown(page, 1) == [
        ["A message from bob", "<b>hello</b>", "message-7", "/#message-7"]
    ]
    await page.eval(CLOSED)


async def test_nothing_is_asked_for_before_a_click_and_a_block_is_said(
    page: Page, server: PageServer
) -> None:
    server.answers["/api/notifications"] = (200, REPORT)
    await answered(page, server.url, "denied")
    await opened(page, server.url)
    await page.eval(OPEN)
    await page.wait(
        "/blocks notifications/.test(document.querySelector('.this-browser').innerText)"
    )
    assert await page.eval("!document.querySelector('.this-browser button').checkVisibility()")


async def test_switches_tests_and_quiet_hours_are_sent_and_the_answer_is_shown(
    page: Page, server: PageServer
) -> None:
    posted: list[tuple[str, dict[str, str]]] = []
    server.on_post = lambda path, fields: posted.append((path, fields))
    server.answers["/api/notifications"] = (200, REPORT)
    tested = {"ok": True, "tested": [{"outlet": "webhook", "is_accepted": True, "answer": "yes"}]}
    server.answers["/notifications/test"] = (200, tested)
    await opened(page, server.url)
    await page.eval(OPEN)
    await page.click("[data-outlet=webhook] [name=message]")
    await page.click("[data-outlet=webhook] button")
    await page.wait(
        "/✓ webhook: yes/.test(document.querySelector('[data-outlet=webhook]').innerText)"
    )
    await page.click("#notifications [name=zone]")
    await page.type("x")
    # Whatever comes in, what is being typed stays.
    server.dashboard.publish("notifications_changed")
    await page.click("#notifications .hours button")
    await page.wait("/Quiet hours are set/.test(document.body.innerText)")
    paths = [path for path, _ in posted]
    assert paths == ["/notifications/outlet", "/notifications/test", "/notifications/quiet"]
    assert posted[0][1] == {
        "outlet": "webhook",
        "classes": "approval,question,fault",
        "texts": "true",
    }
    assert posted[2][1]["zone"] == "UTCx"


async def test_what_cannot_be_read_offers_nothing_to_press_and_says_why(
    page: Page, lively: PageServer
) -> None:
    page.expected.append("503")
    fault = {"error": {"code": "unavailable", "message": "the database is locked"}}
    lively.answers["/api/notifications"] = (503, fault)
    await opened(page, lively.url)
    await page.click("#notifications > summary")
    await page.wait(
        "document.querySelector('#notifications .form-error').innerText.includes('is locked')"
    )
    pressed = "[...document.querySelectorAll('#notifications :is(button, input)')]"
    assert not await page.eval(f"{pressed}.some((one) => one.checkVisibility())")


async def test_the_section_fits_a_phone(page: Page, server: PageServer) -> None:
    server.answers["/api/notifications"] = (200, REPORT)
    await page.viewport(360, 740)
    await opened(page, server.url)
    await page.eval(OPEN)
    await page.wait("document.querySelectorAll('#notifications .outlet').length === 4")
    assert await page.overflow() == 0


async def test_from_an_agents_message_to_a_notification_of_who_looks_elsewhere(
    short_tmp: Path, page: Page
) -> None:
    async with running(short_tmp, allowed_hosts=("127.0.0.1",)) as daemon:
        await daemon.operator("spawn", name="bob")
        await daemon.agent("bob", "send", to="operator", body="before anybody came")
        url = (await daemon.operator("login_link"))["url"]
        await answered(page, url.partition("/login")[0], "granted")
        await page.navigate(url)
        await page.wait(LIVE)
        await page.wait("navigator.serviceWorker.controller", 30)
        await page.eval(OPEN)
        await page.wait("/^on$/.test(document.querySelector('.this-browser .badge').innerText)")
        await page.click("[data-outlet=browser] button")
        assert [each[0] for each in await shown(page, 1)] == ["A test"]
        await page.eval(CLOSED)
        about = (await page.send("Target.getTargetInfo"))["targetInfo"]
        context = about["browserContextId"]
        await page.send("Target.createTarget", url="about:blank", browserContextId=context)
        await page.wait("!document.hasFocus()")
        reply = await daemon.agent("bob", "ask", question="tea?")
        number = reply["id"]
        assert await shown(page, 1) == [
            ["bob asks", "tea?", f"question-{number}", f"/#question-{number}"]
        ]
        await page.eval(CLOSED)
        await page.navigate("about:blank")
