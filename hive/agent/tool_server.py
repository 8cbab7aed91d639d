"""hive's MCP server: answers JSON-RPC messages, over claude's own pipe or on stdio.

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
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
CANCELLED = -32800

Message = dict[str, Any]
Number = str | int


class ToolServer:
    """Answers one JSON-RPC message at a time or several at once; never raises for what it gets."""

    def __init__(self, client: HiveClient, tools: Mapping[str, Tool], version: str) -> None:
        """Serve `tools` over `client`; `version` is hive's own."""
        self._client = client
        self._tools = tools
        self._version = version
        self._seen: list[int] = []
        self._running: dict[Number, trio.CancelScope] = {}

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
        """Return the JSON-RPC answer to a message.

        None for a notification, for an answer, and for a call that was taken back.
        """
        method, number = message.get("method"), message.get("id")
        is_answer = method is None and ("result" in message or "error" in message)
        if number is None or is_answer:
            self._notified(method, message.get("params"))
            return None
        if not isinstance(number, str | int) or isinstance(number, bool):
            return error(None, INVALID_REQUEST, "a request's id is a string or a whole number")
        if not isinstance(method, str):
            return error(number, INVALID_REQUEST, "a request names its method")
        params = message.get("params", {})
        if not isinstance(params, dict):
            return error(number, INVALID_PARAMS, "params must be one JSON object")
        if method == "tools/call":
            return await self._call(number, params)
        return self._plain(number, method, params)

    def _notified(self, method: object, params: object) -> None:
        if method != "notifications/cancelled" or not isinstance(params, dict):
            return
        # Taken out as well: whoever takes a call back waits for no answer to it.
        number = params.get("requestId")
        scope = self._running.pop(number, None) if isinstance(number, str | int) else None
        if scope is not None:
            scope.cancel()

    def _plain(self, number: Number, method: str, params: Message) -> Message:
        if method == "initialize":
            wanted = params.get("protocolVersion")
            return _result(
                number,
                {
                    "protocolVersion": wanted if wanted in PROTOCOLS else PROTOCOLS[0],
                    "capabilities": {"tools": {"listChanged": False}},
                    "serverInfo": {"name": mcp_tools.SERVER_NAME, "version": self._version},
                },
            )
        if method == "tools/list":
            if params.get("cursor") is not None:
                return error(number, INVALID_PARAMS, "the list has one page: leave out the cursor")
            return _result(number, {"tools": mcp_tools.listings(self._tools)})
        if method == "ping":
            return _result(number, {})
        return error(number, METHOD_NOT_FOUND, f"hive does not serve {method[:80]}")

    async def _call(self, number: Number, params: Message) -> Message | None:
        name, arguments = params.get("name"), params.get("arguments")
        if not isinstance(name, str) or name not in self._tools:
            there = ", ".join(self._tools)
            return error(
                number, INVALID_PARAMS, f"there is no tool {str(name)[:40]!r}: use {there}"
            )
        if arguments is not None and not isinstance(arguments, dict):
            return error(number, INVALID_PARAMS, "arguments must be one JSON object")
        with trio.CancelScope() as scope:
            self._running[number] = scope
            try:
                result = await mcp_tools.call_tool(
                    self._client, self._tools, name, arguments, params.get("_meta")
                )
            finally:
                is_wanted = self._running.get(number) is scope
                if is_wanted:
                    del self._running[number]
            if not scope.cancel_called:
                self._seen.extend(result.seen)
        if scope.cancel_called:
            over = error(number, CANCELLED, "the turn that made this call is over")
            return over if is_wanted else None
        content = [{"type": "text", "text": result.text}]
        return _result(number, {"content": content, "isError": result.is_error})


def _result(number: Number, result: Message) -> Message:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def error(number: Number | None, code: int, text: str) -> Message:
    """Return a JSON-RPC error; `number` is None where the request's own could not be read."""
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": text}}
