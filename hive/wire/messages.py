"""Messages, reminders, questions and loose ends as they travel."""

from __future__ import annotations

import attrs

FROM_OPERATOR = "operator"
FROM_PEER = "peer"
FROM_SYSTEM = "system"
FROM_EXTERNAL = "external"
ORIGINS = (FROM_OPERATOR, FROM_PEER, FROM_SYSTEM, FROM_EXTERNAL)
"""Where a message came from, as the daemon saw it; no request and no body can set it."""


@attrs.frozen
class DeliveredMessage:
    """One message handed to its recipient; held by it until acknowledged."""

    id: int
    from_: str
    """Sender as the broker wrote it; never taken from the body."""
    body: str
    redelivered: bool
    """True when it was handed out before and not acknowledged."""
    in_reply_to: int | None
    sent_at: float
    """Unix seconds, UTC."""
    broadcast: bool = False
    """True when it was sent to everybody."""
    origin: str = "peer"
    """Where it came from: operator, peer, system or external (`wake`)."""
    via: tuple[str, ...] = ()
    """Where what it answers came from, and what that answered in turn: origins, the nearest first,
    each once. Of what hive tells for somebody, that one's."""


@attrs.frozen
class MessageRow:
    """One stored message as the dashboard and `recent` show it."""

    id: int
    from_: str
    to: str
    body: str
    in_reply_to: int | None
    sent_at: float
    delivered_at: float | None
    acked_at: float | None
    broadcast: bool = False
    origin: str = "peer"
    via: tuple[str, ...] = ()


KINDS = ("to-operator", "from-operator", "between", "system", "external")
"""Of messages: to and from the operator, between agents, of hive itself, from outside."""


@attrs.frozen
class Wanted:
    """Which messages of the history are wanted; None: all."""

    agent: str | None = None
    """Whoever sent it or got it."""
    kind: str | None = None
    """One of `KINDS`."""


@attrs.frozen
class Thread:
    """Messages that answer one another, oldest first; what one answers stands before it."""

    root: int
    """The id of the first of all."""
    total: int
    is_cut: bool
    """Whether the thread has more than are counted."""
    is_end: bool
    """Whether nothing follows these messages."""
    messages: tuple[MessageRow, ...]


@attrs.frozen
class Reminder:
    """A message an agent will get from itself later."""

    id: int
    agent: str
    message: str
    file_path: str | None
    due_at: float
    created_at: float
    attempt_count: int
    last_error: str | None


@attrs.frozen
class Question:
    """A question to the operator (`target` None) or to a peer."""

    id: int
    asker: str
    target: str | None
    question: str
    options: tuple[str, ...]
    multi: bool
    asked_at: float
    deadline_at: float | None
    answered_at: float | None
    answer: str | None
    answerer: str | None
    how: str | None = None
    """How it was closed: `answered`, `overridden` by the operator in place of whom it was put to,
    `cancelled` or `expired`; None while it is open."""


@attrs.frozen
class QuestionPage:
    """Closed questions, those first that were closed last."""

    questions: tuple[Question, ...]
    is_end: bool
    """Whether there are none behind these."""


@attrs.frozen
class LooseEnd:
    """Something still open; `kind` is `question`, `reminder` or `approval`."""

    kind: str
    id: int
    text: str
    age_seconds: float
    asker: str | None = None
    target: str | None = None
    owner: str | None = None
    due_at: float | None = None
    options: tuple[str, ...] = ()
