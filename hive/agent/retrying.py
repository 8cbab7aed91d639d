"""What claude's lines say of its own retries of the API: which one is next, and that they are over.

No I/O. Numbers alone are taken from a line; the words beside them are on the page.
"""

from __future__ import annotations

import attrs

from hive.agent.driver import Line

ATTEMPTS_MOST = 10_000
WAIT_MOST_MS = 86_400_000
_ANSWERED = frozenset({"stream_event", "assistant", "result"})
"""Kinds of lines behind which no retry is left: the API has answered, or claude has given up."""


@attrs.frozen
class Retry:
    """The next try of a request that the API did not answer as it should."""

    attempt: int | None
    of: int | None
    """After how many tries claude gives up."""
    status: int | None
    """That the API answered with last; None where it did not answer."""
    wait_s: float
    """Until this try."""

    @property
    def sentence(self) -> str:
        """What the agent is at, for people."""
        number = "" if self.attempt is None else f", attempt {self.attempt}"
        of = "" if self.attempt is None or self.of is None else f" of {self.of}"
        last = "no answer" if self.status is None else f"status {self.status}"
        return f"claude is retrying the API{number}{of} ({last})"


def read(line: Line) -> Retry | None:
    """Return the retry that a line announces; None for any other line."""
    if (line.get("type"), line.get("subtype")) != ("system", "api_retry"):
        return None
    return Retry(
        _count(line.get("attempt")),
        _count(line.get("max_retries")),
        _count(line.get("error_status")),
        (_count(line.get("retry_delay_ms"), WAIT_MOST_MS) or 0) / 1000,
    )


def is_over(line: Line) -> bool:
    """Whether a line comes of an answer, so that whatever was retried is not any more."""
    return line.get("type") in _ANSWERED


def _count(value: object, most: int = ATTEMPTS_MOST) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        return None
    return int(value)
