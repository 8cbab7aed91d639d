"""The rows that notifications are kept in: what happened, where it goes, whom to push to."""

from __future__ import annotations

import attrs


@attrs.frozen
class Happening:
    """One thing the operator may want to know at once, as it was stored with the thing itself."""

    id: int
    class_: str
    subject: str
    """Whose it is: an agent's name, or `hive`."""
    ref: int | None
    """The number of the approval, the question, the message or the job."""
    at: float
    text: str


@attrs.frozen
class Route:
    """Where a happening goes."""

    outlet: str
    together: str
    """What it is told together with."""
    not_before: float | None = None
    """The end of the quiet hours that it came in."""


@attrs.frozen
class Delivery:
    """One notification for one outlet."""

    id: int
    outlet: str
    together: str
    newest: Happening
    counts: dict[str, int]
    is_quiet: bool
    state: str
    attempts: int
    made_at: float
    due_at: float
    answer: str | None


@attrs.frozen
class Subscription:
    """A browser that is pushed to."""

    id: int
    endpoint: str
    p256dh: str
    auth: str
    label: str
    made_at: float
