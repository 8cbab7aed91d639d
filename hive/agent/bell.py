"""hive's tools with a bell: a `recv` that waits ends when something was put behind it.

Else the model would wait for the very message that waits for it.
"""

from __future__ import annotations

from typing import Any

import attrs
import trio

from hive.agent.driver import ToolServer


@attrs.define
class Bell:
    """hive's tools as claude calls them, and the bell."""

    _tools: ToolServer
    _parked: list[trio.CancelScope] = attrs.field(factory=list)

    async def handle(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Answer a JSON-RPC message; see `ToolServer`."""
        params = message.get("params")
        name = params.get("name") if isinstance(params, dict) else None
        if message.get("method") != "tools/call" or name != "recv":
            return await self._tools.handle(message)
        answer = None
        with trio.CancelScope() as scope:
            self._parked.append(scope)
            try:
                answer = await self._tools.handle(message)
            finally:
                self._parked.remove(scope)
        if scope.cancelled_caught:
            text = "(empty: a message is being put into your turn instead)"
            result = {"content": [{"type": "text", "text": text}], "isError": False}
            return {"jsonrpc": "2.0", "id": message.get("id"), "result": result}
        return answer

    def ring(self) -> None:
        """End every `recv` that waits; what it may have taken comes back behind the turn."""
        for scope in self._parked:
            scope.cancel()
