"""What the dashboard answers over HTTP, where it is more than one type that is known elsewhere."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import attrs

from hive.wire.approvals import Approval
from hive.wire.audit import AuditRow
from hive.wire.dashboard import ContainerRow, Notice, Sent, TaskRow, Tombstone
from hive.wire.jobs import JobRow, MetaInput
from hive.wire.messages import LooseEnd, MessageRow, Question, Reminder
from hive.wire.notifications import Tested
from hive.wire.reviews import Comment
from hive.wire.why import Reason

described = partial(attrs.frozen, init=False, eq=False, repr=False)
"""Makes a class that is only described and never made: answers are written from what is known.

So it has no more than its fields; a third of its memory is saved.
"""


@attrs.frozen
class Framed:
    """Marks a type in an annotation that travels as a frame, with its tag under `kind`."""

    is_numbered: bool = False
    """Whether a frame also has the number it has in the stream."""


@described
class Done:
    """It is done, or set in motion; frames tell of the rest."""

    ok: bool


@described
class DoneWithId:
    """It is done, and this came of it."""

    ok: bool
    id: int
    """Of the approval or the message that was made."""


@described
class JobQueued:
    """It will be done by a job."""

    ok: bool
    job: int


@described
class JobsQueued:
    """It will be done by jobs, if there is anything to do."""

    ok: bool
    jobs: tuple[int, ...]


@described
class Marked:
    """Messages were acknowledged."""

    ok: bool
    marked: int
    """How many."""


@described
class PageNotice:
    """What the operator must know about an agent as a whole."""

    level: str
    """`info`, `warning` or `error`."""
    message: str


@described
class Forge:
    """How the forge does."""

    url: str | None
    """None without one."""
    trouble: str | None


@described
class Snapshot:
    """Everything the dashboard shows at first."""

    seq: int
    """The number of the newest frame before the first row was read."""
    version: str
    demo: bool
    isolation: str
    notices: tuple[Notice, ...]
    containers: tuple[ContainerRow, ...]
    approvals: tuple[Approval, ...]
    approval_history: tuple[Approval, ...]
    questions: tuple[Question, ...]
    question_history: tuple[Question, ...]
    reminders: tuple[Reminder, ...]
    tombstones: tuple[Tombstone, ...]
    inbox: tuple[MessageRow, ...]
    tasks: tuple[TaskRow, ...]
    jobs: tuple[JobRow, ...]
    meta_inputs: tuple[MetaInput, ...]
    forge: Forge


@described
class Comments:
    """What the operator said of the lines of a proposal, in the order of writing."""

    comments: tuple[Comment, ...]


@described
class Decided:
    """Approvals that were decided, newest first."""

    approvals: tuple[Approval, ...]
    next: int | None
    """`before` of the next page; None where this is the last."""


@described
class SentHistory:
    """Messages as they were sent, oldest first."""

    seq: int
    """The number of the newest frame before they were read."""
    events: tuple[Annotated[Sent, Framed()], ...]
    delivered: tuple[int, ...] = ()
    """The ids of those that their recipients hold or have held."""
    acked: tuple[int, ...] = ()
    """The ids of those that their recipients are done with."""


@described
class Lines:
    """The end of a log."""

    lines: tuple[str, ...]


@described
class Journal:
    """The end of one log of a container, and which ones it has."""

    lines: tuple[str, ...]
    units: tuple[str, ...]


@described
class JobLog:
    """What a job said."""

    after: int
    """How many lines come before these."""
    lines: tuple[str, ...]


@attrs.frozen(kw_only=True)
class AgentReason(Reason):
    """Why that agent does not work, or that it does."""

    name: str


@described
class Reminders:
    """What agents are to be reminded of."""

    seq: int
    reminders: tuple[Reminder, ...]


@described
class AuditNewest:
    """The newest lines of the audit log, newest first."""

    faults: tuple[str, ...]
    """What is wrong with the log."""
    rows: tuple[AuditRow, ...]


@described
class TestsDone:
    """A test was sent."""

    __test__ = False

    ok: bool
    tested: tuple[Tested, ...]


@described
class PushKey:
    """What browsers subscribe with."""

    ok: bool
    key: str
    """A public key, base64url."""


@described
class LooseEnds:
    """What an agent has still open."""

    loose_ends: tuple[LooseEnd, ...]


@described
class ScreenTicket:
    """What opens a view of a screen, once."""

    ticket: str
    view_only: bool
    expires_in: int
    """Seconds."""
