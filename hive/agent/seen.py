"""Which messages a turn's own lines show to have reached the model.

In process mode the tools run in a server that claude started, so claude's stream is the only
witness. A result that was cut short or failed shows no ids, and those messages come back.
"""

from __future__ import annotations

from typing import Any

import attrs

from hive.agent import fences
from hive.agent.driver import Line
from hive.agent.mcp_tools import SERVER_NAME

RECV = f"mcp__{SERVER_NAME}__recv"


@attrs.define
class SeenInLines:
    """Collects the ids; feed it every line of the turn."""

    ids: list[int] = attrs.field(factory=list)
    _calls: set[str] = attrs.field(factory=set)

    def feed(self, line: Line) -> None:
        """Take one line of claude."""
        kind = line.get("type")
        if kind not in ("assistant", "user"):
            return
        message = line.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else ():
            if not isinstance(block, dict):
                continue
            if kind == "assistant" and block.get("type") == "tool_use":
                if block.get("name") == RECV:
                    self._calls.add(str(block.get("id")))
            elif block.get("type") == "tool_result" and not block.get("is_error"):
                self._take_result(block)

    def _take_result(self, block: dict[str, Any]) -> None:
        if str(block.get("tool_use_id")) not in self._calls:
            return
        self.ids.extend(each for each in fences.inbox_ids(_text(block.get("content"))))


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
