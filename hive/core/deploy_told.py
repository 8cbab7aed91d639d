"""What is told and recorded of a deploy: events, a word for the agent, its record."""

from __future__ import annotations

from typing import Any

import attrs

from hive.core import notices, proposals
from hive.core.blueprints import Blueprint
from hive.core.hive import Hive
from hive.store.agents import Deployed
from hive.store.messages import Draft
from hive.wire.names import MANAGER, AgentName


@attrs.define
class Order:
    """What is to be deployed."""

    name: AgentName
    number: int | None
    """Of the approval; None for what needed none."""
    sha: str
    tag: str
    is_new: bool
    """Whether the agent has nothing deployed yet."""
    is_made: bool
    """Whether the agent is there for this job alone, and goes with it when it fails."""
    is_touched: bool
    """Whether its container may not be the one that ran before."""
    is_revived: bool = False
    """Whether there was an agent of that name before, whose state it has."""


def record(hive: Hive, name: AgentName, blueprint: Blueprint) -> Deployed:
    """Return what is recorded of an agent that was built by this hive."""
    return Deployed(
        name,
        sha=blueprint.sha,
        tag=blueprint.tag,
        system=blueprint.system,
        config=blueprint.config,
        hive_rev=hive.meta.hive_rev(),
    )


async def success(hive: Hive, order: Order) -> tuple[Draft, ...]:
    """Return what tells that it is deployed."""
    name = order.name
    what = "spawned" if order.is_new else "rebuilt"
    return (
        *await _resolution(hive, order, "approved", None),
        *to_manager(hive, name, what, agent=name, ok=True, sha=order.sha, tag=order.tag),
        *_kick(hive, order),
    )


def _kick(hive: Hive, order: Order) -> tuple[Draft, ...]:
    """Return what tells the agent; one that never ran or is stopped needs not be told."""
    if not hive.agents.is_wanted(order.name):
        return ()
    if order.is_new:
        return notices.kicked(hive, order.name, "revived") if order.is_revived else ()
    what = f"given a new configuration ({order.tag}) and restarted"
    return notices.kicked(hive, order.name, what)


async def failure(hive: Hive, order: Order, reason: str) -> tuple[Draft, ...]:
    """Return what tells that it is not."""
    name = order.name
    what = "spawned" if order.is_new else "rebuilt"
    return (
        *await _resolution(hive, order, "failed", reason),
        *to_manager(hive, name, what, agent=name, ok=False, note=reason, **_of_tag(order)),
    )


async def _resolution(hive: Hive, order: Order, status: str, note: str | None) -> tuple[Draft, ...]:
    if order.number is None:
        return ()
    return proposals.resolution(hive, await hive.approvals.get(order.number), status, note)


def _of_tag(order: Order) -> dict[str, str]:
    if order.number is None:
        return {}
    return {"sha": order.sha, "tag": f"failed/{order.number}"}


def to_manager(hive: Hive, name: AgentName, event: str, **fields: Any) -> tuple[Draft, ...]:  # noqa: ANN401
    """Return an event for the manager; that itself was built it is told by its kick."""
    if name == MANAGER and fields.get("ok"):
        return ()
    return notices.event(hive, MANAGER, event, **fields)
