"""What the reason of an agent is made of: all that is known of it, gathered from everywhere."""

from __future__ import annotations

import attrs

from hive.wire.agent import ReportState
from hive.wire.why import Code


@attrs.frozen
class Act:
    """That somebody did something to an agent."""

    by: str
    at: float
    """Unix seconds."""


@attrs.frozen
class Trouble:
    """What the daemon noticed of an agent that does not do as it should."""

    text: str
    code: Code = Code.NOT_DEPLOYED
    since: float | None = None
    until: float | None = None
    """When it is tried again by itself."""
    mend: str | None = None


@attrs.frozen
class Queued:
    """An agent's own job of the build queue."""

    id: int
    is_running: bool
    before: int
    """How many jobs are done first."""
    step: str | None = None
    since: float | None = None


@attrs.frozen
class Facts:
    """All that a reason is made of; times are Unix seconds."""

    name: str
    exists: bool = True
    is_kept: bool = False
    """Of one that does not exist: that its state is there."""
    is_running: bool = False
    is_wanted: bool = False
    """Whether it is meant to run."""
    silent_s: float = 0.0
    """How long it has run since the last word of its harness, or without one."""
    heard_at: float | None = None
    """When its harness said that word."""
    started_at: float | None = None
    is_paused: bool = False
    paused: Act | None = None
    stopped: Act | None = None
    transient: str | None = None
    transient_since: float | None = None
    trouble: Trouble | None = None
    report: ReportState | None = None
    has_login_mark: bool = False
    """That an earlier harness left word of a missing login."""
    has_limit_mark: bool = False
    unread: int = 0
    limits_met: tuple[str, ...] = ()
    job: Queued | None = None
    approval: int | None = None
    """Of one that does not exist: the approval that would make it."""
