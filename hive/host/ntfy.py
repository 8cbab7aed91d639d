"""ntfy: a notification published as JSON to the topic of its address."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from hive.host import outlet_http
from hive.host.outlet_http import Answer
from hive.wire import codec
from hive.wire.notifications import APPROVAL, FAULT, MESSAGE, QUESTION, SUMMARY, Notification

PRIORITIES = MappingProxyType({APPROVAL: 4, QUESTION: 4, FAULT: 5, MESSAGE: 3, SUMMARY: 3})
"""1 to 5, of which 3 is the usual one."""
TAGS = MappingProxyType(
    {
        APPROVAL: "ballot_box_with_check",
        QUESTION: "question",
        FAULT: "rotating_light",
        MESSAGE: "envelope",
        SUMMARY: "sunrise",
    }
)
"""What ntfy shows as a sign in front of the title."""


def message(topic: str, notification: Notification) -> dict[str, Any]:
    """Return what is published."""
    body: dict[str, Any] = {
        "topic": topic,
        "title": notification.title,
        "message": notification.text or notification.title,
        "priority": PRIORITIES.get(notification.class_, 3),
        "tags": [TAGS.get(notification.class_, "bell")],
    }
    return body if notification.url is None else {**body, "click": notification.url}


async def publish(
    url: str, token_file: str | None, notification: Notification, *, deadline_s: float
) -> Answer:
    """Publish a notification once; raises `Unavailable`."""
    server, _, topic = url.rstrip("/").rpartition("/")
    headers = {"content-type": "application/json", "user-agent": "hive"}
    if token_file is not None:
        headers["authorization"] = f"Bearer {await outlet_http.secret_of(token_file)}"
    body = codec.dumps(message(topic, notification)).rstrip()
    return await outlet_http.post(f"{server}/", body, headers, deadline_s=deadline_s)
