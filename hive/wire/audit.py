"""One line of the audit log: who did what to whom, on which surface, and what came of it."""

from __future__ import annotations

import attrs

BEGUN = "begun"
"""It was asked for and is about to be done; another line tells of its end."""
DONE = "done"
REFUSED = "refused"
FAILED = "failed"
OUTCOMES = (BEGUN, DONE, REFUSED, FAILED)

TEXT_MOST = 300
"""Characters of each word of a line; what is longer is cut."""
ROWS_MOST = 1000
"""Lines in one reply."""

Scalar = str | int | float | bool | None
"""What a detail may be."""


@attrs.frozen
class AuditEntry:
    """What is written; the log adds its number and the two hashes."""

    at: float
    """Unix seconds."""
    actor: str
    """`operator`, `manager`, an agent, `system`, or `nobody` for whoever is not known."""
    surface: str
    """Where it came in: `socket`, `page`, `token`, `agent socket`, `network`, `daemon`, ..."""
    action: str
    """The verb, as the operator's socket has it."""
    subject: str
    """Whom or what it is done to; empty for the hive itself."""
    outcome: str
    """`begun`, `done`, `refused` or `failed`."""
    detail: dict[str, Scalar] = attrs.field(factory=dict)
    """What else is known; never a message's body, never a secret."""


@attrs.frozen
class AuditRow:
    """A line as it is shown."""

    n: int
    """Its number; the first line is 1."""
    entry: AuditEntry
    hash: str
    """Over the line and, by the hash of the one before that is part of it, over all before it."""


@attrs.frozen
class AuditHead:
    """The place up to which a log is known."""

    n: int
    hash: str


@attrs.frozen
class AuditReport:
    """What checking the whole log found."""

    lines: int
    head: AuditHead | None
    """The last good line."""
    problems: tuple[str, ...] = ()
    """Sentences; none: every line is as it was written, and none is missing."""
    remarks: tuple[str, ...] = ()
    """What is no fault, such as a last line that was never finished."""
