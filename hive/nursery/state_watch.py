"""Tells the manager of edges: an agent needs a login, has one again, or has become stale.

Who waits for a login is handed what the operator left for it meanwhile.

What the first look finds is taken as known. A change counts once two looks in a row agree on it, so
that a harness which is just coming up tells nothing that is not so.
"""

from __future__ import annotations

import attrs
import trio

from hive.core import notices
from hive.core.hive import Hive
from hive.errors import HiveError
from hive.host import owners
from hive.wire.dashboard import ContainerRow
from hive.wire.names import AgentName, agent_name

LOOK_S = 2.0


@attrs.frozen
class Seen:
    """What is told of one agent when it changes."""

    needs_login: bool = False
    needs_update: bool = False


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Look for ever."""
    known = _look(hive)
    before = known
    task_status.started()
    while True:
        await trio.sleep(LOOK_S)
        await _take_logins(hive)
        now = _look(hive)
        # Who is new begins with nothing to tell.
        known = {name: known.get(name, Seen()) for name in now}
        for name, seen in now.items():
            if seen != known[name] and seen == before.get(name):
                try:
                    await _tell(hive, name, known[name], seen)
                except HiveError:
                    # As on a full disk: it is not told yet, and is at a later look.
                    continue
                known[name] = seen
        before = now


def _look(hive: Hive) -> dict[AgentName, Seen]:
    """Return what the rows say of everybody but the manager, who would be told of itself."""
    return {agent_name(row.name): _seen(row) for row in hive.view.rows() if not row.is_manager}


def _seen(row: ContainerRow) -> Seen:
    return Seen(needs_login=row.needs_login, needs_update=row.needs_update)


async def _take_logins(hive: Hive) -> None:
    """Give agents that wait for a login what the operator has put there, as root."""
    for row in hive.view.rows():
        name = agent_name(row.name)
        user = hive.users.of(name) if row.needs_login and row.running else None
        # Of one that an older hive started it is already.
        if user is not None and user == hive.runtime.user(name):
            try:
                await trio.to_thread.run_sync(owners.take_login, hive.paths, name, user)
            except HiveError as error:
                # The agent's own doing, perhaps: no other's login waits for it.
                hive.view.set_trouble(name, error.message)


async def _tell(hive: Hive, name: AgentName, known: Seen, seen: Seen) -> None:
    if seen.needs_login != known.needs_login:
        event = "needs_login" if seen.needs_login else "logged_in"
        await notices.tell_manager(hive, event, agent=name)
    if seen.needs_update and not known.needs_update:
        await notices.tell_manager(hive, "needs_update", agent=name)
