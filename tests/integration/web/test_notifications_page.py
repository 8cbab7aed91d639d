"""The notifications section's routes: what is switched, who is pushed to, what is recorded."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.receiver import Browser, receiver
from tests.integration.web.dashboard import browsing


async def test_what_is_switched_on_the_page_is_kept_and_recorded(short_tmp: Path) -> None:
    async with browsing(short_tmp) as browser:
        done = await browser.post("/notifications/outlet", outlet="push", classes="fault, approval")
        assert done.json() == {"ok": True}
        hours = {"is_on": "true", "start": "21:30", "end": "06:15", "zone": "UTC"}
        await browser.post("/notifications/quiet", **hours, passing="fault")
        settings = (await browser.get("/api/notifications")).json()["settings"]
        assert settings["outlets"]["push"] == {"classes": ["fault", "approval"], "texts": False}
        assert settings["quiet"] == {**hours, "is_on": True, "passing": ["fault"]}
        await browser.hive.audit.settle()
        lines = [row.entry for row in browser.hive.audit.newest(20)]
        done_by = {(line.action, line.actor, line.surface) for line in lines}
        assert {
            ("set_notifications", "operator", "page"),
            ("set_quiet_hours", "operator", "page"),
        } <= done_by


async def test_what_cannot_be_is_refused_in_words(short_tmp: Path) -> None:
    async with browsing(short_tmp) as browser:
        for path, fields, word in (
            ("/notifications/outlet", {"outlet": "pigeon"}, "there is no outlet"),
            ("/notifications/outlet", {"outlet": "push", "classes": "all"}, "is no class"),
            ("/notifications/quiet", {"is_on": "true", "zone": "Mars"}, "no time zone"),
            ("/notifications/test", {"outlet": "webhook"}, "set webhook_url"),
            ("/notifications/resend/7", {}, "was given up"),
            ("/notifications/unsubscribe/7", {}, "is pushed to"),
        ):
            reply = await browser.post(path, **fields)
            assert 400 <= reply.status < 500, path
            assert word in reply.json()["detail"], reply.json()


async def test_a_browser_subscribes_is_tested_and_is_removed(short_tmp: Path) -> None:
    phone = Browser()
    async with browsing(short_tmp) as browser, receiver() as service:
        assert len((await browser.post("/notifications/key")).json()["key"]) == 87
        given = phone.given(service.url("/1"), "Chrome on Android")
        number = (await browser.post("/notifications/subscribe", **given)).json()["id"]
        tested = (await browser.post("/notifications/test", outlet="push")).json()["tested"]
        assert tested == [
            {
                "outlet": "Chrome on Android",
                "is_accepted": True,
                "answer": "accepted with status 201",
            }
        ]
        assert phone.read(service.got[0].body)["class"] == "test"
        (row,) = (await browser.get("/api/notifications")).json()["subscriptions"]
        assert (row["id"], row["service"]) == (number, f"127.0.0.1:{service.port}")
        await browser.post(f"/notifications/unsubscribe/{number}")
        assert (await browser.get("/api/notifications")).json()["subscriptions"] == []
        await browser.hive.audit.settle()
        written = str([row.entry for row in browser.hive.audit.newest(50)])
        # Whoever has the address and the keys can push to that browser.
        for secret in (given["endpoint"], given["p256dh"], given["auth"]):
            assert secret not in written
