"""Comments of the operator on lines of a proposed commit."""

from __future__ import annotations

import attrs

OLD = "old"
"""What was there before: the side of lines that would go."""
NEW = "new"
"""What would be there."""
SIDES = (OLD, NEW)

SEND = "send"
DROP = "drop"
FATES = (SEND, DROP)
"""What becomes of comments when their proposal is approved."""


@attrs.frozen
class Comment:
    """One comment; times are Unix seconds."""

    id: int
    approval_id: int
    path: str
    side: str
    """`old` or `new`."""
    line: int
    """Counted from 1, in the file of that side."""
    quote: str
    """The line, as the operator saw it."""
    text: str
    base_ref: str
    """What the commit was compared with: a tag, or empty for nothing."""
    base_sha: str | None
    at: float
    sent_at: float | None = None
    """When it went to whoever asked; None for a draft."""


@attrs.frozen
class NewComment:
    """A comment that was found to belong to the pinned diff, before it has a number."""

    path: str
    side: str
    line: int
    quote: str
    text: str
    base_ref: str
    base_sha: str | None
