"""One turn as it is kept for the statistics, and the windows they are made of.

Costs are what claude itself puts a turn at, by its list prices: never a bill.
"""

from __future__ import annotations

import attrs

from hive.errors import BadRequest

FROM_REMINDER = "reminder"
WAKES = ("operator", "peer", FROM_REMINDER, "system", "external")
"""What woke an agent, in the order the pages show it."""
COMPACTED = "compacted"
"""A turn's result where nobody woke the agent: the conversation was compacted."""
CANCELLED = "cancelled"
RESULTS = (
    "ok",
    COMPACTED,
    CANCELLED,
    "interrupted",
    "rate_limited",
    "overloaded",
    "needs_login",
    "prompt_too_long",
    "failed",
)
"""How a turn ends, in the order the pages show it; a newer hive may know more."""
COST_BASIS = "list price"
TURNS_MOST = 50_000
"""Of a window so many turns are summed, the newest."""
NUMBER_MOST = 2**53
"""What every reader of JSON still takes exactly."""
EXPORT_MOST = 20_000
"""So many turns are exported, the newest of the window."""


@attrs.frozen
class Window:
    """How far the statistics look back, and in what steps."""

    span_s: int
    bucket_s: int


WINDOWS = {
    "1h": Window(3600, 300),
    "4h": Window(4 * 3600, 900),
    "24h": Window(86400, 3600),
    "3d": Window(3 * 86400, 3600),
    "7d": Window(7 * 86400, 86400),
    "30d": Window(30 * 86400, 86400),
}
DEFAULT_WINDOW = "24h"


def window_of(name: str | None) -> Window:
    """Return a window by its name; raises `BadRequest` with those there are."""
    window = WINDOWS.get(DEFAULT_WINDOW if name is None else name)
    if window is None:
        raise BadRequest(f"window must be one of {', '.join(WINDOWS)}")
    return window


@attrs.frozen
class Turn:
    """What one try at a message took; the columns of the table `turns`, in its order."""

    started_at: float
    """Unix seconds."""
    ended_at: float
    duration_ms: int
    """By a clock that nobody sets."""
    wake: str
    """One of `WAKES`."""
    wake_from: str
    """Who sent the message."""
    result: str
    """One of `RESULTS`."""
    model: str
    """The one that answered last."""
    input_tokens: int
    """This and the next three: every call to a model, compactions included."""
    output_tokens: int
    cache_read_tokens: int
    cache_creation_tokens: int
    context_tokens: int | None
    """What the conversation held at the last inference; None when there was none."""
    context_window: int | None
    """What fits, as claude says; None when it did not."""
    cost_usd: float | None
    """At list price; None when claude gave no figure."""
    messages: int
    """How many messages reached the model, the one that woke it included."""
    tool_calls: int
    tools: dict[str, int]
    """How often each tool was called, by its name."""
    note: str | None
    """What went wrong, in one sentence."""


COLUMNS = tuple(field.name for field in attrs.fields(Turn))
