"""A ticket is good once, soon, and for whom it was given."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from hive.core.audit import Who
from hive.errors import Refused
from hive.web.dashboard.tickets import TICKET_S, TICKETS_MOST, Tickets
from hive.wire.names import AgentName

BOB, EVE = AgentName("bob"), AgentName("eve")
ME = Who("operator", "page", {"session": "5f0c2a91"})
OTHERS = (
    Who("operator", "page", {"session": "00000000"}),
    Who("operator", "token", {"token": "5f0c2a91"}),
)


async def test_a_ticket_is_good_once() -> None:
    tickets = Tickets()
    looks = tickets.issue(BOB, ME, view_only=True)
    acts = tickets.issue(BOB, ME, view_only=False)
    assert tickets.take(looks, BOB, ME).view_only
    assert not tickets.take(acts, BOB, ME).view_only
    for secret in (looks, acts, "", "nonsense"):
        with pytest.raises(Refused, match="get another"):
            tickets.take(secret, BOB, ME)


async def test_a_ticket_for_somebody_or_something_else_is_used_up_by_the_attempt() -> None:
    tickets = Tickets()
    for name, who in ((EVE, ME), *((BOB, other) for other in OTHERS)):
        secret = tickets.issue(BOB, ME, view_only=False)
        with pytest.raises(Refused):
            tickets.take(secret, name, who)
        with pytest.raises(Refused):
            tickets.take(secret, BOB, ME)


async def test_a_ticket_is_too_old_after_its_time(autojump_clock: Any) -> None:
    tickets = Tickets()
    secret = tickets.issue(BOB, ME, view_only=True)
    await trio.sleep(TICKET_S)
    with pytest.raises(Refused):
        tickets.take(secret, BOB, ME)


async def test_whoever_asks_for_many_makes_the_oldest_ones_void() -> None:
    tickets = Tickets()
    first, *_, last = [tickets.issue(BOB, ME, view_only=True) for _ in range(TICKETS_MOST + 1)]
    with pytest.raises(Refused):
        tickets.take(first, BOB, ME)
    assert tickets.take(last, BOB, ME).name == BOB
