"""Why an agent does not work, as every surface shows it: a code, a word, a sentence, and a mend."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import attrs

INFO, NOTICE, WARNING, ERROR = "info", "notice", "warning", "error"


class Code(StrEnum):
    """What an agent is at; each agent is at exactly one of these."""

    WORKING = "working"
    WAITING = "waiting"
    BEHIND_MESSAGES = "behind_messages"
    CHATTING = "chatting"
    COMING_UP = "coming_up"
    SPAWNING = "spawning"
    STARTING = "starting"
    STOPPING = "stopping"
    RESTARTING = "restarting"
    REBUILDING = "rebuilding"
    DESTROYING = "destroying"
    BEHIND_JOBS = "behind_jobs"
    BUILDING = "building"
    WAITS_FOR_APPROVAL = "waits_for_approval"
    STOPPED = "stopped"
    PAUSED = "paused"
    DESTROYED = "destroyed"
    UNKNOWN = "unknown"
    RATE_LIMITED = "rate_limited"
    RETRYING = "retrying"
    OVERLOADED = "overloaded"
    NEEDS_LOGIN = "needs_login"
    LOGGING_IN = "logging_in"
    NO_CLAUDE = "no_claude"
    FAILING = "failing"
    UNREACHABLE = "unreachable"
    CRASHED = "crashed"
    NOT_STARTED = "not_started"
    NOT_DEPLOYED = "not_deployed"
    DISK_LIMIT = "disk_limit"
    LIMIT_MET = "limit_met"
    LACKING = "lacking"
    UNTESTED = "untested"


LOOKS: Mapping[Code, tuple[str, str]] = MappingProxyType(
    {
        Code.WORKING: ("thinking", INFO),
        Code.WAITING: ("idle", INFO),
        Code.BEHIND_MESSAGES: ("idle", INFO),
        Code.CHATTING: ("in a chat", NOTICE),
        Code.COMING_UP: ("coming up", INFO),
        Code.SPAWNING: ("spawning…", INFO),
        Code.STARTING: ("starting…", INFO),
        Code.STOPPING: ("stopping…", INFO),
        Code.RESTARTING: ("restarting…", INFO),
        Code.REBUILDING: ("rebuilding…", INFO),
        Code.DESTROYING: ("destroying…", INFO),
        Code.BEHIND_JOBS: ("queued", NOTICE),
        Code.BUILDING: ("building…", INFO),
        Code.WAITS_FOR_APPROVAL: ("waits for approval", NOTICE),
        Code.STOPPED: ("stopped", NOTICE),
        Code.PAUSED: ("paused", NOTICE),
        Code.DESTROYED: ("destroyed", NOTICE),
        Code.UNKNOWN: ("unknown", NOTICE),
        Code.RATE_LIMITED: ("rate limited", WARNING),
        Code.RETRYING: ("retrying", WARNING),
        Code.OVERLOADED: ("overloaded", WARNING),
        Code.NEEDS_LOGIN: ("needs login", ERROR),
        Code.LOGGING_IN: ("logging in", WARNING),
        Code.NO_CLAUDE: ("no claude", ERROR),
        Code.FAILING: ("failing", ERROR),
        Code.UNREACHABLE: ("not reached", ERROR),
        Code.CRASHED: ("crashed", ERROR),
        Code.NOT_STARTED: ("failed", ERROR),
        Code.NOT_DEPLOYED: ("failed", ERROR),
        Code.DISK_LIMIT: ("disk full", ERROR),
        Code.LIMIT_MET: ("at its limit", WARNING),
        Code.LACKING: ("lacks something", WARNING),
        Code.UNTESTED: ("untested claude", WARNING),
    }
)
"""The word and the level of each code."""


@attrs.frozen
class Reason:
    """Why one agent does not work, or that it does."""

    code: Code
    word: str
    """For a badge."""
    level: str
    """`info` where all is well or passes by itself, `notice` where somebody wanted it so,
    `warning`, `error` where somebody has to do something."""
    sentence: str
    since: str | None = None
    """RFC 3339, as `until`."""
    until: str | None = None
    """When it goes on or is tried again by itself."""
    by: str | None = None
    """Who wanted it so."""
    mend: str | None = None
    """What ends it."""
