"""A small MCP server on stdio, as an agent's repository may hold one; standard library only.

Its tool `today` answers with the variables it was started with, `storm` exists to be forbidden.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

TOOLS = ("today", "storm")


def answer(message: dict[str, Any]) -> dict[str, Any]:
    """Return what answers a request, as `result` or `error`."""
    method, params = message.get("method"), message.get("params", {})
    if method == "initialize":
        info = {"name": "weather", "version": "1"}
        started = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
        return {"result": {**started, "serverInfo": info}}
    if method == "tools/list":
        schema = {"type": "object"}
        tools = [{"name": name, "description": name, "inputSchema": schema} for name in TOOLS]
        return {"result": {"tools": tools}}
    if method == "tools/call":
        seen = {name: os.environ.get(name, "") for name in ("CITY", "UNIT")}
        text = f"{params['name']}: {json.dumps({**seen, 'args': sys.argv[1:]})}"
        return {"result": {"content": [{"type": "text", "text": text}]}}
    return {"error": {"code": -32601, "message": f"no {method}"}}


def main() -> None:
    """Serve until standard input ends."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            reply = {"jsonrpc": "2.0", "id": message["id"], **answer(message)}
            print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
