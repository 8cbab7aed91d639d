"""What claude is in the middle of saying, told in pieces while it is said.

Pieces are live only: the finished line holds all of them and is the one that is kept. They are
gathered for a moment before they are told, so that a fast model does not drown the page, and not
told at all while nobody watches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import trio

from hive.feed import Feed
from hive.wire import codec, live
from hive.wire.live import LiveFrame

GATHER_S = 0.2
"""How long pieces are gathered before they are told as one."""
LONGEST = 200_000
"""Characters of one block that are told; the finished line says the rest."""
_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


@attrs.define
class _Block:
    """One block of an answer that is not finished."""

    id: str
    what: str
    name: str | None
    since: int
    told: str = ""
    waiting: list[str] = attrs.field(factory=list)
    size: int = 0
    part: int = 0


class Partials:
    """Takes claude's partial lines out of its output and publishes them as `Partial` frames."""

    def __init__(self, feed: Feed, publish: Callable[[LiveFrame], object]) -> None:
        """Publish by `publish` what watchers of `feed` are to see."""
        self._feed = feed
        self._publish = publish
        self._message = ""
        self._block: _Block | None = None
        self._more = trio.Event()

    def feed(self, line: dict[str, Any]) -> bool:
        """Take a line of claude; True when it is but a part of one, or a mere sign of life."""
        kind = line.get("type")
        if kind == "stream_event":
            event = line.get("event")
            if isinstance(event, dict) and line.get("parent_tool_use_id") is None:
                self._take(event)
            return True
        if kind == "system":
            return line.get("subtype") == "thinking_tokens" or line.get("status") == "requesting"
        if kind == "result" or (kind == "assistant" and line.get("parent_tool_use_id") is None):
            self._block = None
        return False

    def snapshot(self) -> dict[str, Any] | None:
        """Return what was told of the block that is being said, for who comes in between."""
        block = self._block
        if block is None or not block.part:
            return None
        told = live.Partial(block.id, block.part, block.what, block.told, block.name)
        return {**codec.to_json(told), "since": block.since}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tell what was gathered, until cancelled."""
        task_status.started()
        while True:
            await self._more.wait()
            await trio.sleep(GATHER_S)
            self._more = trio.Event()
            self._tell()

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "message_start":
            message = event.get("message")
            self._message = str(message.get("id")) if isinstance(message, dict) else ""
            self._block = None
        elif kind == "content_block_start":
            self._begin(event)
        elif kind == "content_block_delta":
            self._grow(event)
        elif kind in ("content_block_stop", "message_stop"):
            self._block = None

    def _begin(self, event: dict[str, Any]) -> None:
        given = event.get("content_block")
        given = given if isinstance(given, dict) else {}
        what = str(given.get("type"))
        if what not in ("text", "thinking", "tool_use"):
            self._block = None
            return
        name = str(given.get("name")) if what == "tool_use" else None
        block_id = f"{self._message}:{event.get('index')}"
        self._block = _Block(block_id, what, name, self._feed.seq)

    def _grow(self, event: dict[str, Any]) -> None:
        block, delta = self._block, event.get("delta")
        if block is None or not isinstance(delta, dict):
            return
        text = delta.get(_DELTAS.get(str(delta.get("type")), ""))
        if not isinstance(text, str) or not text or block.size >= LONGEST:
            return
        block.size += len(text)
        block.waiting.append(text)
        if self._feed.watchers:
            self._more.set()

    def _tell(self) -> None:
        block = self._block
        if block is None or not block.waiting:
            return
        text = "".join(block.waiting)
        block.waiting.clear()
        block.told += text
        block.part += 1
        self._publish(live.Partial(block.id, block.part, block.what, text, block.name))
