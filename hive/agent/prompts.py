"""What claude is started with: its role, its settings, its tools, its flags and its environment.

Everything is written anew for each start, so that a change takes effect with the next one. The
environment is built from nothing. An API key is never in it: claude fetches the key through a
script, so that neither the agent's shell nor a server it starts inherits it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hive import resources
from hive.agent import files, gateway, live_driver, mcp_tools, process_driver, servers
from hive.agent.driver import Launch
from hive.agent.equipment import Equipment
from hive.config import HarnessConfig
from hive.errors import Unavailable
from hive.wire.destinations import PROXY_PORT
from hive.wire.limits import BODY_BYTES
from hive.wire.names import MANAGER, OPERATOR

BUILT_INS = ("Bash", "Edit", "Glob", "Grep", "Read", "Write")
"""claude's own tools an agent has; no web, no agents within agents."""
SKILL = "Skill"
"""claude's tool for the skills of plugins; there where there are plugins."""
DENIED = ("WebFetch", "WebSearch", "Task", "TodoWrite")
API_KEY = "ANTHROPIC_API_KEY"
NOTES_BYTES = 16 * 1024
TOOL_TIMEOUT_MS = 300_000
"""Above the longest `recv` with the retries of a daemon that restarts."""
TOOL_CONNECT_MS = 30_000

__all__ = ["Launch", "environment", "make_launch", "role_prompt", "settings"]


def make_launch(
    config: HarnessConfig,
    model: str,
    port: int = PROXY_PORT,
    equipment: Equipment | None = None,
    *,
    is_chat: bool = False,
) -> Launch:
    """Write claude's files and return how to start it; raises `Unavailable`.

    For a chat claude gets its tools from a process of its own, as nobody drives it.

    `port` is where the harness's forwarder listens. `equipment` knows the plugins that are
    installed, and is told of servers that are left out.
    """
    plugins = equipment.plugins if equipment is not None else ()
    further, left_out = servers.entries(config)
    if equipment is not None:
        equipment.left_out(left_out)
    run = Path(config.run_dir)
    prompt = run / "claude-system-prompt.md"
    settings_file = run / "claude-settings.json"
    mcp_file = run / ("claude-chat-mcp-config.json" if is_chat else "claude-mcp-config.json")
    files.write_whole(prompt, role_prompt(config, plugins))
    _write_json(settings_file, settings(config, plugins))
    # hive's own last: nobody takes its name, whatever a file said.
    _write_json(mcp_file, {"mcpServers": {**further, **_own_server(config, is_chat)["mcpServers"]}})
    _make_folder(Path(config.state_dir) / "tmp")
    built_ins = [*BUILT_INS, *([SKILL] if plugins else [])]
    argv = [
        *config.claude,
        *("--model", model),
        *("--settings", str(settings_file)),
        # No settings of the user or of the working directory: an agent writes there.
        *("--setting-sources", ""),
        *("--system-prompt-file", str(prompt)),
        # Else a resumed conversation keeps the prompt and the tools it was begun with.
        *("--system-prompt-snapshot", "off"),
        *("--mcp-config", str(mcp_file)),
        "--strict-mcp-config",
        *(word for folder in further_dirs(config) for word in ("--add-dir", folder)),
        *("--tools", ",".join(built_ins)),
        *("--allowedTools", ",".join(_allowed(config, plugins))),
        *("--disallowedTools", ",".join(DENIED)),
    ]
    return Launch(tuple(argv), environment(config, port), config.state_dir)


def further_dirs(config: HarnessConfig) -> list[str]:
    """Return where claude may work beside its own directory."""
    if config.role != MANAGER:
        return [config.shared_dir]
    return [config.shared_dir, config.agents_dir, config.applied_dir, config.meta_dir]


def role_prompt(config: HarnessConfig, plugins: Sequence[str] = ()) -> str:
    """Return the system prompt of a role, with the agent's own CLAUDE.md at its end."""
    name = "manager.md" if config.role == MANAGER else "agent.md"
    text = resources.prompt(name)
    tools = list(mcp_tools.tools_for(config.role).values())
    filled = {
        "label": config.label,
        "parent": OPERATOR if config.role == MANAGER else MANAGER,
        "equipment": _equipment_text(config, plugins),
        "recipients": _recipients_text(config),
        "operator_pronouns": config.operator_pronouns,
        "tools": mcp_tools.documentation(tools),
        "state_dir": config.state_dir,
        "shared_dir": config.shared_dir,
        "agents_dir": config.agents_dir,
        "applied_dir": config.applied_dir,
        "meta_dir": config.meta_dir,
        "body_bytes": str(BODY_BYTES),
    }
    for key, value in filled.items():
        text = text.replace(f"{{{key}}}", value)
    notes = files.read_if_there(Path(config.state_dir) / "CLAUDE.md", NOTES_BYTES)
    if notes is not None and notes.strip():
        text += f"\n# Your own CLAUDE.md, as it was when this process began\n\n{notes.strip()}\n"
    return text


