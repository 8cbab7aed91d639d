"""Jobs of the build queue as they travel: what is to be done, and how far it is."""

from __future__ import annotations

import attrs

INIT_CONFIG = "init_config"
SPAWN = "spawn"
DEPLOY = "deploy"
REBUILD = "rebuild"
RESTART = "restart"
DESTROY = "destroy"
META_UPDATE = "meta_update"
KINDS = (INIT_CONFIG, SPAWN, DEPLOY, REBUILD, RESTART, DESTROY, META_UPDATE)

QUEUED = "queued"
RUNNING = "running"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"
OVER = frozenset({DONE, FAILED, CANCELLED})


@attrs.frozen
class JobRow:
    """One job of the build queue; times are Unix seconds."""

    id: int
    kind: str
    agent: str | None
    """None for what concerns no single agent: `meta_update`."""
    state: str
    """`queued`, `running`, `done`, `failed` or `cancelled`."""
    requested_by: str
    """`operator`, `manager` or `system`."""
    created_at: float
    args: dict[str, str] = attrs.field(factory=dict)
    """What the kind needs beside the agent, as text: `purge` = `yes`, `start` = `no` for a rebuild
    that leaves a stopped agent stopped, `inputs` and `changed` = JSON arrays."""
    started_at: float | None = None
    ended_at: float | None = None
    step: str | None = None
    """What it is doing, or was doing last, in a few words."""
    note: str | None = None
    """Why it failed or was cancelled."""
    approval_id: int | None = None
    parent_id: int | None = None
    """The job that asked for this one: a rebuild that follows an update of the inputs."""
    attempts: int = 0
    """How often it was begun; more than once after the daemon ended in the middle."""


@attrs.frozen
class MetaInput:
    """One input of the meta repository, as the operator may choose it for an update."""

    name: str
    """A slash path: `hyperhive`, `agent-x`, `agent-x/input`, `hyperhive/nixpkgs`."""
    rev: str
    """The locked revision, or a content hash where there is none."""
    locked_at: float | None = None
    """When the locked content was made, Unix seconds."""
    is_stale: bool = False
    """Whether something newer is known to be there; False where that cannot be told."""
    source: str = ""
    """Where it comes from, as it was written; empty where it is hive's own."""
