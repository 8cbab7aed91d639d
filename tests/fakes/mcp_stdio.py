"""A server of hive's tools on stdio that notes what is called: `mcp_stdio.py LOG`.

Standard library only; run as a program by claude.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

TOOLS = ("send", "recv", "whoami", "set_status")


def answer(message: dict[str, Any]) -> dict[str, Any]:
    """Return what answers a request, as `result` or `error`."""
    method, params = message.get("method"), message.get("params", {})
    if method == "initialize":
        info = {"name": "hyperhive", "version": "0"}
        started = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
        return {"result": {**started, "serverInfo": info}}
    if method == "tools/list":
        schema = {"type": "object"}
        return {
            "result": {
                "tools": [{"name": n, "description": n, "inputSchema": schema} for n in TOOLS]
            }
        }
    if method == "tools/call":
        return {"result": {"content": [{"type": "text", "text": f"did {params['name']}"}]}}
    return {"error": {"code": -32601, "message": f"no {method}"}}


def main(log: Path) -> None:
    """Serve until standard input ends; a call with `wait` parks for so many seconds."""
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("method") == "tools/call":
            with log.open("a") as file:
                file.write(json.dumps([message["params"]["name"], message["params"]]) + "\n")
            time.sleep(message["params"].get("arguments", {}).get("wait", 0))
        if "id" in message:
            reply = {"jsonrpc": "2.0", "id": message["id"], **answer(message)}
            sys.stdout.write(json.dumps(reply) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
