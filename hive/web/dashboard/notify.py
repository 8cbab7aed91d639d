"""The notifications section: what is switched where, which browsers are pushed to, tests."""

from __future__ import annotations

from hive.core import notify_actions
from hive.core.hive import Hive
from hive.web.dashboard.actions import OK, Verb, add_numbered
from hive.web.dashboard.bodies import OutletBody, QuietBody, TestBody
from hive.web.replies import Json, as_object
from hive.web.routes import Handlers
from hive.wire import codec
from hive.wire.notifications import NewSubscription, OutletSwitches, Quiet


def add(routes: Handlers, hive: Hive) -> None:
    """Add the routes of notifications."""
    _add_settings(routes, hive)
    verbs: dict[str, Verb] = {
        "/notifications/unsubscribe": notify_actions.unsubscribe,
        "/notifications/resend": notify_actions.resend,
    }
    add_numbered(routes, hive, verbs)

    @routes.post("/notifications/key")
    async def key() -> Json:
        return {**OK, "key": await notify_actions.push_key(hive)}

    @routes.post("/notifications/subscribe")
    async def subscribe(body: NewSubscription) -> Json:
        return {**OK, "id": await notify_actions.subscribe(hive, body.label, body)}


def _add_settings(routes: Handlers, hive: Hive) -> None:
    @routes.get("/api/notifications")
    async def report() -> Json:
        return as_object(await hive.notifications.report())

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
