"""A small MCP server over HTTP, as somebody else may run one; notes the headers it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs


@attrs.define
class Tickets:
    """What the server saw."""

    url: str
    headers: list[dict[str, str]] = attrs.field(factory=list)
    calls: list[str] = attrs.field(factory=list)


def _answer(tickets: Tickets, message: dict[str, Any]) -> dict[str, Any]:
    method, params = message.get("method"), message.get("params", {})
    if method == "initialize":
        started = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
        return {"result": {**started, "serverInfo": {"name": "tickets", "version": "1"}}}
    if method == "tools/list":
        tool = {"name": "open", "description": "open", "inputSchema": {"type": "object"}}
        return {"result": {"tools": [tool]}}
    if method == "tools/call":
        tickets.calls.append(params["name"])
        return {"result": {"content": [{"type": "text", "text": "ticket 7 is open"}]}}
    return {"error": {"code": -32601, "message": f"no {method}"}}


@contextmanager
def serve(host: str = "127.0.0.1") -> Iterator[Tickets]:
    """Serve until the block is left."""
    tickets = Tickets("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            tickets.headers.append(dict(self.headers))
            if "id" not in message:
                self._say(202, b"")
                return
            answer = {"jsonrpc": "2.0", "id": message["id"], **_answer(tickets, message)}
            self._say(200, json.dumps(answer).encode())

        def do_GET(self) -> None:
            self._say(405, b"")

        def do_DELETE(self) -> None:
            self._say(405, b"")

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    tickets.url = f"http://{host}:{server.server_address[1]}/mcp"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield tickets
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
