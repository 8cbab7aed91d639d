"""What an operator may look at within limits; nothing changes by it, so nothing is recorded."""

from __future__ import annotations

from hive.core.hive import Hive
from hive.errors import BadRequest, NotFound
from hive.host import state_dirs
from hive.wire.dashboard import Tombstone
from hive.wire.limits import HIVE_LOG, LOG_LINES_MAX, RECENT_MAX
from hive.wire.messages import MessageRow
from hive.wire.names import OPERATOR, agent_name


async def inbox(hive: Hive, limit: int, unread: int = 0) -> list[MessageRow]:
    """Return the newest messages to the operator, newest first, and so many that wait unread."""
    return await hive.broker.recent(OPERATOR, _within("limit", limit, RECENT_MAX), unread)


async def logs(hive: Hive, text: str, lines: int, unit: str = HIVE_LOG) -> list[str]:
    """Return the newest lines of one log of an agent's container, oldest first."""
    name = agent_name(text)
    hive.agents.get(name)
    units = hive.runtime.units
    if unit not in units:
        raise NotFound(f"containers of this hive have no log {unit!r}: there is {', '.join(units)}")
    return await hive.runtime.logs(name, _within("lines", lines, LOG_LINES_MAX), unit)


async def job_log(hive: Hive, number: int, after: int) -> list[str]:
    """Return what a job said, from line `after` on."""
    if after < 0:
        raise BadRequest("after must not be negative")
    return await hive.queue.log(number, after)


def tombstones(hive: Hive) -> list[Tombstone]:
    """Return the state kept of agents that do not exist; blocks, call it in a thread."""
    return state_dirs.tombstones(hive.paths, set(hive.agents.names()))


def _within(what: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise BadRequest(f"{what} must be between 1 and {most}")
    return value
