"""How questions are closed: the words of it, and the answers that are none."""

from __future__ import annotations

ANSWERED = "answered"
OVERRIDDEN = "overridden"
CANCELLED = "cancelled"
EXPIRED = "expired"
HOWS = (ANSWERED, OVERRIDDEN, CANCELLED, EXPIRED)

TO_OPERATOR = "operator"
TO_PEER = "peer"

WATCHDOG = "ttl-watchdog"
"""Who answers what nobody answered in time."""
EXPIRED_ANSWER = "[expired]"
CANCELLED_ANSWER = "[cancelled]"


def cancelled_by(name: str) -> str:
    """Return the answer of a question that somebody else than the operator withdrew."""
    return f"[cancelled by {name}]"
