"""Tickets for views of agents' screens: each is good once, soon, for whom it was given.

Whether somebody may look or also act is decided when a ticket is asked for, which is an action like
any other; a websocket then only shows it. Tickets live in memory: a daemon that restarts has none.
"""

from __future__ import annotations

import hashlib
import secrets

import attrs
import trio

from hive.core.audit import Who
from hive.errors import Refused
from hive.wire.names import AgentName

TICKET_S = 30.0
TICKETS_MOST = 64
"""Of those that wait; the oldest makes room."""


@attrs.frozen
class Ticket:
    """What somebody may open."""

    name: AgentName
    who: Who
    """Who asked for it: the same session or token has to show it."""
    view_only: bool
    expires_at: float
    """On Trio's clock."""


class Tickets:
    """The tickets that nobody has shown yet."""

    def __init__(self) -> None:
        """There are none."""
        self._waiting: dict[str, Ticket] = {}

    def issue(self, name: AgentName, who: Who, *, view_only: bool) -> str:
        """Return the secret of a fresh ticket."""
        now = trio.current_time()
        live = {key: each for key, each in self._waiting.items() if each.expires_at > now}
        self._waiting = dict(list(live.items())[-(TICKETS_MOST - 1) :])
        secret = secrets.token_urlsafe(32)
        self._waiting[_digest(secret)] = Ticket(name, who, view_only, now + TICKET_S)
        return secret

    def take(self, secret: str, name: AgentName, who: Who) -> Ticket:
        """Use a ticket up; raises `Refused` for one that is not good for this."""
        ticket = self._waiting.pop(_digest(secret), None)
        is_good = ticket is not None and ticket.expires_at > trio.current_time()
        if not is_good or ticket is None or (ticket.name, ticket.who) != (name, who):
            raise Refused("this ticket was used, is too old or is for something else: get another")
        return ticket


def _digest(secret: str) -> str:
    # Looked up by its hash, so that the time of a look tells nothing of a secret.
    return hashlib.sha256(secret.encode()).hexdigest()
