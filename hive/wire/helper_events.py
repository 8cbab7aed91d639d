"""What the daemon tells an agent or the manager as `system`: JSON with a tag `event`.

Optional fields are left out when there is nothing to say.
"""

from __future__ import annotations

import attrs


@attrs.frozen
class LineComment:
    """What the operator says of one line of a proposed commit."""

    file: str
    side: str
    """`new`, as it was proposed, or `old`, as it was before."""
    line: int
    """Counted from 1, in the file of that side."""
    quote: str
    """That line, cut where it is long."""
    comment: str


@attrs.frozen
class ApprovalResolved:
    """An approval was denied, has failed, or is approved and what it asked for is done."""

    id: int
    agent: str
    commit_ref: str
    status: str
    """`approved`, `denied` or `failed`; who withdraws a request is told by the reply alone."""
    note: str | None = None
    """The operator's reason, or why it failed."""
    sha: str | None = None
    """The pinned commit."""
    tag: str | None = None
    """The tag in the applied repository that says the outcome."""
    comments: tuple[LineComment, ...] | None = None
    """The operator's, on lines of the commit that was denied, as many as fit."""
    more: str | None = None
    """How many further ones there are, and where all of them stand."""


@attrs.frozen
class ApprovalCommented:
    """An approval was approved, and these are comments to be heeded next time."""

    id: int
    agent: str
    sha: str | None = None
    """The pinned commit."""
    comments: tuple[LineComment, ...] | None = None
    """As many as fit."""
    more: str | None = None
    """How many further ones there are, and where all of them stand."""


@attrs.frozen
class Spawned:
    """An agent was made, or could not be."""

    agent: str
    ok: bool
    note: str | None = None
    """Why not."""
    sha: str | None = None
    tag: str | None = None


@attrs.frozen
class Rebuilt:
    """An agent was built anew, or could not be."""

    agent: str
    ok: bool
    note: str | None = None
    """Why not."""
    sha: str | None = None
    """What it runs now."""
    tag: str | None = None


@attrs.frozen
class Killed:
    """An agent was stopped on purpose."""

    agent: str


@attrs.frozen
class Destroyed:
    """An agent was removed."""

    agent: str


@attrs.frozen
class ContainerCrash:
    """An agent's container ended and nobody had asked for it."""

    agent: str
    note: str | None = None
    """What is known of it."""


@attrs.frozen
class NeedsLogin:
    """An agent's login is gone or refused: only the operator can log it in."""

    agent: str


@attrs.frozen
class LoggedIn:
    """An agent is logged in again."""

    agent: str


@attrs.frozen
class NeedsUpdate:
    """An agent runs something older than what it would be built from now."""

    agent: str


@attrs.frozen
class ConfigReady:
    """An agent's repository is seeded and waits to be edited."""

    agent: str


@attrs.frozen
class QuestionAsked:
    """A peer asks."""

    id: int
    asker: str
    question: str
    options: tuple[str, ...]
    multi: bool


@attrs.frozen
class QuestionAnswered:
    """A question was answered, has expired or was cancelled."""

    id: int
    question: str
    answer: str
    answerer: str


HelperEvent = (
    ApprovalResolved
    | ApprovalCommented
    | Spawned
    | Rebuilt
    | Killed
    | Destroyed
    | ContainerCrash
    | NeedsLogin
    | LoggedIn
    | NeedsUpdate
    | ConfigReady
    | QuestionAsked
    | QuestionAnswered
)
