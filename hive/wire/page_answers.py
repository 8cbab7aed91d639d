"""What an agent's page is answered over HTTP by its harness, or by the daemon in its place."""

from __future__ import annotations

from typing import Annotated

from hive.wire.answers import Framed, PageNotice, described
from hive.wire.live import Note, Stream, TokenUsage, TurnEnd, TurnStart
from hive.wire.messages import MessageRow
from hive.wire.stats import Turn


@described
class LoginState:
    """A login of claude that runs, or ran."""

    output: str
    url: str | None
    finished: bool
    exit_note: str | None


@described
class PartialState:
    """What has been told of the block that claude is in the middle of."""

    block: str
    part: int
    what: str
    text: str
    name: str | None
    since: int
    """The number of the newest frame when it began."""


@described
class PageState:
    """Everything an agent's page shows at first."""

    label: str
    role: str
    demo: bool
    seq: int
    """The number of the newest frame before anything was read."""
    phase: str
    status: str
    trouble: str | None
    turn_state: str
    turn_state_since: float
    model: str
    ctx_usage: TokenUsage | None
    cost_usage: TokenUsage | None
    context_window: int | None
    cost_usd: float | None
    last_turn_ms: int | None
    session_id: str | None
    models: tuple[str, ...]
    partial: PartialState | None
    inbox: tuple[MessageRow, ...]
    notices: tuple[PageNotice, ...]
    login: LoginState | None
    screen: bool
    version: str


@described
class HasScreen:
    """Whether an agent has a screen."""

    screen: bool


KeptFrame = Annotated[TurnStart | Stream | Note | TurnEnd, Framed(is_numbered=True)]


@described
class EventHistory:
    """Frames that are kept, oldest first."""

    seq: int
    events: tuple[KeptFrame, ...]


@described
class EventsFound:
    """Frames that were looked for, oldest first."""

    seq: int
    events: tuple[KeptFrame, ...]
    next_before: int | None
    """Where the next search goes on; None when nothing older is left."""


@described
class Tokens:
    """Tokens of every call to a model."""

    input: int
    output: int
    cache_read: int
    cache_creation: int


@described
class TurnSums:
    """What some turns come to."""

    turns: int
    duration_p50_ms: int | None
    duration_p95_ms: int | None
    tokens: Tokens
    cost_usd: float
    unpriced: int
    """Turns whose cost claude did not say."""
    messages: int
    tool_calls: int
    context_max: int | None
    context_avg: int | None
    results: dict[str, int]
    wakes: dict[str, int]
    models: dict[str, int]


@described
class StatsBucket(TurnSums):
    """One step of a window."""

    start: float


@described
class Statistics(TurnSums):
    """The turns of one window, as a whole and step by step."""

    name: str
    window: str
    span_seconds: int
    bucket_seconds: int
    from_: float
    now: float
    cost_basis: str
    turns_most: int
    is_cut: bool
    """Whether there were more turns than are summed."""
    context_last: int | None
    context_window: int | None
    tools: dict[str, int]
    senders: dict[str, int]
    buckets: tuple[StatsBucket, ...]
    faults: tuple[str, ...]


@described
class TurnsExport:
    """The turns of a window, newest first."""

    window: str
    from_: float
    now: float
    cost_basis: str
    turns: tuple[Turn, ...]
    turns_most: int
    is_cut: bool
    faults: tuple[str, ...]
