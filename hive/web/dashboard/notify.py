"""The notifications section: what is switched where, which browsers are pushed to, tests."""

from __future__ import annotations

from typing import Any

from hive.core import notify_actions
from hive.core.hive import Hive
from hive.web.dashboard.actions import OK, number
from hive.web.dashboard.table import OutletBody, QuietBody, TestBody
from hive.web.routes import Handlers
from hive.wire import codec
from hive.wire.notifications import NewSubscription, OutletSwitches, Quiet

Json = dict[str, Any]


def add(routes: Handlers, hive: Hive) -> None:
    """Add the routes of notifications."""
    _add_settings(routes, hive)

    @routes.post("/notifications/key")
    async def key() -> Json:
        return {**OK, "key": await notify_actions.push_key(hive)}

    @routes.post("/notifications/subscribe")
    async def subscribe(body: NewSubscription) -> Json:
        return {**OK, "id": await notify_actions.subscribe(hive, body.label, body)}

    @routes.post("/notifications/unsubscribe/<text>")
    async def unsubscribe(text: str) -> Json:
        await notify_actions.unsubscribe(hive, number(text))
        return OK

    @routes.post("/notifications/resend/<text>")
    async def resend(text: str) -> Json:
        await notify_actions.resend(hive, number(text))
        return OK


def _add_settings(routes: Handlers, hive: Hive) -> None:
    @routes.get("/api/notifications")
    async def report() -> Json:
        found: Json = codec.to_json(await hive.notifications.report())
        return found

    @routes.post("/notifications/outlet")
    async def outlet(body: OutletBody) -> Json:
        switches = OutletSwitches(_words(body.classes), body.texts)
        await notify_actions.set_outlet(hive, body.outlet, switches)
        return OK

    @routes.post("/notifications/quiet")
    async def quiet(body: QuietBody) -> Json:
        hours = Quiet(body.is_on, body.start, body.end, body.zone, _words(body.passing))
        await notify_actions.set_quiet(hive, hours)
        return OK

    @routes.post("/notifications/test")
    async def test(body: TestBody) -> Json:
        tested = await notify_actions.test(hive, body.outlet)
        return {**OK, "tested": [codec.to_json(each) for each in tested]}


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