def _equipment_text(config: HarnessConfig, plugins: Sequence[str]) -> str:
    """Return what the agent has beside hive's tools."""
    parts = []
    if config.mcp_servers:
        names = ", ".join(f"`mcp__{name}__`" for name in config.mcp_servers)
        parts.append(f"Your configuration also gives you the tools whose names begin with {names}.")
    if plugins:
        names = ", ".join(f"`{plugin.partition('@')[0]}`" for plugin in plugins)
        parts.append(f"With `Skill` you may use the skills of the plugins {names}.")
    there = "They are there for you on purpose and already approved: use them as your own."
    if not parts:
        there = "Other MCP tools you may find are there for you on purpose and already approved."
    return "\n".join([*parts, there])


def _recipients_text(config: HarnessConfig) -> str:
    """Return whom the agent may write to; the daemon holds it to that."""
    listed = config.allowed_recipients
    if not listed:
        rest = "" if config.role == MANAGER else ", to `manager`"
        return (
            f"You may write to every agent by its name{rest} and to `operator`; `*` is every agent"
            " at once, for what really everybody has to know."
        )
    names = dict.fromkeys(name for name in (MANAGER, *listed) if name != config.label)
    text = (
        f"Your configuration lets you write to, and ask, {', '.join(f'`{name}`' for name in names)}"
        " and nobody else; of `*` only those among them get it, and hive refuses the rest."
    )
    if config.role == MANAGER:
        return text
    text += "\nWhat somebody else has to know, tell `manager`, who passes it on."
    if OPERATOR in listed:
        return text
    return text + (
        "\nThe operator is not among them: what is for the operator goes through `manager`, the"
        " answer to a message of the operator's too."
    )


def settings(config: HarnessConfig, plugins: Sequence[str] = ()) -> dict[str, Any]:
    """Return claude's settings for this agent."""
    made: dict[str, Any] = json.loads(resources.prompt("claude-settings.json"))
    made["permissions"] = {"allow": _allowed(config, plugins), "deny": list(DENIED)}
    if plugins:
        # Of the user's own settings, where claude has noted them, nothing is read.
        made["enabledPlugins"] = dict.fromkeys(plugins, True)
    if API_KEY in config.secret_files:
        helper = Path(config.run_dir) / "claude-api-key"
        secret = shlex.quote(config.secret_files[API_KEY])
        files.write_whole(helper, f"#!/bin/sh\nexec cat -- {secret}\n", 0o700)
        made["apiKeyHelper"] = str(helper)
    return made


def _allowed(config: HarnessConfig, plugins: Sequence[str]) -> list[str]:
    """Return claude's rules: its own tools, hive's, those of agent.toml's servers and plugins."""
    skills = [f"{SKILL}({plugin.partition('@')[0]}:*)" for plugin in plugins]
    return [*BUILT_INS, *mcp_tools.allowed_names(), *servers.rules(config), *skills]


def _own_server(config: HarnessConfig, is_chat: bool) -> dict[str, Any]:
    if config.turn_mode == "live" and not is_chat:
        return live_driver.mcp_config()
    command = [*config.hive, config.role, "mcp", "--socket", str(config.socket)]
    command += ["--session-file", str(Path(config.state_dir) / files.SESSION)]
    command += ["--claude-dir", config.claude_dir]
    return process_driver.mcp_config(command, {})


def environment(config: HarnessConfig, port: int) -> dict[str, str]:
    """Return the whole environment of claude and of what it starts; raises `Unavailable`."""
    env = {
        # First: whatever hive or the account needs stands over it.
        **config.env,
        "PATH": config.path,
        "HOME": config.home,
        "LANG": "C.UTF-8",
        "CLAUDE_CONFIG_DIR": config.claude_dir,
        "TMPDIR": str(Path(config.state_dir) / "tmp"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",
        "MCP_TIMEOUT": str(TOOL_CONNECT_MS),
        "MCP_TOOL_TIMEOUT": str(TOOL_TIMEOUT_MS),
        **config.claude_env,
        **gateway.environment(config, port),
    }
    for name, file in config.secret_files.items():
        if name != API_KEY:
            # claude reads these two from its environment and from nowhere else.
            env[name] = _secret(Path(file))
    return env


def _secret(file: Path) -> str:
    text = (files.read_if_there(file) or "").strip()
    if not text:
        raise Unavailable(f"the secret file {file} is missing or empty: give it to hive again")
    return text


def _write_json(file: Path, value: dict[str, Any]) -> None:
    files.write_whole(file, json.dumps(value, indent=2) + "\n", 0o600)
    # claude ignores a settings file that is not JSON without a word.
    json.loads(file.read_text(encoding="utf-8"))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"cannot make {folder}: {error.strerror}") from error
