"""Why one agent does not work, and who all do not, also of those that do not exist yet."""

from __future__ import annotations

import trio

from hive.core import container_view, why
from hive.core.hive import Hive
from hive.core.why_facts import Facts
from hive.errors import BadRequest, NotFound
from hive.wire.names import AgentName, agent_name
from hive.wire.why import Code, Reason


async def of(hive: Hive, text: str) -> Reason:
    """Return why an agent does not work, or that it does, as it is now.

    Raises `NotFound` for a name of which nothing is known.
    """
    name = agent_name(text)
    await hive.view.rescan()
    row = hive.view.row(name)
    if row is not None and row.why is not None:
        return row.why
    found = await _absent(hive, name)
    if found.code is Code.UNKNOWN:
        raise NotFound(f"there is no agent {name!r}: hive.pyz list names those that exist")
    return found


async def idle(hive: Hive) -> list[tuple[str, Reason]]:
    """Return all that do not work, the manager first, then those that wait for a decision."""
    await hive.view.rescan()
    rows = [(row.name, row.why) for row in hive.view.rows() if row.why is not None]
    found = [(name, reason) for name, reason in rows if reason.code is not Code.WORKING]
    asked = {each.agent for each in await hive.approvals.pending()}
    for text in sorted(asked - {row.name for row in hive.view.rows()}):
        try:
            found.append((text, await of(hive, text)))
        except (BadRequest, NotFound):
            continue  # it is nobody's: inputs are to be updated, or it was decided meanwhile
    return found


async def _absent(hive: Hive, name: AgentName) -> Reason:
    """Return why there is no such agent."""
    transient = hive.transients.get(name)
    waiting = await hive.approvals.pending(name)
    is_kept = await trio.to_thread.run_sync(hive.paths.agent_root(name).is_dir)
    return why.reason(
        Facts(
            name,
            exists=False,
            is_kept=is_kept,
            transient=transient.kind if transient else None,
            transient_since=transient.since if transient else None,
            job=container_view.queued(name, hive.queue.rows()),
            approval=waiting[0].id if waiting else None,
        )
    )
