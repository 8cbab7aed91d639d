"""Notifications: their classes, what is switched where, quiet hours, and what outlets get."""

from __future__ import annotations

import re

import attrs

from hive.errors import BadRequest

APPROVAL = "approval"
QUESTION = "question"
MESSAGE = "message"
FAULT = "fault"
CLASSES = (APPROVAL, QUESTION, MESSAGE, FAULT)
SUMMARY = "summary"
"""What came while it was quiet, of whatever class."""
TEST = "test"

BROWSER = "browser"
PUSH = "push"
WEBHOOK = "webhook"
NTFY = "ntfy"
OUTLETS = (BROWSER, PUSH, WEBHOOK, NTFY)

WAITING = "waiting"
DELIVERED = "delivered"
GIVEN_UP = "given_up"

SHAPE = 1
"""The version of a notification's JSON; it only ever grows."""
ENDPOINT_CHARS = 2000
LABEL_CHARS = 60
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9+_/-]{0,63}")


@attrs.frozen
class OutletSwitches:
    """What one outlet is sent."""

    classes: tuple[str, ...] = CLASSES
    texts: bool = True
    """Whether the beginning of a message or a question goes along."""


@attrs.frozen
class Quiet:
    """When nothing is sent; what came is summed up at its end."""

    is_on: bool = False
    start: str = "22:00"
    end: str = "07:00"
    zone: str = "UTC"
    """The time zone that both are in, such as Europe/Berlin."""
    passing: tuple[str, ...] = (FAULT,)
    """Classes that are sent all the same."""


def _usual() -> dict[str, OutletSwitches]:
    """Return everything everywhere; texts only to where nobody else can read them."""
    return {name: OutletSwitches(texts=name in {BROWSER, PUSH}) for name in OUTLETS}


@attrs.frozen
class Settings:
    """Everything that can be switched."""

    outlets: dict[str, OutletSwitches] = attrs.field(factory=_usual)
    quiet: Quiet = Quiet()


def check_settings(settings: Settings) -> None:
    """Raise `BadRequest` for what cannot be; whether this host knows the zone is asked later."""
    if set(settings.outlets) != set(OUTLETS):
        raise BadRequest(f"outlets must name each of {', '.join(OUTLETS)}, and nothing else")
    named = [each for one in settings.outlets.values() for each in one.classes]
    for each in (*named, *settings.quiet.passing):
        if each not in CLASSES:
            raise BadRequest(f"{each[:40]!r} is no class: there are {', '.join(CLASSES)}")
    quiet = settings.quiet
    for key, text in (("start", quiet.start), ("end", quiet.end)):
        if not _TIME.fullmatch(text):
            raise BadRequest(f"the {key} of the quiet hours must read as 22:00")
    if quiet.is_on and quiet.start == quiet.end:
        raise BadRequest(
            "quiet hours that end when they begin: give another end, or switch them off"
        )
    if not _ZONE.fullmatch(quiet.zone):
        raise BadRequest("zone must be the name of a time zone, such as Europe/Berlin, or UTC")


@attrs.frozen
class Notification:
    """What an outlet is told; the body of a webhook and of a push."""

    version: int
    id: str
    """The same at every try, so that a receiver can tell a second one."""
    class_: str
    """`approval`, `question`, `message`, `fault`, `summary` or `test`."""
    title: str
    text: str
    path: str
    """Where the dashboard shows it."""
    tag: str
    """Two of one tag are about the same thing: the newer one replaces the older one."""
    at: float
    """When the newest thing it tells of happened, Unix seconds."""
    counts: dict[str, int]
    """How many things of each class it tells of."""
    url: str | None = None
    """The whole address, where the dashboard's own is known."""


@attrs.frozen
class DeliveryRow:
    """A notification on its way to an outlet, or at its end."""

    id: int
    outlet: str
    """`browser`, `webhook`, `ntfy`, or `push:` with the number of a subscription."""
    class_: str
    title: str
    state: str
    """`waiting`, `delivered` or `given_up`."""
    attempts: int
    made_at: float
    due_at: float
    """When it is tried next, if it waits."""
    answer: str | None = None
    """What the outlet said last, in a sentence."""


@attrs.frozen
class SubscriptionRow:
    """A browser that is pushed to."""

    id: int
    label: str
    service: str
    """The host of its push service."""
    made_at: float
    answer: str | None = None
    answered_at: float | None = None


@attrs.frozen
class OutletRow:
    """One outlet as the page shows it."""

    name: str
    is_ready: bool
    """Whether anything could be sent there."""
    where: str
    """What it is configured to, without secrets; or what has to be done first."""
    answer: str | None = None
    answered_at: float | None = None


@attrs.frozen
class Report:
    """Everything about notifications, for the operator."""

    settings: Settings
    outlets: tuple[OutletRow, ...]
    subscriptions: tuple[SubscriptionRow, ...]
    deliveries: tuple[DeliveryRow, ...]
    """Those that wait and those that were given up, newest first."""


@attrs.frozen
class Tested:
    """What became of a test."""

    outlet: str
    """The subscription's label, where it was one of several."""
    is_accepted: bool
    answer: str


@attrs.frozen
class NewSubscription:
    """What a browser gives to be pushed to (RFC 8030, RFC 8291)."""

    endpoint: str
    p256dh: str
    """The browser's public key, base64url."""
    auth: str
    """16 bytes that only it and hive know, base64url."""
    label: str
