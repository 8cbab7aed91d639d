"""What the lines of one turn come to: tokens, cost, tools, and what the conversation holds.

No I/O. It sees the lines that the page shows. Tokens and cost are the sums of what claude says it
used since its last result, which has compactions in it; its total is that of the conversation.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import attrs

from hive.agent import driver, stream_json
from hive.agent.driver import Line
from hive.wire import messages as origins
from hive.wire import stats
from hive.wire.live import TurnStart
from hive.wire.names import REMINDER
from hive.wire.stats import Turn

TOOLS_MOST = 100
"""How many names of tools are told apart in one turn."""
NAME_CHARACTERS = 100
NOTE_CHARACTERS = 300
COST_MOST = 1e9
MESSAGE = "message"
CHECKPOINT = "checkpoint"
COMPACTION = "compaction"
OTHERS = "(others)"


@attrs.frozen
class Ended:
    """How a turn ended, as the turn loop knows it."""

    result: str
    """One of `stats.RESULTS`; of a compaction that went well `driver.OK`."""
    note: str | None = None
    """What went wrong, in one sentence."""
    kind: str = MESSAGE
    """Or what hive did of its own accord: `CHECKPOINT` or `COMPACTION`."""
    messages: int = 0
    """How many reached the model."""


@attrs.define
class TurnCount:
    """One turn under way; feed it every line of claude, in order."""

    started_at: float
    """Unix seconds."""
    started_on: float
    """The same on the clock that nobody sets."""
    wake: str
    wake_from: str
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_creation_tokens: int = 0
    context_tokens: int | None = None
    context_window: int | None = None
    cost_usd: float | None = None
    tools: Counter[str] = attrs.field(factory=Counter)

    def feed(self, line: Line) -> None:
        """Take one line of claude."""
        kind = line.get("type")
        if kind == "system" and line.get("subtype") == "init":
            self._take_model(line.get("model"))
        elif kind == "assistant":
            self._feed_assistant(line)
        elif kind == "result":
            self._feed_result(line)

    @property
    def has_cost(self) -> bool:
        """Whether a model was called at all, as far as claude says."""
        return bool(self.input_tokens or self.output_tokens or self.cost_usd)

    def end(self, ended: Ended, model: str, at: float, on: float) -> Turn:
        """Return the turn as it is kept; it ended at that moment of both clocks.

        `model` is the one that was asked for, the turn's where claude named none.
        """
        is_message = ended.kind == MESSAGE
        return Turn(
            started_at=min(self.started_at, at),
            ended_at=at,
            duration_ms=max(0, round((on - self.started_on) * 1000)),
            wake=self.wake,
            wake_from=clean(self.wake_from if is_message else ended.kind, NAME_CHARACTERS),
            result=_result(ended),
            model=clean(self.model or model, NAME_CHARACTERS),
            input_tokens=min(self.input_tokens, stats.NUMBER_MOST),
            output_tokens=min(self.output_tokens, stats.NUMBER_MOST),
            cache_read_tokens=min(self.cache_read_tokens, stats.NUMBER_MOST),
            cache_creation_tokens=min(self.cache_creation_tokens, stats.NUMBER_MOST),
            context_tokens=self.context_tokens,
            context_window=self.context_window,
            cost_usd=None if self.cost_usd is None else min(self.cost_usd, COST_MOST),
            messages=ended.messages,
            tool_calls=self.tools.total(),
            tools=dict(self.tools),
            note=clean(ended.note or "", NOTE_CHARACTERS) or None,
        )

    def _feed_assistant(self, line: Line) -> None:
        message = line.get("message")
        if line.get("error") is not None or "local_command_source" in line:
            return
        if not isinstance(message, dict):
            return
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict) and block.get("type") == "tool_use":
                self._count_tool(str(block.get("name")))
        if line.get("parent_tool_use_id") is not None:
            # Of an agent within the agent: another conversation.
            return
        self._take_model(message.get("model"))
        used = stream_json.token_usage(message.get("usage"))
        if used is not None:
            held = (
                used.input_tokens + used.cache_read_input_tokens + used.cache_creation_input_tokens
            )
            self.context_tokens = max(0, min(held, stats.NUMBER_MOST))

    def _take_model(self, name: object) -> None:
        self.model = clean(name, NAME_CHARACTERS) if isinstance(name, str) and name else self.model

    def _count_tool(self, name: str) -> None:
        name = clean(name, NAME_CHARACTERS)
        is_known = name in self.tools or len(self.tools) < TOOLS_MOST
        self.tools[name if is_known else OTHERS] += 1

    def _feed_result(self, line: Line) -> None:
        since = line.get("model_usage_since_last_result")
        if isinstance(since, dict):
            self.cost_usd = self.cost_usd or 0.0
            for name, used in since.items():
                if isinstance(used, dict):
                    self._take_model(self.model or name)
                    self._add(used)
        else:
            self._add_usage(line.get("usage"))
        models = line.get("modelUsage")
        if isinstance(models, dict):
            used = models.get(self.model) or next(iter(models.values()), None)
            window = _count(used, "contextWindow")
            self.context_window = window or self.context_window

    def _add(self, used: dict[str, Any]) -> None:
        self.input_tokens += _count(used, "inputTokens")
        self.output_tokens += _count(used, "outputTokens")
        self.cache_read_tokens += _count(used, "cacheReadInputTokens")
        self.cache_creation_tokens += _count(used, "cacheCreationInputTokens")
        cost = used.get("costUSD")
        if isinstance(cost, int | float) and math.isfinite(cost) and cost >= 0:
            self.cost_usd = (self.cost_usd or 0.0) + cost

    def _add_usage(self, used: object) -> None:
        self.input_tokens += _count(used, "input_tokens")
        self.output_tokens += _count(used, "output_tokens")
        self.cache_read_tokens += _count(used, "cache_read_input_tokens")
        self.cache_creation_tokens += _count(used, "cache_creation_input_tokens")


def _count(used: object, key: str) -> int:
    value = used.get(key) if isinstance(used, dict) else None
    return value if type(value) is int and 0 <= value <= stats.NUMBER_MOST else 0


def clean(text: str, most: int) -> str:
    """Return the begin of a text without what no file can hold."""
    return text[:most].encode("utf-8", "replace").decode()


def wake_of(start: TurnStart) -> str:
    """Return what woke the agent, one of `stats.WAKES`."""
    if start.origin == origins.FROM_SYSTEM and start.from_ == REMINDER:
        return stats.FROM_REMINDER
    return start.origin if start.origin in stats.WAKES else origins.FROM_EXTERNAL


def _result(ended: Ended) -> str:
    if ended.kind == COMPACTION and ended.result == driver.OK:
        return stats.COMPACTED
    return ended.result if ended.result in stats.RESULTS else driver.FAILED
