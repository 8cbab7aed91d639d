"""Telling an agent or the manager what the host noticed: system messages with an `event`."""

from __future__ import annotations

import json
from typing import Any

from hive.core.hive import Hive
from hive.wire.names import MANAGER, SYSTEM, AgentName


async def tell(hive: Hive, name: AgentName, event: str, **fields: Any) -> None:  # noqa: ANN401
    """Put an event into an agent's inbox; nobody there is no error."""
    if name in hive.agents:
        body = json.dumps({"event": event, **fields}, ensure_ascii=False)
        await hive.broker.send(SYSTEM, name, body, origin="system")


async def tell_manager(hive: Hive, event: str, **fields: Any) -> None:  # noqa: ANN401
    """Put an event into the manager's inbox."""
    await tell(hive, MANAGER, event, **fields)


async def kick(hive: Hive, name: AgentName, what: str) -> None:
    """Tell an agent that it was started anew, so that it looks at its notes and goes on."""
    if name in hive.agents:
        body = (
            f"You were {what}. Your session goes on; look at your notes under /state and at"
            " get_loose_ends for what is open, then carry on. Nothing to do is a fine answer."
        )
        await hive.broker.send(SYSTEM, name, body, origin="system")
