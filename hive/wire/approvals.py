"""Approvals: what waits for the operator's decision."""

from __future__ import annotations

import attrs

PENDING = "pending"
APPROVED = "approved"
DENIED = "denied"
FAILED = "failed"
CANCELLED = "cancelled"
OUTCOMES = (APPROVED, DENIED, FAILED, CANCELLED)

INIT_CONFIG = "init_config"
"""Seed an agent's proposed repository from the template."""
SPAWN = "spawn"
"""Create an agent from the pinned commit of its proposed repository."""
APPLY_COMMIT = "apply_commit"
"""Build and deploy the pinned commit; makes the agent where there is none yet."""
UPDATE_META_INPUTS = "update_meta_inputs"
"""Bring inputs of the meta repository up to date; `commit_ref` is a JSON array of their names."""
KINDS = (INIT_CONFIG, SPAWN, APPLY_COMMIT, UPDATE_META_INPUTS)
WITH_COMMIT = frozenset({SPAWN, APPLY_COMMIT})
"""Kinds that pin a commit, and whose outcome is a tag."""


@attrs.frozen
class Approval:
    """One row of the approval queue; times are Unix seconds."""

    id: int
    agent: str
    """The agent concerned; the manager for `update_meta_inputs`."""
    kind: str
    commit_ref: str
    """What the requester named: a commit's hex digits, a JSON array of inputs, or empty."""
    requested_at: float
    status: str
    fetched_sha: str | None = None
    """The pinned commit, 40 hex digits."""
    resolved_at: float | None = None
    note: str | None = None
    description: str | None = None
    resolved_by: str | None = None
    """Who decided it, or withdrew it, and from where."""
    comments: int = 0
    """How many comments on its lines there are."""
