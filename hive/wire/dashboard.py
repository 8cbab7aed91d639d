"""Frames of the dashboard's stream (tag `kind`) and the rows of its snapshot."""

from __future__ import annotations

import attrs

from hive.wire.agent_config import Link
from hive.wire.approvals import Approval
from hive.wire.jobs import JobRow, MetaInput
from hive.wire.notifications import Notification
from hive.wire.why import Reason


@attrs.frozen
class ContainerRow:
    """One agent as every surface shows it."""

    name: str
    container: str
    is_manager: bool
    running: bool
    failed: bool = False
    needs_login: bool = False
    needs_update: bool = False
    rate_limited: bool = False
    paused: bool = False
    pending_reminders: int = 0
    unread: int = 0
    turn_state: str = "offline"
    """`idle`, `thinking`, `compacting` or `offline`."""
    transient: str | None = None
    """What is being done to it: spawning, starting, stopping, restarting, rebuilding,
    destroying."""
    transient_since: float | None = None
    active_model: str | None = None
    status_text: str | None = None
    status_set_at: float | None = None
    parent: str | None = None
    deployed_sha: str | None = None
    """The first 12 digits of the commit it was built from."""
    deployed_tag: str | None = None
    """`deployed/<id>`, the approval that brought it; `deployed/0` is the template."""
    note: str | None = None
    """The sentence of `why`, where somebody should read it."""
    ctx_tokens: int | None = None
    """Tokens in the conversation at the last inference."""
    isolation: str = ""
    """The runtime kind: `bubblewrap`, `process`, `nixos`."""
    limits_met: tuple[str, ...] = ()
    """Keys of `limits` in its agent.toml that it met within the last minutes."""
    network: str = ""
    """`proxy`, or `host`: nothing is held back."""
    denied: int = 0
    """How many destinations it wanted to reach and was refused, of those that are kept."""
    why: Reason | None = None
    """Why it does not work, or that it does."""
    icon: str = ""
    """As the deployed agent.toml says."""
    links: tuple[Link, ...] = ()
    """As the deployed agent.toml says; a page looks at them again before it shows them."""


@attrs.frozen
class Notice:
    """What the operator must know of the hive as a whole."""

    kind: str
    """What it is about; with `about` it tells one from another, however its text changes."""
    level: str
    """`info`, `warning` or `error`."""
    message: str
    about: tuple[str, ...] = ()
    """Names of the agents, or of the task, that it is about."""


@attrs.frozen
class Tombstone:
    """State kept of an agent that has no container."""

    name: str
    size_bytes: int
    modified_at: float
    has_login: bool


@attrs.frozen
class TaskRow:
    """One supervised task."""

    name: str
    state: str
    """`starting`, `running`, `backoff`, `stopped` or `failed`."""
    since: float
    restarts: int
    last_error: str | None = None


@attrs.frozen
class Sent:
    """A message was stored."""

    id: int
    from_: str
    to: str
    body: str
    at: float
    in_reply_to: int | None = None
    broadcast: bool = False
    origin: str = "peer"
    via: tuple[str, ...] = ()


@attrs.frozen
class Delivered:
    """A message was handed to its recipient."""

    id: int
    from_: str
    to: str
    body: str
    at: float
    in_reply_to: int | None = None
    broadcast: bool = False
    origin: str = "peer"
    via: tuple[str, ...] = ()


@attrs.frozen
class Acked:
    """Messages were acknowledged by their recipient."""

    to: str
    ids: tuple[int, ...]


@attrs.frozen
class Requeued:
    """Messages that were handed to their recipient wait again."""

    to: str
    ids: tuple[int, ...]


@attrs.frozen
class ApprovalAdded:
    """An approval waits."""

    approval: Approval


@attrs.frozen
class ApprovalResolved:
    """An approval was decided, or failed."""

    approval: Approval


@attrs.frozen
class CommentsChanged:
    """The comments on what an approval proposes changed: to be read again."""

    approval_id: int
    count: int
    """How many there are."""


@attrs.frozen
class TransientSet:
    """Something began to be done to an agent."""

    name: str
    transient_kind: str
    since_unix: float


@attrs.frozen
class TransientCleared:
    """It is over."""

    name: str


@attrs.frozen
class ContainerStateChanged:
    """An agent's row changed; the whole row."""

    container: ContainerRow


@attrs.frozen
class ContainerRemoved:
    """An agent is gone."""

    name: str


@attrs.frozen
class QuestionAdded:
    """A question waits for an answer."""

    id: int
    asker: str
    target: str | None
    question: str
    options: tuple[str, ...]
    multi: bool
    asked_at: float
    deadline_at: float | None


@attrs.frozen
class QuestionResolved:
    """A question was answered, has expired or was cancelled."""

    id: int
    answer: str
    answerer: str
    answered_at: float
    cancelled: bool
    target: str | None
    how: str = "answered"
    """`answered`, `overridden`, `cancelled` or `expired`."""


@attrs.frozen
class TasksChanged:
    """The state of the daemon's supervised tasks changed; the whole list."""

    tasks: tuple[TaskRow, ...]


@attrs.frozen
class TombstonesChanged:
    """The list of kept state changed; the whole list."""

    tombstones: tuple[Tombstone, ...]


@attrs.frozen
class JobChanged:
    """A job of the build queue is new, got on or ended; the whole row."""

    job: JobRow


@attrs.frozen
class JobLogged:
    """A running job said something; what was said before comes from its log."""

    id: int
    lines: tuple[str, ...]
    offset: int
    """How many lines the log held before these."""


@attrs.frozen
class MetaInputsChanged:
    """The inputs of the meta repository changed; the whole list."""

    inputs: tuple[MetaInput, ...]


@attrs.frozen
class ForgeChanged:
    """How the forge does: its address, or None without one, and what is wrong with it, if any."""

    url: str | None
    trouble: str | None = None


@attrs.frozen
class NoticesChanged:
    """What the operator must know of the hive changed; the whole list."""

    notices: tuple[Notice, ...]


@attrs.frozen
class RemindersChanged:
    """An agent's reminders changed: to be read again."""

    agent: str


@attrs.frozen
class Notified:
    """The operator is to be notified, by every page that is open and may."""

    notification: Notification


@attrs.frozen
class NotificationsChanged:
    """Settings, browsers or what is on its way changed: to be read again."""


DashboardFrame = (
    Sent
    | Delivered
    | Acked
    | Requeued
    | ApprovalAdded
    | ApprovalResolved
    | CommentsChanged
    | TransientSet
    | TransientCleared
    | ContainerStateChanged
    | ContainerRemoved
    | QuestionAdded
    | QuestionResolved
    | TasksChanged
    | TombstonesChanged
    | JobChanged
    | JobLogged
    | MetaInputsChanged
    | ForgeChanged
    | RemindersChanged
    | NoticesChanged
    | Notified
    | NotificationsChanged
)
