"""hive's MCP server without a process: JSON-RPC messages that claude sends over its own pipe.

Serves the table of `mcp_tools`. Knows which messages were handed to the model in the running turn,
because only those may be acknowledged with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio

from hive.agent import mcp_tools
from hive.agent.client import HiveClient
from hive.agent.tool import Tool

PROTOCOLS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Protocol versions served, newest first; the difference does not show in what is used here."""
METHOD_NOT_FOUND = -32601
INVALID_REQUEST = -32600
CANCELLED = -32800

Message = dict[str, Any]


class ToolServer:
    """Answers one JSON-RPC message at a time or several at once; never raises for what it gets."""

    def __init__(self, client: HiveClient, tools: Mapping[str, Tool], version: str) -> None:
        """Serve `tools` over `client`; `version` is hive's own."""
        self._client = client
        self._tools = tools
        self._version = version
        self._seen: list[int] = []
        self._running: dict[object, trio.CancelScope] = {}

    def begin_turn(self) -> None:
        """Forget what was handed out before; what still runs of an older turn is given up."""
        self.end_turn()

    def end_turn(self) -> list[int]:
        """Give up the calls that still run and return the ids the model got since the begin."""
        for scope in list(self._running.values()):
            scope.cancel()
        seen, self._seen = self._seen, []
        return seen

    async def handle(self, message: Message) -> Message | None:
        """Return the JSON-RPC answer to a message; None for a notification."""
        method, number = message.get("method"), message.get("id")
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        if number is None:
            self._notified(method, params)
            return None
        if not isinstance(method, str):
            return _error(number, INVALID_REQUEST, "a request names its method")
        if method == "tools/call":
            return await self._call(number, params)
        result = self._plain(method, params)
        if result is None:
            return _error(number, METHOD_NOT_FOUND, f"hive does not serve {method[:80]}")
        return {"jsonrpc": "2.0", "id": number, "result": result}

    def _notified(self, method: object, params: Message) -> None:
        scope = self._running.get(_hashable(params.get("requestId")))
        if method == "notifications/cancelled" and scope is not None:
            scope.cancel()

    def _plain(self, method: str, params: Message) -> Message | None:
        if method == "initialize":
            wanted = params.get("protocolVersion")
            return {
                "protocolVersion": wanted if wanted in PROTOCOLS else PROTOCOLS[0],
                "capabilities": {"tools": {"listChanged": False}},
                "serverInfo": {"name": mcp_tools.SERVER_NAME, "version": self._version},
            }
        if method == "tools/list":
            return {"tools": mcp_tools.listings(self._tools)}
        if method == "ping":
            return {}
        return None

    async def _call(self, number: object, params: Message) -> Message:
        key = _hashable(number)
        with trio.CancelScope() as scope:
            self._running[key] = scope
            try:
                result = await mcp_tools.call_tool(
                    self._client,
                    self._tools,
                    params.get("name"),
                    params.get("arguments"),
                    params.get("_meta"),
                )
            finally:
                if self._running.get(key) is scope:
                    del self._running[key]
            if not scope.cancel_called:
                self._seen.extend(result.seen)
        if scope.cancel_called:
            return _error(number, CANCELLED, "the turn that made this call is over")
        content = [{"type": "text", "text": result.text}]
        return {
            "jsonrpc": "2.0",
            "id": number,
            "result": {"content": content, "isError": result.is_error},
        }


def _hashable(number: object) -> object:
    return number if isinstance(number, str | int) else repr(number)


def _error(number: object, code: int, text: str) -> Message:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": text}}
