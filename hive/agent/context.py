"""What is known of the conversation between two turns, kept in a small file over restarts.

How much it holds, how much fits, and since when it has been left alone: by this a conversation is
compacted in time, and begun anew when going on with it would cost more than it is worth.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from hive.agent import files
from hive.errors import BadRequest
from hive.wire import codec
from hive.wire.live import TokenUsage

FILE = "hyperhive-context.json"


@attrs.frozen
class Context:
    """What a turn left behind."""

    usage: TokenUsage | None = None
    """Of the last inference; None when nobody knows, as behind a compaction."""
    window: int | None = None
    """Tokens that fit."""
    left_at: float | None = None
    """When the last turn ended, in Unix seconds."""
    was_compacted: bool = False
    """True from a compaction that hive had made until a turn has shown what it brought."""
    not_below: int = 0
    """Compacting below so many tokens brings nothing: it was tried."""

    @property
    def tokens(self) -> int:
        """What the conversation holds; 0 when nobody knows."""
        held = self.usage or TokenUsage()
        return held.input_tokens + held.cache_read_input_tokens + held.cache_creation_input_tokens


class ContextFile:
    """The context in memory, and on disk when the agent is at rest: no turn waits for it."""

    def __init__(self, state: Path) -> None:
        """Keep `now` in the state directory; what an earlier harness left is read at once.

        A file that makes no sense counts as none. Raises `Unavailable`.
        """
        self._file = state / FILE
        text = files.read_if_there(self._file)
        self.now = self._kept = Context() if text is None else _parse(text)

    def save(self) -> None:
        """Put what is known on disk; raises `Unavailable`."""
        if self._kept != self.now:
            self._kept = self.now
            files.write_whole(self._file, codec.dumps(codec.to_json(self.now)).decode())


def _parse(text: str) -> Context:
    try:
        return codec.from_json(Context, codec.loads(text))
    except BadRequest:
        # It only says when to tidy up: without it that is found out with the next turn.
        return Context()
