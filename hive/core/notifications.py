"""Notifying the operator: what goes where, what was found at fault, and what may be changed.

What happened is in the database already when this is asked; nobody who sends a message or asks a
question waits for an outlet. Which outlets there are and how they are reached is `core/outlets`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs
import trio

from hive.core import notify_rules
from hive.core.outlets import Outlets, Sent
from hive.errors import Conflict, NotFound
from hive.store.notifications import NotificationStore
from hive.store.notify_rows import Delivery, Happening, Route, Subscription
from hive.wire import codec
from hive.wire.dashboard import Notice, NotificationsChanged, Notified
from hive.wire.notifications import (
    BROWSER,
    DELIVERED,
    GIVEN_UP,
    NTFY,
    OUTLETS,
    PUSH,
    WAITING,
    WEBHOOK,
    DeliveryRow,
    NewSubscription,
    OutletRow,
    Report,
    Settings,
    SubscriptionRow,
    Tested,
    check_settings,
)
from hive.wire.why import ERROR

SUBSCRIPTIONS = 20
CLAIM_S = 60.0
"""When a try is repeated that a killed daemon did not finish; longer than any of them takes."""
OVER_S = 300.0
"""A fault that was not seen for so long is another one when it comes back."""
TOLD = frozenset({"needs_login", "task"})
"""Kinds of notice that are faults beside those of level `error`."""


class Notifications:
    """The notifications of one hive."""

    def __init__(
        self,
        store: NotificationStore,
        outlets: Outlets,
        *,
        clock: Callable[[], float],
        publish: Callable[[object], None],
    ) -> None:
        """With the usual settings until `load`."""
        self.store = store
        self.outlets = outlets
        self.settings = Settings()
        self._clock = clock
        self._publish = publish
        self._hive = ""
        self._subscriptions: dict[str, Subscription] = {}
        self._faults: dict[str, float] = {}

    async def load(self) -> None:
        """Read what was stored."""
        self._hive, text = await self.store.settings()
        if text is not None:
            stored = codec.from_json(Settings, codec.loads(text), may_grow=True)
            # An outlet that an older hive did not have is as it is usual.
            outlets = {**Settings().outlets, **stored.outlets}
            self.settings = attrs.evolve(stored, outlets=outlets)
        now = self._clock()
        self._faults = dict.fromkeys(await self.store.faults_told(), now)
        await self._read_subscriptions()

    async def route(self) -> int:
        """Turn what happened into deliveries; return how much it was."""
        now = self._clock()
        until = notify_rules.quiet_until(self.settings.quiet, now)
        there = [BROWSER, *self._subscriptions, *self.outlets.configured()]

        def routes_of(happening: Happening) -> list[Route]:
            is_held = until is not None and happening.class_ not in self.settings.quiet.passing
            together = "quiet" if is_held else notify_rules.group_of(happening)
            return [
                Route(outlet, together, until if is_held else None)
                for outlet in there
                if happening.class_ in self.settings.outlets[_kind(outlet)].classes
            ]

        return await self.store.route(routes_of, now, notify_rules.GAP_S)

    async def tell_faults(self, notices: Iterable[Notice]) -> None:
        """Let what is wrong now have happened, where it was not told of yet."""
        now = self._clock()
        new: list[tuple[str, str, str]] = []
        for notice in notices:
            if notice.level != ERROR and notice.kind not in TOLD:
                continue
            for subject in notice.about or (notify_rules.HIVE,):
                is_task = notice.kind == "task"
                fault = f"{notice.kind}:{subject}"
                if fault not in self._faults:
                    owner = notify_rules.HIVE if is_task else subject
                    new.append((fault, owner, notice.message[:400]))
                self._faults[fault] = now
        # Seen at a later time than this is: the clock was put back since.
        over = [fault for fault, seen in self._faults.items() if abs(now - seen) > OVER_S]
        if new or over:
            await self.store.tell_faults(new, over, now)
        for fault in over:
            del self._faults[fault]

    async def attempt(self, due: Delivery) -> None:
        """Try a delivery once, and note what became of it."""
        delivery = await self.store.claim(due.id, self._clock() + CLAIM_S)
        if delivery is None:
            return
        sent = await self._send(delivery)
        now = self._clock()
        state, due_at = self._outcome(delivery, sent, now)
        answer = sent.answer
        if state == GIVEN_UP and not sent.is_final:
            answer = f"given up after {delivery.attempts} tries: {answer}"
        await self.store.ended(delivery, state, answer, now, due_at)
        if state == WAITING:
            await self.store.hold(delivery.outlet, due_at)
        if sent.is_gone:
            await self._drop(delivery.outlet, sent.answer)
        if delivery.outlet != BROWSER:
            self._publish(NotificationsChanged())

    def _outcome(self, delivery: Delivery, sent: Sent, now: float) -> tuple[str, float]:
        if sent.is_accepted:
            return DELIVERED, now
        if sent.is_final or now - delivery.made_at > notify_rules.GIVE_UP_S:
            return GIVEN_UP, now
        return WAITING, now + notify_rules.retry_s(delivery.attempts, sent.retry_after_s)

    async def _send(self, delivery: Delivery) -> Sent:
        switches = self.settings.outlets[_kind(delivery.outlet)]
        notification = notify_rules.told_as(
            delivery,
            f"{self._hive}-{delivery.id}",
            with_text=switches.texts,
            home=self.outlets.home(),
        )
        if delivery.outlet == BROWSER:
            self._publish(Notified(notification))
            return Sent(True, "shown on every page that is open")
        return await self.outlets.send(
            delivery.outlet, notification, self._subscriptions.get(delivery.outlet)
        )

    async def _drop(self, outlet: str, why: str) -> None:
        """Forget a browser of which its push service says that it is no more."""
        subscription = self._subscriptions.get(outlet)
        if subscription is None:
            return
        await self.store.unsubscribe(subscription.id)
        await self._read_subscriptions()
        text = f"{subscription.label} is no longer pushed to: {why}"
        await self.store.answered(PUSH, text, self._clock())

    async def report(self) -> Report:
        """Return everything for the operator."""
        answers = await self.store.answers()

        def row(name: str, *, is_ready: bool, where: str) -> OutletRow:
            answer, at = answers.get(name, (None, None))
            return OutletRow(name, is_ready, where, answer, at)

        count = len(self._subscriptions)
        browsers = f"{count} {'browser' if count == 1 else 'browsers'}"
        configured = self.outlets.configured()
        rows = (
            row(BROWSER, is_ready=True, where="pages that are open, in browsers that allow it"),
            row(PUSH, is_ready=count > 0, where=browsers),
            *(
                row(name, is_ready=name in configured, where=self.outlets.where(name))
                for name in (WEBHOOK, NTFY)
            ),
        )
        subscriptions = tuple(
            SubscriptionRow(
                one.id,
                one.label,
                self.outlets.host_of(one.endpoint),
                one.made_at,
                *answers.get(outlet, (None, None)),
            )
            for outlet, one in self._subscriptions.items()
        )
        deliveries = tuple(self._shown(each) for each in await self.store.open())
        return Report(self.settings, rows, subscriptions, deliveries)

    def _shown(self, delivery: Delivery) -> DeliveryRow:
        told = notify_rules.told_as(delivery, "", with_text=False, home=None)
        return DeliveryRow(
            delivery.id,
            delivery.outlet,
            told.class_,
            told.title,
            delivery.state,
            delivery.attempts,
            delivery.made_at,
            delivery.due_at,
            delivery.answer,
        )

    async def save(self, settings: Settings) -> None:
        """Store other settings; raises `BadRequest`."""
        check_settings(settings)
        notify_rules.zone_of(settings.quiet.zone)
        text = codec.dumps(codec.to_json(settings)).decode()
        await self.store.save_settings(text)
        self.settings = settings
        self._publish(NotificationsChanged())

    async def test(self, name: str) -> list[Tested]:
        """Send a test to an outlet at once, and return what it said; raises `NotFound`."""
        if _kind(name) not in OUTLETS:
            raise NotFound(f"there is no outlet {name[:40]!r}: there are {', '.join(OUTLETS)}")
        now = self._clock()
        notification = notify_rules.test_of(
            f"{self._hive}-test-{int(now * 1000)}", now, self.outlets.home()
        )
        if name == BROWSER:
            self._publish(Notified(notification))
            return [Tested(BROWSER, True, "shown on every page that is open")]
        tested: list[Tested] = []
        reached = self._reached_by(name)

        async def try_one(outlet: str, subscription: Subscription | None) -> None:
            sent = await self.outlets.send(outlet, notification, subscription)
            await self.store.answered(outlet, sent.answer, self._clock())
            if sent.is_gone:
                await self._drop(outlet, sent.answer)
            label = name if subscription is None else subscription.label
            tested.append(Tested(label, sent.is_accepted, sent.answer))

        async with trio.open_nursery() as nursery:
            for outlet, subscription in reached:
                nursery.start_soon(try_one, outlet, subscription)
        self._publish(NotificationsChanged())
        return tested

    def _reached_by(self, name: str) -> Sequence[tuple[str, Subscription | None]]:
        if _kind(name) == PUSH:
            found = [
                (outlet, one)
                for outlet, one in self._subscriptions.items()
                if name in (PUSH, outlet)
            ]
            if not found:
                raise Conflict("no browser is pushed to: enable it on the dashboard, in a browser")
            return found
        if name not in self.outlets.configured():
            raise Conflict(f"{name} is not configured: {self.outlets.where(name)}")
        return [(name, None)]

    async def subscribe(self, new: NewSubscription) -> int:
        """Store a browser that is to be pushed to; return its number. Raises `BadRequest`."""
        self.outlets.check_subscription(new)
        row = Subscription(0, new.endpoint, new.p256dh, new.auth, new.label, self._clock())
        number = await self.store.subscribe(row, SUBSCRIPTIONS)
        if number is None:
            raise Conflict(f"{SUBSCRIPTIONS} browsers are pushed to already: remove one of them")
        await self._read_subscriptions()
        self._publish(NotificationsChanged())
        return number

    async def unsubscribe(self, number: int) -> Subscription:
        """Forget a browser; raises `NotFound`."""
        gone = await self.store.unsubscribe(number)
        await self._read_subscriptions()
        self._publish(NotificationsChanged())
        return gone

    async def resend(self, number: int) -> None:
        """Let a notification that was given up be tried again; raises `NotFound`."""
        await self.store.resend(number, self._clock())
        self._publish(NotificationsChanged())

    async def _read_subscriptions(self) -> None:
        rows = await self.store.subscriptions()
        self._subscriptions = {f"{PUSH}:{row.id}": row for row in rows}


def _kind(outlet: str) -> str:
    return outlet.partition(":")[0]
