"""What a notification says, when it may be sent, and when it is tried again."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest

from hive.core import notify_rules
from hive.errors import BadRequest
from hive.store.notify_rows import Delivery, Happening
from hive.wire.notifications import Quiet, Settings, check_settings

NIGHT = Quiet(is_on=True, start="22:00", end="07:00", zone="Europe/Berlin")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-01-10 20:59:59", None),
        ("2026-01-10 21:00:00", "2026-01-11 06:00:00"),
        ("2026-01-11 05:59:59", "2026-01-11 06:00:00"),
        ("2026-01-11 06:00:00", None),
        # The night in which Berlin's clocks go forward is an hour shorter.
        ("2026-03-28 22:30:00", "2026-03-29 05:00:00"),
        ("2026-10-24 23:00:00", "2026-10-25 06:00:00"),
    ],
)
def test_quiet_hours_are_those_of_their_time_zone(now: str, end: str | None) -> None:
    found = notify_rules.quiet_until(NIGHT, at(now))
    assert found == (None if end is None else at(end))


def test_quiet_hours_may_lie_within_a_day_or_be_off() -> None:
    noon = Quiet(is_on=True, start="12:00", end="13:00")
    assert notify_rules.quiet_until(noon, at("2026-01-10 12:30:00")) == at("2026-01-10 13:00:00")
    assert notify_rules.quiet_until(noon, at("2026-01-10 13:30:00")) is None
    off = attrs.evolve(noon, is_on=False)
    assert notify_rules.quiet_until(off, at("2026-01-10 12:30:00")) is None


def test_a_time_zone_that_is_none_is_refused_with_one_that_is() -> None:
    with pytest.raises(BadRequest, match="Europe/Berlin, or UTC"):
        notify_rules.zone_of("Mars/Olympus")


@pytest.mark.parametrize(
    "quiet",
    [
        Quiet(start="24:00"),
        Quiet(end="7"),
        Quiet(zone="../../etc/passwd"),
        Quiet(passing=("everything",)),
        Quiet(is_on=True, start="07:00"),
    ],
)
def test_quiet_hours_that_cannot_be_are_refused(quiet: Quiet) -> None:
    with pytest.raises(BadRequest):
        check_settings(Settings(quiet=quiet))


def told(class_: str, subject: str = "bob", ref: int | None = 7, **counts: int) -> Delivery:
    happening = Happening(0, class_, subject, ref, 5.0, "the\n  text\u202e")
    counts = counts or {class_: 1}
    return Delivery(1, "push:1", "x", happening, counts, False, "waiting", 0, 0, 0, None)


@pytest.mark.parametrize(
    ("delivery", "title", "path", "tag"),
    [
        (told("approval"), "An approval waits: bob", "/#approval-7", "approval-7"),
        (told("approval", approval=3), "3 approvals wait", "/#approval-7", "approval"),
        (told("question"), "bob asks", "/#question-7", "question-7"),
        (told("message"), "A message from bob", "/#message-7", "message-7"),
        (told("message", message=12), "12 messages from bob", "/#message-7", "message:bob"),
        (told("fault"), "A job for bob failed", "/#jobs", "fault-7"),
        (told("fault", ref=None), "bob does not work", "/agent/bob/", "fault-bob"),
        (told("fault", "hive", ref=None), "hive needs you", "/", "fault-hive"),
    ],
)
def test_a_notification_says_what_and_leads_there(
    delivery: Delivery, title: str, path: str, tag: str
) -> None:
    made = notify_rules.told_as(delivery, "h-1", with_text=True, home="https://hive.example/")
    assert (made.title, made.path, made.tag) == (title, path, tag)
    assert (made.text, made.url) == ("the text", "https://hive.example" + path)


def test_a_text_goes_along_only_where_that_is_switched_on() -> None:
    made = notify_rules.told_as(told("message"), "h-1", with_text=False, home=None)
    assert (made.text, made.url) == ("", None)


def test_what_came_while_it_was_quiet_is_summed_up() -> None:
    delivery = attrs.evolve(told("message", approval=1, message=12, fault=2), is_quiet=True)
    made = notify_rules.told_as(delivery, "h-1", with_text=True, home=None)
    assert made.title == "While it was quiet: 1 approval, 12 messages, 2 faults"
    assert (made.class_, made.path, made.text) == ("summary", "/", "")


def test_names_that_agents_give_in_approvals_make_no_room() -> None:
    first, second = (Happening(0, "approval", name, 1, 0.0, "") for name in ("a", "b"))
    assert notify_rules.group_of(first) == notify_rules.group_of(second)


def test_tries_come_further_apart_and_never_sooner_than_was_asked_for() -> None:
    assert [notify_rules.retry_s(n, None) for n in (1, 2, 3, 9, 40)] == [5, 10, 20, 1280, 1800]
    assert notify_rules.retry_s(1, 120.0) == 120
    assert notify_rules.retry_s(3, 1.0) == 20
    assert notify_rules.retry_s(1, 1e9) == 3600


@pytest.mark.parametrize(
    ("status", "is_final"),
    [(302, True), (400, True), (403, True), (410, True), (408, False), (429, False), (503, False)],
)
def test_what_would_be_answered_the_same_is_not_asked_again(status: int, is_final: bool) -> None:
    assert notify_rules.is_final(status) is is_final
