"""Approvals: what waits for the operator's decision."""

from __future__ import annotations

import attrs

PENDING = "pending"
APPROVED = "approved"
DENIED = "denied"
FAILED = "failed"
CANCELLED = "cancelled"
SPAWN = "spawn"


@attrs.frozen
class Approval:
    """One row of the approval queue; times are Unix seconds."""

    id: int
    agent: str
    kind: str
    commit_ref: str
    requested_at: float
    status: str
    fetched_sha: str | None = None
    resolved_at: float | None = None
    note: str | None = None
    description: str | None = None
