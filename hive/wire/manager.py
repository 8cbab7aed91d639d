"""Requests that only the manager's socket takes (tag `cmd`), and their replies (tag `kind`).

What needs the operator's decision is a `request_...`: it is answered with the number of the
approval it waits as, and nothing has happened yet.
"""

from __future__ import annotations

import attrs

from hive.wire.agent import AgentReply, AgentRequest
from hive.wire.limits import LOG_LINES_DEFAULT


@attrs.frozen
class RequestInitConfig:
    """Ask for a new agent's repository, seeded from the template."""

    name: str
    description: str | None = None
    """Shown to the operator, as in every request."""


@attrs.frozen
class RequestSpawn:
    """Ask for a new agent, made from the head of its repository."""

    name: str
    description: str | None = None


@attrs.frozen
class RequestApplyCommit:
    """Ask for a commit of an agent's repository to be built and deployed."""

    agent: str
    commit_ref: str
    """7 to 40 hex digits."""
    description: str | None = None


@attrs.frozen
class RequestUpdateMetaInputs:
    """Ask for inputs of the meta repository to be brought up to date."""

    inputs: tuple[str, ...] | None = None
    """None: every input."""
    description: str | None = None


@attrs.frozen
class Kill:
    """Stop another agent's container; its state stays."""

    name: str


@attrs.frozen
class Start:
    """Start another agent that was stopped."""

    name: str


@attrs.frozen
class Restart:
    """Stop and start another agent, with what it was built of before."""

    name: str


@attrs.frozen
class Update:
    """Build an agent anew from what is deployed and start it again; needs no approval."""

    name: str


@attrs.frozen
class GetLogs:
    """The newest lines of an agent's container."""

    agent: str
    lines: int = LOG_LINES_DEFAULT


ManagerRequest = (
    AgentRequest
    | RequestInitConfig
    | RequestSpawn
    | RequestApplyCommit
    | RequestUpdateMetaInputs
    | Kill
    | Start
    | Restart
    | Update
    | GetLogs
)


@attrs.frozen
class ApprovalQueued:
    """It waits for the operator under this number; nothing was done yet."""

    id: int
    note: str | None = None
    """Why it is going to fail, where that can be seen already."""


@attrs.frozen
class Logs:
    """Lines of a container, oldest first."""

    lines: tuple[str, ...]


@attrs.frozen
class Begun:
    """What was asked for is not over yet and goes on by itself."""

    job_id: int | None = None
    """Its number in the build queue, where it has one."""


ManagerReply = AgentReply | ApprovalQueued | Logs | Begun
