"""Requests of the operator's socket (tag `cmd`) and its one flat reply."""

from __future__ import annotations

from typing import Any

import attrs

from hive.wire.admin_page import PageRequest
from hive.wire.admin_work import WorkRequest

VERSION = 1


@attrs.frozen
class List:
    """The names of all agents, the manager included."""


@attrs.frozen
class AgentStatus:
    """One status row per agent."""


@attrs.frozen
class SubscribeAgentStatus:
    """A bare success, then one reply per changed agent for as long as the client stays."""


@attrs.frozen
class Pending:
    """The approval queue."""


@attrs.frozen
class Approve:
    """Approve and run."""

    id: int
    comments: str | None = None
    """What becomes of comments on its lines: `send` or `drop`; needed where there are some."""


@attrs.frozen
class Deny:
    """Deny, with an optional reason and comments on lines, which reach the requester."""

    id: int
    note: str | None = None
    comments: tuple[str, ...] = ()
    """Each `FILE:LINE:TEXT`, `-LINE` for a line that would go; with those written on the page."""


@attrs.frozen
class Spawn:
    """Create and start an agent at once, without an approval."""

    name: str


@attrs.frozen
class RequestSpawn:
    """Queue the approval of a new agent."""

    name: str
    description: str | None = None


@attrs.frozen
class Kill:
    """Stop an agent's container; its state stays."""

    name: str


@attrs.frozen
class Rebuild:
    """Re-apply everything per-container on the host and start it anew."""

    name: str


@attrs.frozen
class Restart:
    """Stop and start, without re-applying its configuration."""

    name: str


@attrs.frozen
class Destroy:
    """Remove an agent's container; with `purge` its state too."""

    name: str
    purge: bool = False


@attrs.frozen
class Scope:
    """Whom `start` and `stop` mean; empty is an error, never everybody."""

    agent_names: tuple[str, ...] = ()
    agents: bool = False
    """True: all of them."""


@attrs.frozen
class Start:
    """Start the agents in scope."""

    scope: Scope


@attrs.frozen
class Stop:
    """Stop the agents in scope; `graceful` lets a running turn end first."""

    scope: Scope
    graceful: bool = False


@attrs.frozen
class SetPaused:
    """Pause or resume an agent's turns; works on a stopped container too."""

    name: str
    paused: bool


@attrs.frozen
class Urls:
    """Where the pages are."""


@attrs.frozen
class SendAsOperator:
    """Send a message as the operator; tag `send`."""

    to: str
    body: str
    in_reply_to: int | None = None


@attrs.frozen
class Inbox:
    """Messages to the operator, newest first."""

    limit: int = 50


@attrs.frozen
class Logs:
    """The newest lines of an agent's container."""

    name: str
    lines: int = 50


@attrs.frozen
class MarkAllRead:
    """Acknowledge everything that waits for an agent or for the operator."""

    name: str


@attrs.frozen
class LoginLink:
    """A fresh one-time link that logs a browser in."""


@attrs.frozen
class CreateToken:
    """A token for scripts, shown once."""

    name: str


@attrs.frozen
class ListTokens:
    """The names of the tokens that are valid."""


@attrs.frozen
class RevokeToken:
    """Make a token invalid."""

    name: str


@attrs.frozen
class Health:
    """The state of every supervised task, for `doctor`."""


AdminRequest = (
    List
    | AgentStatus
    | SubscribeAgentStatus
    | Pending
    | Approve
    | Deny
    | Spawn
    | RequestSpawn
    | Kill
    | Rebuild
    | Restart
    | Destroy
    | Start
    | Stop
    | SetPaused
    | Urls
    | SendAsOperator
    | Inbox
    | Logs
    | MarkAllRead
    | LoginLink
    | CreateToken
    | ListTokens
    | RevokeToken
    | Health
    | WorkRequest
    | PageRequest
)

Reply = dict[str, Any]
"""`version`, `ok`, then `error` and `code` when not ok, then the result field of the request."""


def ok(**result: Any) -> Reply:
    """Return a success with its result fields, in the order the contract gives them."""
    return {"version": VERSION, "ok": True, **result}


def failed(code: str, message: str) -> Reply:
    """Return a failure; `error` is the sentence, `code` the word for programs."""
    return {"version": VERSION, "ok": False, "error": message, "code": code}
