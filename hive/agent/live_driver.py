"""Drives one long-lived claude: prompts, tool calls and interrupts over one pair of pipes.

The process is started by the first turn and used by all that follow; a dead one is started again by
the next turn, in the same conversation. Turns read the pipes themselves, nothing runs between them.

What `make_launch` returns already names an `--mcp-config` file that holds `mcp_config()`; the flags
of the formats and of the session are added here. See `live_turn` for one turn.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

from hive.agent import driver, stream_json
from hive.agent.child import DEADLINES, Child, Deadlines
from hive.agent.claude_driver import Asked, ClaudeDriver
from hive.agent.driver import MakeLaunch, Outcome, Prompt, ToolServer
from hive.agent.live_turn import LiveTurn
from hive.agent.transcript import Transcript


def mcp_config() -> dict[str, Any]:
    """Return the content of the `--mcp-config` file: hive's tools come over claude's own pipes."""
    name = stream_json.SERVER_NAME
    return {"mcpServers": {name: {"type": "sdk", "name": name}}}


class LiveDriver(ClaudeDriver):
    """One agent's claude as one long process; fulfils `Driver`."""

    def __init__(
        self,
        make_launch: MakeLaunch,
        tools: ToolServer,
        session_file: Path,
        clock: Callable[[], float],
        deadlines: Deadlines = DEADLINES,
    ) -> None:
        super().__init__(make_launch, session_file, clock, deadlines)
        self._tools = tools
        self._child: Child | None = None
        self._turn: LiveTurn | None = None
        self._is_stale = False
        self._closing = trio.Lock()
        self._transcript: Transcript | None = None
        self._handed_over: set[str] = set()

    @property
    def pid(self) -> int | None:
        """claude's process id; None when none waits."""
        return self._child.pid if self._child is not None and self._child.is_alive else None

    @property
    def can_steer(self) -> bool:
        """True: prompts are lines on a pipe that stays open."""
        return True

    async def steer(self, prompt: Prompt) -> bool:
        """Put a prompt into the running turn; see `Driver`."""
        turn, child = self._turn, self._child
        if turn is None or child is None or turn.is_command:
            return False
        return await turn.put_behind(child, prompt)

    async def park(self) -> bool:
        """Let claude go; see `Driver`."""
        child = self._child
        if self._is_busy or child is None:
            return not self._is_busy
        if child.is_alive and child.has_left_running():
            return False
        await self.aclose()
        return True

    def start_new_session(self) -> None:
        """Make the next turn begin a fresh conversation; a running turn ends in the old one."""
        super().start_new_session()
        self._is_stale = True

    async def restart(self) -> None:
        """End claude, or make the next turn do it when a turn is running."""
        if self._turn is not None:
            self._is_stale = True
        else:
            await self.aclose()

    async def aclose(self) -> None:
        """End claude and every process it started; takes some 2 s at most, cancelled or not."""
        # Whoever comes second waits, so that no claude is started while another one still ends.
        with trio.CancelScope(shield=True):
            await self._end()

    async def _end(self) -> None:
        async with self._closing:
            child, self._child = self._child, None
            self._handed_over.clear()
            self._is_stale = False
            if child is not None:
                await child.close()

    def _pass_interrupt_on(self) -> None:
        if self._turn is not None:
            self._turn.want_interrupt()

    async def _try(self, asked: Asked) -> Outcome:
        if self._is_stale or self._child is None or not self._child.is_alive:
            await self.aclose()
        # claude says nothing at all to a uuid that comes twice in one process, and a new process
        # may not know of an answer that its predecessor was killed over.
        if asked.uuid in self._handed_over | self._session.known:
            return Outcome(driver.OK, was_answered=True)
        turn = self._turn = LiveTurn(self._session, self._tools, asked, self._deadlines)
        if self._is_interrupted:
            turn.want_interrupt()
        try:
            if self._child is None:
                turn.is_cut = self._session.is_cut
                turn.session_id = await self._take_new()
            assert self._child is not None
            assert self._transcript is not None
            self._handed_over.add(asked.uuid)
            return await turn.run(self._child, self._transcript, self._note_written)
        finally:
            self._turn = None
            if turn.has_answer:
                self._session.known.add(asked.uuid)
            self._is_stale |= turn.is_left_open
            if self._child is not None and not self._child.is_alive:
                await self.aclose()

    async def _take_new(self) -> str:
        """Start a claude that waits for turns; return the id of the conversation it has."""
        started = await self._start()
        self._transcript = Transcript(started.env, started.session_id)
        self._child = started.child
        return started.session_id
