"""The further MCP servers of agent.toml as claude is told of them, with their secrets put in.

A secret is read when claude is started and stands only in a file that is the agent's alone. A
server whose secret is missing is left out, rather than started to fail in its own way.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hive.agent import files
from hive.config import HarnessConfig
from hive.errors import Unavailable
from hive.wire.agent_config import STATE, McpServer

SECRET_BYTES = 16 * 1024

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def entries(config: HarnessConfig) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return the entries of claude's `mcpServers`, and which are left out and why."""
    made: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    for name, server in config.mcp_servers.items():
        try:
            made[name] = _entry(server, _secrets(server, Path(config.state_dir)))
        except Unavailable as error:
            left_out[name] = error.message
    return made, left_out


def rules(config: HarnessConfig) -> list[str]:
    """Return claude's permission rules for the tools of these servers."""
    found = []
    for name, server in config.mcp_servers.items():
        if "*" in server.allowed_tools:
            found.append(f"mcp__{name}")
        else:
            found += [f"mcp__{name}__{tool}" for tool in server.allowed_tools]
    return found


def _entry(server: McpServer, secrets: dict[str, str]) -> dict[str, Any]:
    if server.url is not None:
        return {
            "type": "http",
            "url": server.url,
            "headers": {key: _filled(value, secrets) for key, value in server.headers.items()},
        }
    return {
        "type": "stdio",
        "command": server.command,
        "args": list(server.args),
        "env": {**server.env, **secrets},
    }


def _filled(text: str, secrets: dict[str, str]) -> str:
    return _REFERENCE.sub(lambda found: secrets.get(found[1], found[0]), text)


def _secrets(server: McpServer, state: Path) -> dict[str, str]:
    """Return the values of the secrets; raises `Unavailable` for one that is not there."""
    found = {}
    for variable, file in server.secrets.items():
        text = files.read_if_there(state / file.removeprefix(STATE), SECRET_BYTES)
        value = (text or "").strip()
        if not value or not value.isprintable():
            raise Unavailable(
                f"its secret {variable} is not in {file}: put it there as one line of text"
            )
        found[variable] = value
    return found
