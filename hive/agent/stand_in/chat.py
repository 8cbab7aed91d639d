"""The stand-in at a terminal: a line in, what it does and says out."""

from __future__ import annotations

import sys
from typing import Any

from hive.agent.stand_in.lines import Line, new_uuid
from hive.agent.stand_in.turns import Turns

GREETING = """\
This is hive's stand-in for claude: no account, no model.
What you type it repeats, and lines that begin with ! it does, such as  !say hello
/exit or Ctrl-D ends the chat; then the messages that waited are worked on.
"""
ASKS = "> "
ENDS = ("/exit", "/quit")


class Chat(Turns):
    """Prompts from a person, in the same conversation and with the same tools as any turn."""

    def serve(self) -> int:
        """Run a turn for each line of standard input; returns the exit status."""
        sys.stdout.write(GREETING)
        while True:
            sys.stdout.write(ASKS)
            sys.stdout.flush()
            line = sys.stdin.readline()
            text = line.strip()
            if not line or text in ENDS:
                return 0
            if text:
                self._turn(new_uuid(), text, is_command=text.startswith("/"))

    def _print(self, line: Line) -> None:
        """Show what a person wants to see of a line."""
        kind = line["type"]
        if kind in ("assistant", "user"):
            for block in _blocks(line["message"]["content"]):
                sys.stdout.write(f"{_shown(block)}\n")
        elif kind == "result" and line.get("local_command"):
            sys.stdout.write(f"{line.get('result') or 'done'}\n")
        sys.stdout.flush()


def _blocks(content: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _shown(block: dict[str, Any]) -> str:
    if block["type"] == "tool_use":
        return f"* {block['name']} {block['input']}"
    if block["type"] == "tool_result":
        return "\n".join(f"  {part['text']}" for part in block["content"])
    return str(block.get("text", ""))
