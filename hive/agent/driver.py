"""What the turn loop needs of a running claude, whichever way it is driven.

Two implementations: `live` (one long process, stream-json both ways, hive's tools answered over the
same pipe) and `process` (one process per turn, tools by `agent mcp` on stdio).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import attrs

Line = dict[str, Any]
OnLine = Callable[[Line], None]
"""Called with each JSON line of claude, as it was printed, in order; must not block."""
OnText = Callable[[str], None]
"""Called with each line of claude's standard error, and each stdout line that is not JSON."""

OK = "ok"
INTERRUPTED = "interrupted"
PROMPT_TOO_LONG = "prompt_too_long"
RATE_LIMITED = "rate_limited"
OVERLOADED = "overloaded"
NEEDS_LOGIN = "needs_login"
NO_CLAUDE = "no_claude"
FAILED = "failed"


@attrs.frozen
class Prompt:
    """One prompt; the same `uuid` is never run twice by claude, also after a crash."""

    uuid: str
    text: str
    says_nothing_new: bool = False
    """Only has claude go on: once it was in vain it may be cut off, so that a long outage does not
    fill the conversation with it."""


@attrs.frozen
class Outcome:
    """How a turn ended, by the fields claude gives, never by text an agent could have written."""

    kind: str
    """One of the constants of this module."""
    note: str | None = None
    """One sentence for people when it is not `ok`."""
    result: Line | None = None
    """claude's `result` line, when there was one."""
    retry_at: float | None = None
    """Unix seconds from which a limited account works again, when announced."""
    tools_missing: bool = False
    """True when claude said that hive's MCP server was not connected in this turn."""
    is_unfit: bool = False
    """True when the service refused the request as such: the conversation may hold what it does not
    take, and then refuses the next one too."""
    was_answered: bool = False
    """True when claude dropped the prompt because its uuid already has an answer."""
    taken: frozenset[str] = frozenset()
    """Those prompts put behind this one by `steer` that the model has seen and answered."""


@attrs.frozen
class Lent:
    """A conversation that somebody else goes on with meanwhile."""

    flags: tuple[str, ...]
    """Of the session, for a claude that is not ours to drive."""
    mark: str
    """What that claude carries in its environment, so that a next harness ends what is left."""


class ToolServer(Protocol):
    """hive's MCP server as live mode needs it: one JSON-RPC message in, its answer out."""

    async def handle(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Return the JSON-RPC answer; None for a notification."""
        ...


@attrs.frozen
class Launch:
    """How to start claude; made anew for each start, so that changes take effect."""

    argv: tuple[str, ...]
    """The command and every flag but those of the session and of the input format."""
    env: dict[str, str]
    """The whole environment; nothing is inherited."""
    cwd: str


MakeLaunch = Callable[[], Awaitable[Launch]]


class Driver(Protocol):
    """One agent's claude. Turns never overlap: the caller runs one at a time."""

    async def turn(self, prompt: Prompt, on_line: OnLine, on_text: OnText) -> Outcome:
        """Run one turn to its end.

        Cancelled, the turn is interrupted and claude left fit for the next one, or gone. A claude
        that cannot be started, or that dies, is an `Outcome` of kind `failed`.
        """
        ...

    @property
    def can_steer(self) -> bool:
        """Whether a running turn can be given a further prompt."""
        ...

    async def steer(self, prompt: Prompt) -> bool:
        """Put a prompt behind what the model is doing in the running turn.

        It is handed to the model with the result of the call it waits for, or, when it makes none
        any more, in a turn of its own before `turn` returns. Whether it came to that is in the
        `Outcome`. False when no turn runs that could take it.
        """
        ...

    async def park(self) -> bool:
        """Let go of a process that waits, until the next turn starts one in the same conversation.

        False when something runs that claude started for the agent: then nothing is ended.
        """
        ...

    async def compact(self, on_line: OnLine, on_text: OnText) -> Outcome:
        """Compact the conversation; `ok` only when claude says that it was compacted."""
        ...

    async def interrupt(self) -> bool:
        """Interrupt the running turn, which then ends as `interrupted`; False when none runs."""
        ...

    def start_new_session(self) -> None:
        """Make the next turn begin a fresh conversation."""
        ...

    async def lend(self) -> Lent:
        """Let go of claude, and lend the conversation until `take_back`; raises `HiveError`."""
        ...

    def take_back(self, session_id: str | None) -> None:
        """Go on with that conversation; None: with the one that was lent, which is as it was."""
        ...

    async def restart(self) -> None:
        """Let go of a waiting process so that the next turn starts with a new `Launch`."""
        ...

    async def aclose(self) -> None:
        """End claude and every process it started."""
        ...
