"""What a notification says, when it may be sent, and when it is tried again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo

from hive import backoff
from hive.errors import BadRequest
from hive.store.notify_rows import Delivery, Happening
from hive.wire import notifications
from hive.wire.notifications import (
    APPROVAL,
    FAULT,
    MESSAGE,
    QUESTION,
    SHAPE,
    SUMMARY,
    Notification,
    Quiet,
)

HIVE = "hive"
"""The subject of what concerns no single agent."""
GAP_S = 30.0
"""Things of one kind and one agent are told of at most so often, and together."""
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 1800.0
GIVE_UP_S = 86400.0
"""How long a notification is tried; then it is given up and can be sent by hand."""
TEXT_CHARS = 200
TITLE_CHARS = 80
_AGAIN = frozenset({408, 425, 429})
_SUMMED = {
    APPROVAL: ("approval", "approvals"),
    QUESTION: ("question", "questions"),
    MESSAGE: ("message", "messages"),
    FAULT: ("fault", "faults"),
}


def group_of(happening: Happening) -> str:
    """Return what a happening is told together with."""
    if happening.class_ == APPROVAL:
        # Whoever asks for agents names them as it likes: their names must not make room.
        return APPROVAL
    return f"{happening.class_}:{happening.subject}"


def zone_of(name: str) -> tzinfo:
    """Return a time zone; raises `BadRequest` when this host does not know it."""
    if name == "UTC":
        return UTC
    import zoneinfo  # noqa: PLC0415 - most hives have no quiet hours, and all of them little memory

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadRequest(
            f"this host knows no time zone {name!r}: give one such as Europe/Berlin, or UTC;"
            " where it knows none at all, install tzdata"
        ) from error


def quiet_until(quiet: Quiet, now: float) -> float | None:
    """Return when the quiet hours end that it is in, None outside of them."""
    if not quiet.is_on:
        return None
    here = datetime.fromtimestamp(now, zone_of(quiet.zone))
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    at = here.time().replace(second=0, microsecond=0)
    is_in = start <= at < end if start < end else at >= start or at < end
    if not is_in:
        return None
    day = here.date() + timedelta(days=0 if at < end else 1)
    return datetime.combine(day, end, here.tzinfo).timestamp()


def told_as(told: Delivery, id_: str, *, with_text: bool, home: str | None) -> Notification:
    """Return the notification of what happened."""
    newest = told.newest
    total = sum(told.counts.values())
    path = _path(newest)
    if told.is_quiet:
        class_, title, tag = SUMMARY, f"While it was quiet: {_summed(told.counts)}", SUMMARY
        text, path = "", path if total == 1 else "/"
    elif total > 1:
        class_, title, tag = newest.class_, _many(newest, total), f"{group_of(newest)}"
        text = newest.text
    else:
        class_, title, tag = newest.class_, _one(newest), f"{newest.class_}-{_key(newest)}"
        text = newest.text
    shown = _cut(text, TEXT_CHARS) if with_text else ""
    url = None if home is None else home.rstrip("/") + path
    title = _cut(title, TITLE_CHARS)
    return Notification(
        SHAPE, id_, class_, title, shown, path, tag, newest.at, dict(told.counts), url
    )


def test_of(id_: str, now: float, home: str | None) -> Notification:
    """Return the notification of a test."""
    text = "Notifications of hive arrive here."
    url = None if home is None else home.rstrip("/") + "/#notifications"
    return Notification(
        SHAPE, id_, notifications.TEST, "A test", text, "/#notifications", "test", now, {}, url
    )


def is_final(status: int) -> bool:
    """Whether asking again would bring the same answer, and it is no success."""
    return status not in _AGAIN and status < 500


def retry_s(attempts: int, retry_after_s: float | None) -> float:
    """Return how long to wait behind the given number of tries."""
    own = backoff.after(attempts, FIRST_RETRY_S, LAST_RETRY_S)
    return own if retry_after_s is None else min(max(own, retry_after_s), 2 * LAST_RETRY_S)


def _path(happening: Happening) -> str:
    if happening.class_ != FAULT:
        return f"/#{happening.class_}-{happening.ref}"
    if happening.ref is not None:
        return "/#jobs"
    return "/" if happening.subject == HIVE else f"/agent/{happening.subject}/"


def _key(happening: Happening) -> str:
    return happening.subject if happening.ref is None else str(happening.ref)


def _one(happening: Happening) -> str:
    subject = happening.subject
    titles = {
        APPROVAL: f"An approval waits: {subject}",
        QUESTION: f"{subject} asks",
        MESSAGE: f"A message from {subject}",
        FAULT: _fault(happening),
    }
    return titles[happening.class_]


def _fault(happening: Happening) -> str:
    subject = happening.subject
    if happening.ref is not None:
        return "A job failed" if subject == HIVE else f"A job for {subject} failed"
    return "hive needs you" if subject == HIVE else f"{subject} does not work"


def _many(happening: Happening, total: int) -> str:
    subject = happening.subject
    titles = {
        APPROVAL: f"{total} approvals wait",
        QUESTION: f"{total} questions from {subject}",
        MESSAGE: f"{total} messages from {subject}",
        FAULT: f"{total} faults of {subject}",
    }
    return titles[happening.class_]


def _summed(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{counts[each]} {one if counts[each] == 1 else many}"
        for each, (one, many) in _SUMMED.items()
        if counts.get(each)
    )


def _cut(text: str, most: int) -> str:
    """Return words of others as one line that can be shown."""
    line = "".join(each if each.isprintable() else " " for each in text)
    line = " ".join(line.split())
    return line if len(line) <= most else line[: most - 1] + "…"
