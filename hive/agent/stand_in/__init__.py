"""A scripted program in claude's place: no account, no model, the same stream-json and tools.

`--demo` starts it as claude is started, and so do fast tests. It takes claude's flags, keeps a
transcript where claude keeps one, and is held to claude's behaviour by tests that run over both.
What it says and does is in `play`. Standard library only, so that it starts at once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hive.agent.stand_in import lines
from hive.agent.stand_in.chat import Chat
from hive.agent.stand_in.conversation import Conversation
from hive.agent.stand_in.pieces import Pieces
from hive.agent.stand_in.pipes import Pipes
from hive.agent.stand_in.servers import Servers
from hive.agent.stand_in.turns import Turns


def main(argv: Sequence[str]) -> int:
    """Run with claude's flags until standard input ends; returns the exit status."""
    words = list(argv)
    if words in (["--version"], ["-v"]):
        sys.stdout.write(f"{lines.VERSION} (hive's stand-in)\n")
        return 0
    if words[:2] == ["auth", "status"]:
        sys.stdout.write(json.dumps({"loggedIn": True, "authMethod": "stand-in"}) + "\n")
        return 0
    flags, _ = _parser().parse_known_args(words)
    # The one place outside of `hive.config` that reads the environment: here it is claude's.
    env = dict(os.environ)
    try:
        config = _mcp_config(flags.mcp_config)
        if flags.system_prompt_file is not None:
            Path(flags.system_prompt_file).read_bytes()
        conversation = _conversation(flags, env)
    except _Refused as refused:
        return _refuse(str(refused))
    except OSError as error:
        return _refuse(f"Error: {error.filename}: {error.strerror}")
    if conversation is None:
        return _unknown(flags.resume)
    is_chat = not flags.is_print and sys.stdin.isatty()
    with Pipes(is_chat=is_chat) as pipes, Servers(pipes, config, env) as servers:
        said = Pieces(pipes, flags.include_partial_messages and not is_chat)
        if is_chat:
            return Chat(pipes, servers, conversation, flags.model, said).serve()
        turns = Turns(pipes, servers, conversation, flags.model, said)
        if flags.input_format == "stream-json":
            return turns.serve()
        return turns.serve_text(pipes.read_all())


class _Refused(Exception):
    """claude would end at once, with this on standard error."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hive.pyz stand-in", allow_abbrev=False)
    parser.add_argument("--print", action="store_true", dest="is_print")
    parser.add_argument("--input-format", default="text")
    parser.add_argument("--include-partial-messages", action="store_true")
    parser.add_argument("--model", default="haiku")
    parser.add_argument("--mcp-config")
    parser.add_argument("--system-prompt-file")
    parser.add_argument("--session-id")
    parser.add_argument("--resume")
    parser.add_argument("--resume-session-at")
    return parser


def _mcp_config(given: str | None) -> dict[str, dict[str, object]]:
    """Return the servers by name, of a file or of JSON given in its place."""
    if given is None:
        return {}
    text = given if given.lstrip().startswith("{") else Path(given).read_text()
    try:
        servers = json.loads(text).get("mcpServers", {})
    except (ValueError, AttributeError) as error:
        raise _Refused(f"Error: Invalid MCP configuration: {error}") from error
    return dict(servers)


def _conversation(flags: argparse.Namespace, env: dict[str, str]) -> Conversation | None:
    """Return the conversation to go on with; None when it does not exist."""
    home = Path(env.get("CLAUDE_CONFIG_DIR") or Path(env.get("HOME") or "/") / ".claude")
    folder = Conversation.folder(home, Path.cwd())
    if flags.resume is not None:
        found = Conversation.resume(home, flags.resume)
        at = flags.resume_session_at
        if found is not None and at is not None and not found.cut(at):
            raise _Refused(f"No message found with message.uuid of: {at}")
        return found
    new = Conversation.begin(folder, flags.session_id)
    if new is None:
        raise _Refused(f"Error: Session ID {flags.session_id} is already in use.")
    return new


def _refuse(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1


def _unknown(session_id: str) -> int:
    text = f"No conversation found with session ID: {session_id}"
    result = lines.result(session_id, None, terminal_reason=None, errors=[text])
    sys.stdout.write(json.dumps({**result, "num_turns": 0}) + "\n")
    return _refuse(text)
