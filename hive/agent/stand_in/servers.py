"""hive's MCP server as the stand-in reaches it: over its own pipes, or as a process it starts."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from hive.agent.stand_in.lines import VERSION, new_uuid
from hive.agent.stand_in.pipes import Pipes

START_S = 30.0
"""How long a turn waits for a server to come up, then it runs without its tools."""
CALL_S = 3600.0
STOP_S = 2.0
PROTOCOL = "2025-11-25"

Message = dict[str, Any]


class ToolFailed(Exception):
    """A tool answered with an error; carries its text."""


class Servers:
    """The one server of the configuration, connected by the first turn."""

    def __init__(
        self, pipes: Pipes, config: Mapping[str, Mapping[str, Any]], env: Mapping[str, str]
    ) -> None:
        """`env` is what a server inherits, as everything that claude starts inherits it."""
        self._pipes = pipes
        self._env = dict(env)
        self._config = dict(config)
        self._status = dict.fromkeys(config, "pending")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._answers: dict[object, Message] = {}
        self._numbers = itertools.count()
        self._tools: dict[str, str] = {}
        self._is_connected = False

    def __enter__(self) -> Servers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._processes.values():
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def connect(self) -> None:
        """Bring every server up, once."""
        if self._is_connected:
            return
        self._is_connected = True
        for name, server in self._config.items():
            self._status[name] = self._connect_one(name, server)

    def states(self) -> list[dict[str, str]]:
        """Return what `init` says of the servers."""
        return [
            {"name": name, "status": status, "source": self._source(name)}
            for name, status in self._status.items()
        ]

    def tools(self) -> list[str]:
        """Return the names by which the model would know the tools."""
        return sorted(self._tools)

    def call(self, tool: str, arguments: Message, tool_use_id: str) -> str:
        """Call a tool by the model's name for it and return its text; raises `ToolFailed`."""
        server = self._tools.get(tool)
        if server is None:
            raise ToolFailed(f"No such tool available: {tool}")
        number = next(self._numbers)
        params = {
            "name": tool.removeprefix(f"mcp__{server}__"),
            "arguments": arguments,
            "_meta": {"claudecode/toolUseId": tool_use_id, "progressToken": number},
        }
        message = {"method": "tools/call", "params": params, "jsonrpc": "2.0", "id": number}
        answer = self._ask(server, message, CALL_S)
        if answer is None:
            raise ToolFailed(f"MCP server {server} did not answer")
        if "error" in answer:
            raise ToolFailed(str(answer["error"].get("message")))
        result = answer.get("result", {})
        text = "".join(part.get("text", "") for part in result.get("content", []))
        if result.get("isError"):
            raise ToolFailed(text)
        return text

    def _source(self, name: str) -> str:
        return "sdk" if self._config[name].get("type") == "sdk" else "dynamic"

    def _connect_one(self, name: str, server: Mapping[str, Any]) -> str:
        if server.get("type") == "http":
            # It plays without a network.
            return "failed"
        if server.get("type") != "sdk":
            try:
                self._start(name, server)
            except OSError:
                return "failed"
            self._ask(name, self._request("server/discover", {}), START_S)
        client = {"name": "claude-code", "version": VERSION}
        hello = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
        if self._ask(name, self._request("initialize", hello), START_S) is None:
            return self._why_silent(name)
        self._tell(name, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        answer = self._ask(name, self._request("tools/list", {}), START_S)
        if answer is None or "result" not in answer:
            return self._why_silent(name)
        for tool in answer["result"].get("tools", []):
            self._tools[f"mcp__{name}__{tool['name']}"] = name
        return "connected"

    def _why_silent(self, name: str) -> str:
        process = self._processes.get(name)
        return "pending" if process is not None and process.poll() is None else "failed"

    def _start(self, name: str, server: Mapping[str, Any]) -> None:
        process = subprocess.Popen(
            [server["command"], *server.get("args", [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**self._env, **server.get("env", {})},
        )
        self._processes[name] = process
        assert process.stdout is not None
        self._pipes.listen(process.stdout.fileno(), self._take)

    def _take(self, message: Message) -> None:
        # A server may ask, too: its own requests are numbered as ours are.
        if "id" in message and "method" not in message:
            self._answers[message["id"]] = message

    def _request(self, method: str, params: Message) -> Message:
        return {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}

    def _tell(self, server: str, message: Message) -> None:
        if server in self._processes:
            self._write(server, message)
        else:
            self._over_pipe(server, message, START_S)

    def _ask(self, server: str, message: Message, seconds: float) -> Message | None:
        if server not in self._processes:
            return self._over_pipe(server, message, seconds)
        process, number = self._processes[server], message["id"]
        assert process.stdout is not None
        fd = process.stdout.fileno()
        if not self._write(server, message):
            return None
        self._pipes.wait(
            seconds, until=lambda: number in self._answers or not self._pipes.is_listening(fd)
        )
        return self._answers.pop(number, None)

    def _write(self, server: str, message: Message) -> bool:
        stdin = self._processes[server].stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def _over_pipe(self, server: str, message: Message, seconds: float) -> Message | None:
        request = {"subtype": "mcp_message", "server_name": server, "message": message}
        response = self._pipes.ask(new_uuid(), request, seconds)
        if response is None or response.get("subtype") != "success":
            return None
        answer = response.get("response", {}).get("mcp_response")
        return answer if isinstance(answer, dict) else None
