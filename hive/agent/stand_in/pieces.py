"""What the stand-in is in the middle of saying, piece by piece, as claude prints it.

claude does so when it was started with `--include-partial-messages`: the events of its API, and
the finished line before the block's own end.
"""

from __future__ import annotations

import json
import re
from typing import Any

from hive.agent.stand_in import lines
from hive.agent.stand_in.lines import Line, new_uuid
from hive.agent.stand_in.pipes import Pipes

PIECE_S = 0.1
"""About how long a piece of a text takes to say."""
_WORD = re.compile(r"\s*\S+\s*")


def cut(text: str, seconds: float) -> list[str]:
    """Return a text in the pieces in which it is said within so long, at least one."""
    words = _WORD.findall(text) or [text]
    each = max(1, round(len(words) / max(1.0, seconds / PIECE_S)))
    return ["".join(words[at : at + each]) for at in range(0, len(words), each)]


class Pieces:
    """One message of the model after another; prints nothing when nobody asked for pieces."""

    def __init__(self, pipes: Pipes, is_wanted: bool) -> None:
        self.is_wanted = is_wanted
        self._pipes = pipes
        self._session = ""
        self._size = 0
        self._said = 0
        self.message = ""
        """The id of the message that was begun last."""

    def begin(self, session: str, model: str, size: int, block: dict[str, Any]) -> None:
        """Begin a message of one block, with a context of `size` tokens."""
        self._session, self._size, self._said = session, size, 0
        self.message = f"msg_{new_uuid()}"
        if not self.is_wanted:
            return
        self._pipes.write(lines.status(session, "requesting"))
        message = lines.message(self.message, model, [], size)
        self._event({"type": "message_start", "message": message})
        self._event({"type": "content_block_start", "index": 0, "content_block": block})

    def text(self, text: str) -> None:
        """Say more of a text."""
        self._delta(text, {"type": "text_delta", "text": text})

    def arguments(self, given: dict[str, Any]) -> None:
        """Say what a tool is called with."""
        text = json.dumps(given)
        self._delta(text, {"type": "input_json_delta", "partial_json": text})

    def end(self, reason: str) -> None:
        """End the message; its finished line is printed by now."""
        self._event({"type": "content_block_stop", "index": 0})
        delta = {"stop_reason": reason, "stop_sequence": None}
        usage = lines.usage(self._size, self._said)
        self._event({"type": "message_delta", "delta": delta, "usage": usage})
        self._event({"type": "message_stop"})

    def _delta(self, text: str, delta: Line) -> None:
        self._said += lines.tokens(text)
        self._event({"type": "content_block_delta", "index": 0, "delta": delta})

    def _event(self, event: Line) -> None:
        if self.is_wanted:
            self._pipes.write(
                {
                    "type": "stream_event",
                    "event": event,
                    "session_id": self._session,
                    "parent_tool_use_id": None,
                    "uuid": new_uuid(),
                    "api_message_id": self.message,
                }
            )
