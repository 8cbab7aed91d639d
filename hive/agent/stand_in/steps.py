"""What the stand-in's script is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

OUTPUT = "{output}"
"""Stands in a call's arguments for what the call before it printed."""


@dataclass(frozen=True)
class Say:
    """A block of text."""

    text: str
    pause_s: float = 0.0
    """How long it takes to say it; an interrupt cuts it short."""


@dataclass(frozen=True)
class Call:
    """A call of a tool: hive's by its plain name, another server's by its whole name, or Bash."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    otherwise: tuple[Step, ...] = ()
    """What to do instead of the rest when the tool answers with an error; none: go on."""


@dataclass(frozen=True)
class Fail:
    """A refusal of the API, which ends the turn."""

    text: str
    error: str
    status: int | None
    kind: str | None = None
    """`api_error_type`."""
    api_error: str | None = None
    reason: str = "api_error"
    """`terminal_reason`."""
    resets_at: int | None = None
    """Unix seconds, for the limit of a subscription."""


@dataclass(frozen=True)
class Retry:
    """Requests that the API refuses before it answers, each tried again a while later."""

    times: int
    status: int
    wait_s: float = 0.5


@dataclass(frozen=True)
class Crash:
    """The process ends as by a crash; once for the same prompt, so that a retry gets through."""


@dataclass(frozen=True)
class Hang:
    """Nothing more comes; once for the same prompt."""


@dataclass(frozen=True)
class RefuseCompaction:
    """The next compaction fails."""


Step: TypeAlias = Say | Call | Fail | Retry | Crash | Hang | RefuseCompaction


def rate_limited(resets_at: int | None = None) -> Fail:
    """429, of the API or, with a time, of a subscription."""
    return Fail(
        "API Error: Request rejected (429) (stand-in)",
        error="rate_limit",
        status=429,
        kind="rate_limit_error",
        api_error=None if resets_at is None else "usage_limit_reached",
        resets_at=resets_at,
    )


def failure(status: int) -> Fail:
    """Return what claude makes of that HTTP status."""
    if status == 429:
        return rate_limited()
    kinds = {
        400: ("invalid_request", "invalid_request_error"),
        401: ("authentication_failed", "authentication_error"),
        403: ("authentication_failed", "permission_error"),
        529: ("server_error", "overloaded_error"),
    }
    error, kind = kinds.get(status, ("server_error", "api_error"))
    return Fail(f"API Error: {status} (stand-in)", error, status, kind)


TOO_LONG = Fail(
    "Prompt is too long (stand-in)",
    error="invalid_request",
    status=400,
    kind="invalid_request_error",
    reason="prompt_too_long",
)
DROPPED = Fail(
    "API Error: Connection dropped (stand-in)",
    error="server_error",
    status=None,
    api_error="connection_failed",
)
