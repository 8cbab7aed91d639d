"""Frames of an agent's page (tag `kind`): what its harness and its claude are doing."""

from __future__ import annotations

from typing import Any

import attrs

IDLE = "idle"
THINKING = "thinking"
COMPACTING = "compacting"

ONLINE = "online"
NEEDS_LOGIN = "needs_login"
"""What both of the next begin with."""
NEEDS_LOGIN_IDLE = "needs_login_idle"
NEEDS_LOGIN_IN_PROGRESS = "needs_login_in_progress"
RATE_LIMITED = "rate_limited"
PAUSED = "paused"


@attrs.frozen
class TokenUsage:
    """Tokens as the API counts them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0


@attrs.frozen
class TurnStart:
    """A message was taken and a turn begins."""

    from_: str
    body: str
    unread: int
    message_id: int | None = None
    redelivered: bool = False
    at: float | None = None
    """Unix seconds; a history of an older hive has none."""
    origin: str | None = None
    """Where the message came from; a history of an older hive does not say."""
    via: tuple[str, ...] = ()


@attrs.frozen
class Stream:
    """One line of claude, as it was printed."""

    line: dict[str, Any]


@attrs.frozen
class Note:
    """A line by the harness, by the operator or of claude's standard error."""

    text: str
    source: str = "harness"
    """`harness`, `operator` or `stderr`."""


@attrs.frozen
class TurnEnd:
    """The turn is over."""

    ok: bool
    note: str | None = None
    duration_ms: int | None = None


@attrs.frozen
class StatusChanged:
    """Whether the agent can work at all."""

    status: str


@attrs.frozen
class TroubleChanged:
    """Why the agent does not work, in one sentence; None when it does again."""

    text: str | None


@attrs.frozen
class ModelChanged:
    """The next turn runs on this model."""

    model: str


@attrs.frozen
class TokenUsageChanged:
    """`ctx` of the last inference, `cost` of the whole turn."""

    ctx: TokenUsage | None
    cost: TokenUsage | None
    window: int | None = None
    """Tokens that fit; None until claude has said so."""
    cost_usd: float | None = None
    """What the conversation has cost so far at list price, by claude's own sum."""


@attrs.frozen
class TurnStateChanged:
    """`idle`, `thinking` or `compacting`, and since when in Unix seconds."""

    state: str
    since: float


@attrs.frozen
class Partial:
    """A piece of what claude is in the middle of saying; its finished line replaces it."""

    block: str
    """Which block of which answer."""
    part: int
    """Counted from 1; whoever missed one waits for the finished line."""
    what: str
    """`text`, `thinking` or `tool_use`."""
    text: str
    """What has come since the part before."""
    name: str | None = None
    """Of the tool that is going to be called."""


LiveFrame = (
    TurnStart
    | Stream
    | Note
    | TurnEnd
    | StatusChanged
    | TroubleChanged
    | ModelChanged
    | TokenUsageChanged
    | TurnStateChanged
    | Partial
)
KEPT = (TurnStart, Stream, Note, TurnEnd)
"""The kinds that are stored as history; the others are live only."""
