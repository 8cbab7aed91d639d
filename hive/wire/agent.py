"""Requests of the agents' and the manager's socket (tag `cmd`) and their replies (tag `kind`)."""

from __future__ import annotations

import attrs

from hive.wire.messages import DeliveredMessage, LooseEnd, MessageRow


@attrs.frozen
class Send:
    """Send a message; answered by `Ok` with the stored message's id."""

    to: str
    body: str
    in_reply_to: int | None = None
    dedupe_key: str | None = None
    """Same sender and key: the message is stored once, the first id is answered again."""


@attrs.frozen
class Recv:
    """Lease waiting messages; without a wait it is a peek that returns at once."""

    wait_seconds: float = 0
    max: int = 1
    origin: str | None = None
    """Only messages that came from there; None: all."""


@attrs.frozen
class Status:
    """Ask how many messages wait."""


@attrs.frozen
class Recent:
    """The newest messages to the caller, whatever their state."""

    limit: int = 30


@attrs.frozen
class Ask:
    """Ask the operator (default) or a peer; the answer comes later as a system message."""

    question: str
    options: tuple[str, ...] = ()
    multi: bool = False
    ttl_seconds: float | None = None
    to: str | None = None
    dedupe_key: str | None = None


@attrs.frozen
class Answer:
    """Answer a question that was put to the caller."""

    id: int
    answer: str


@attrs.frozen
class Remind:
    """Put a message into the caller's own inbox later; exactly one of the two times."""

    message: str
    delay_seconds: float | None = None
    at_unix_timestamp: float | None = None
    file_path: str | None = None
    dedupe_key: str | None = None


@attrs.frozen
class GetLooseEnds:
    """What is still open: for an agent its own, for the manager everybody's."""


@attrs.frozen
class CancelLooseEnd:
    """Withdraw a question or a reminder."""

    kind: str
    id: int


@attrs.frozen
class CountPendingReminders:
    """How many reminders of the caller are pending."""


@attrs.frozen
class AckTurn:
    """Close a clean turn.

    With `ids`, exactly these are acknowledged and whatever else the caller holds goes back to its
    inbox as redelivered; without, everything it holds is acknowledged.
    """

    ids: tuple[int, ...] | None = None


@attrs.frozen
class RequeueInflight:
    """Put everything the caller holds back into its inbox, marked redelivered."""


@attrs.frozen
class Wake:
    """Put a message into the caller's own inbox under a free label."""

    from_: str
    body: str


@attrs.frozen
class Whoami:
    """Who the socket says the caller is."""


@attrs.frozen
class SetStatus:
    """Set the caller's one-line status, shown on the dashboard."""

    text: str


LACKING = "lacking"
DOUBT = "doubt"


@attrs.frozen
class ReportState:
    """The harness tells the host what its page shows, so that the dashboard's row can."""

    status: str
    turn_state: str
    model: str | None = None
    ctx_tokens: int | None = None
    note: str | None = None
    """What keeps it from working, or what may be wrong although it works."""
    about: str | None = None
    """What the note is about: None, what keeps it from working; else `lacking` or `doubt`."""
    phase: str | None = None
    """What its turn loop is at; None for a harness of an older hive."""
    since: float | None = None
    """Of the phase, in Unix seconds, as `until`."""
    until: float | None = None
    """When it goes on, or tries again, by itself."""


AgentRequest = (
    Send
    | Recv
    | Status
    | Recent
    | Ask
    | Answer
    | Remind
    | GetLooseEnds
    | CancelLooseEnd
    | CountPendingReminders
    | AckTurn
    | RequeueInflight
    | Wake
    | Whoami
    | SetStatus
    | ReportState
)


@attrs.frozen
class Ok:
    """Done; `id` where something was stored, `count` where rows were touched."""

    id: int | None = None
    count: int | None = None


@attrs.frozen
class Error:
    """Not done: `code` for programs, `message` for people."""

    code: str
    message: str


@attrs.frozen
class Messages:
    """What `recv` leased, oldest first; empty when nothing waits."""

    messages: tuple[DeliveredMessage, ...]


@attrs.frozen
class StatusReply:
    """How many messages wait for the caller."""

    unread: int


@attrs.frozen
class RecentReply:
    """The newest rows, newest first."""

    rows: tuple[MessageRow, ...]


@attrs.frozen
class QuestionQueued:
    """The question is stored under this id."""

    id: int


@attrs.frozen
class LooseEnds:
    """What is still open."""

    loose_ends: tuple[LooseEnd, ...]


@attrs.frozen
class WhoamiReply:
    """The caller's identity as the socket knows it."""

    name: str
    role: str
    """`agent` or `manager`."""
    operator_pronouns: str
    hive_version: str


@attrs.frozen
class Count:
    """A number."""

    count: int


AgentReply = (
    Ok
    | Error
    | Messages
    | StatusReply
    | RecentReply
    | QuestionQueued
    | LooseEnds
    | WhoamiReply
    | Count
)
