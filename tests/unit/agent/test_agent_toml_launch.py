"""What agent.toml adds to claude's start, and what it can never take the place of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hive.agent import prompts
from hive.wire.agent_config import McpServer
from tests.fakes.harness import config

WEATHER = McpServer("weather", ("--short",), {"UNIT": "celsius"}, ("today",))
FREE = McpServer("free")


def _file(root: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "run" / name).read_text())
    return found


@pytest.mark.parametrize("mode", ["live", "process"])
def test_further_servers_stand_beside_hives_own(tmp_path: Path, mode: str) -> None:
    servers = {"weather": WEATHER, "free": FREE}
    argv = prompts.make_launch(config(tmp_path, turn_mode=mode, mcp_servers=servers), "haiku").argv
    found = _file(tmp_path, "claude-mcp-config.json")["mcpServers"]
    assert found["weather"] == {
        "type": "stdio",
        "command": "weather",
        "args": ["--short"],
        "env": {"UNIT": "celsius"},
    }
    assert set(found) == {"weather", "free", "hyperhive"}
    rules = {"mcp__weather__today", "mcp__free", "mcp__hyperhive"}
    assert rules <= set(argv[argv.index("--allowedTools") + 1].split(","))
    assert rules <= set(_file(tmp_path, "claude-settings.json")["permissions"]["allow"])


@pytest.mark.parametrize("mode", ["live", "process"])
def test_nobody_takes_the_place_of_hives_own_server(tmp_path: Path, mode: str) -> None:
    made = config(tmp_path, turn_mode=mode, mcp_servers={"hyperhive": FREE})
    prompts.make_launch(made, "haiku")
    assert _file(tmp_path, "claude-mcp-config.json")["mcpServers"]["hyperhive"] != {
        "type": "stdio",
        "command": "free",
        "args": [],
        "env": {},
    }


def test_a_server_without_allowed_tools_has_no_rule(tmp_path: Path) -> None:
    made = config(tmp_path, mcp_servers={"weather": McpServer("x", allowed_tools=())})
    assert "weather" not in " ".join(prompts.make_launch(made, "haiku").argv)


def test_hives_own_variables_stand_over_those_of_the_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("tok-123\n")
    own = {
        "PATH": "/evil",
        "HOME": "/evil",
        "CLAUDE_CONFIG_DIR": "/evil",
        "ANTHROPIC_BASE_URL": "http://evil",
        "ANTHROPIC_AUTH_TOKEN": "evil",
        "EDITOR": "vi",
    }
    made = config(
        tmp_path,
        env=own,
        claude_env={"ANTHROPIC_BASE_URL": "http://good"},
        secret_files={"ANTHROPIC_AUTH_TOKEN": str(secret)},
    )
    env = prompts.make_launch(made, "haiku").env
    assert env["EDITOR"] == "vi"
    assert "evil" not in json.dumps(env)
