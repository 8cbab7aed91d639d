"""Requests of the operator's socket about what is open: queue, questions, reminders, kept state."""

from __future__ import annotations

import attrs

from hive.wire.search import HITS
from hive.wire.stats import DEFAULT_WINDOW


@attrs.frozen
class Jobs:
    """The build queue: what is under way or waits, and the newest that are over."""


@attrs.frozen
class JobLog:
    """What one job of the build queue said, from line `after` on."""

    id: int
    after: int = 0


@attrs.frozen
class CancelJob:
    """Take a job out of the build queue, or end it where it is."""

    id: int


@attrs.frozen
class Diff:
    """What the pinned commit of an approval changes."""

    id: int
    base: str = "running"
    """Against what: `running`, `approved` or `queued`."""


@attrs.frozen
class Questions:
    """Every question that waits for an answer."""


@attrs.frozen
class AnswerQuestion:
    """Answer any question, as the operator."""

    id: int
    answer: str


@attrs.frozen
class CancelQuestion:
    """Close a question without an answer."""

    id: int


@attrs.frozen
class Reminders:
    """Everybody's pending reminders, the next due first."""


@attrs.frozen
class RetryReminder:
    """Let a reminder that was given up on be tried again."""

    id: int


@attrs.frozen
class CancelReminder:
    """Delete a reminder."""

    id: int


@attrs.frozen
class MetaInputs:
    """The inputs of the meta repository, and what each is locked to."""


@attrs.frozen
class UpdateInputs:
    """Bring inputs of the meta repository up to date and rebuild whom it concerns."""

    inputs: tuple[str, ...]
    """Empty is an error, never all of them."""


@attrs.frozen
class UpdateAll:
    """Rebuild every agent that runs something older than it would be built from now."""


@attrs.frozen
class Network:
    """What an agent may reach, reached, and was refused."""

    name: str


@attrs.frozen
class Stats:
    """What an agent's turns of a window come to; read from its file, whether it runs or not."""

    name: str
    window: str = DEFAULT_WINDOW
    """One of `stats.WINDOWS`."""


@attrs.frozen
class Turns:
    """An agent's turns of a window, newest first, at most 1000 in a reply."""

    name: str
    window: str = DEFAULT_WINDOW
    before: int | None = None
    """Only those behind the turn of that id."""


@attrs.frozen
class Search:
    """What is found in messages, events and turns, newest first."""

    query: str
    """Words and filters, see `wire/search_query`."""
    limit: int = HITS
    cursor: str | None = None
    """`next` of the page before."""


@attrs.frozen
class Tombstones:
    """What is kept of agents that were destroyed."""


@attrs.frozen
class RequestApplyCommit:
    """Queue the approval of a commit of an agent's repository."""

    agent: str
    commit_ref: str | None = None
    """7 to 40 hex digits; None: the newest commit of its branch."""
    description: str | None = None


@attrs.frozen
class Allow:
    """Queue the approval of a commit that lets an agent connect to further hosts."""

    name: str
    hosts: tuple[str, ...]
    """As entries of `allow` in agent.toml."""


@attrs.frozen
class Revive:
    """Queue the approval of an agent of which only its state is left."""

    name: str


@attrs.frozen
class Purge:
    """Remove what is kept of an agent that was destroyed."""

    name: str


@attrs.frozen
class Why:
    """Why an agent does not work; without a name, who all do not, and why."""

    name: str | None = None


@attrs.frozen
class VerifyAudit:
    """Check every line of the audit log."""


@attrs.frozen
class ExportAudit:
    """Lines of the audit log as they were written, oldest first, at most 1000 in a reply."""

    after: int = 0
    """Only those behind the line of that number."""
    since: float | None = None
    """Unix seconds."""
    until: float | None = None
    """Unix seconds, not included."""
    agent: str | None = None
    """Only what it did or what was done to it."""


@attrs.frozen
class Notifications:
    """Where notifications go, and what is on its way."""


@attrs.frozen
class TestNotifications:
    """Send a test to an outlet."""

    __test__ = False

    outlet: str


@attrs.frozen
class ResendNotification:
    """Send again what was given up."""

    id: int


WorkRequest = (
    Jobs
    | JobLog
    | CancelJob
    | Diff
    | Questions
    | AnswerQuestion
    | CancelQuestion
    | Reminders
    | RetryReminder
    | CancelReminder
    | MetaInputs
    | UpdateInputs
    | UpdateAll
    | Network
    | Stats
    | Turns
    | Search
    | Tombstones
    | RequestApplyCommit
    | Allow
    | Revive
    | Purge
    | Why
    | Notifications
    | TestNotifications
    | ResendNotification
    | VerifyAudit
    | ExportAudit
)
