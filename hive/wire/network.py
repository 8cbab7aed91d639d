"""What is shown of an agent's network: what it may reach, reached, and was refused."""

from __future__ import annotations

import attrs

ALLOWED = "allowed"
DENIED = "denied"
FAILED = "failed"


@attrs.frozen
class Reached:
    """How often an agent wanted to connect somewhere, by what became of it."""

    host: str
    port: int
    verdict: str
    """`allowed`, `denied`, or `failed`: it was allowed and did not come about."""
    count: int
    sent: int
    """Bytes that the agent sent."""
    received: int
    first_at: float
    """Unix seconds."""
    last_at: float
    why: str | None = None
    """Of the newest one, unless it was allowed."""


@attrs.frozen
class Connection:
    """One connection, or one request of the gateway."""

    host: str
    port: int
    verdict: str
    at: float
    ended_at: float | None
    """None while it is open."""
    sent: int
    received: int
    address: str | None = None
    """What was connected to."""
    why: str | None = None


@attrs.frozen
class NetworkReport:
    """One agent's network as every surface shows it."""

    name: str
    mode: str
    """`proxy`, or `host`: whatever the host reaches, and nothing is counted."""
    account: str
    """`gateway`: the daemon adds the key or token; `agent`: the agent holds its own; `given`: the
    daemon gave it a key or token that it can read; `none`: a stand-in plays claude."""
    allowed: tuple[str, ...]
    """What its agent.toml and the daemon's settings list."""
    always: tuple[str, ...]
    """What every agent may reach."""
    reached: tuple[Reached, ...]
    """The newest first."""
    connections: tuple[Connection, ...]
    """The newest first."""
