"""docs/notifications.md names every class and outlet, and shows what a webhook really gets."""

from __future__ import annotations

import json

from hive.core import notify_rules
from hive.wire import codec, notifications
from tests.unit.docs.pages import blocks, code, page, section, table

PAGE = "notifications.md"


def first_words(heading: str) -> tuple[str, ...]:
    return tuple(code(row[0])[0] for row in table(section(page(PAGE), heading)))


def test_every_class_and_every_outlet_is_listed() -> None:
    assert first_words("What you are told of") == notifications.CLASSES
    assert first_words("Outlets") == notifications.OUTLETS


def test_the_example_is_what_a_webhook_gets() -> None:
    (text,) = blocks(section(page(PAGE), "What a webhook gets"), "json")
    shown = codec.from_json(notifications.Notification, json.loads(text))
    assert codec.to_json(shown) == json.loads(text)
    assert shown.version == notifications.SHAPE


def test_the_times_are_those_of_the_code() -> None:
    text = page(PAGE)
    assert f"within {notify_rules.GAP_S:g} seconds" in text
    assert f"at most {notify_rules.TEXT_CHARS} characters" in text
    assert notify_rules.GIVE_UP_S == 86400
