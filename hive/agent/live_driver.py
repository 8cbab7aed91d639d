"""Drives one long-lived claude: prompts, tool calls and interrupts over one pair of pipes.

The process is started by the first turn and used by all that follow; a dead one is started again by
the next turn, in the same conversation. Turns read the pipes themselves, nothing runs between them.

What `make_launch` returns already names an `--mcp-config` file that holds `mcp_config()`; the flags
of the formats and of the session are added here. See `live_turn` for one turn.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

from hive.agent import driver, stream_json
from hive.agent.child import DEADLINES, Child, ClaudeMissing, Deadlines
from hive.agent.driver import Lent, MakeLaunch, OnLine, OnText, Outcome, Prompt, ToolServer
from hive.agent.live_turn import CutRefused, LiveTurn, SessionUnknown
from hive.agent.session import LOST, Session
from hive.agent.transcript import Transcript
from hive.errors import HiveError

FLAGS = (
    "--print",
    "--verbose",
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    "--include-partial-messages",
)
STARTS = 3
"""How often a turn starts claude at most: with the conversation cut, whole, and begun."""


def mcp_config() -> dict[str, Any]:
    """Return the content of the `--mcp-config` file: hive's tools come over claude's own pipes."""
    name = stream_json.SERVER_NAME
    return {"mcpServers": {name: {"type": "sdk", "name": name}}}


class LiveDriver:
    """One agent's claude as one long process; fulfils `Driver`."""

    def __init__(
        self,
        make_launch: MakeLaunch,
        tools: ToolServer,
        session_file: Path,
        clock: Callable[[], float],
        deadlines: Deadlines = DEADLINES,
    ) -> None:
        self._make_launch = make_launch
        self._tools = tools
        self._session = Session.load(session_file)
        self._clock = clock
        self._deadlines = deadlines
        self._child: Child | None = None
        self._turn: LiveTurn | None = None
        self._is_busy = False
        self._is_interrupted = False
        self._is_stale = False
        self._says_nothing_new = False
        self._closing = trio.Lock()
        self._transcript: Transcript | None = None
        self._handed_over: set[str] = set()
        self.prompt_written_at: float | None = None
        """When the newest prompt was on claude's pipe, by the clock; for measuring hive itself."""

    @property
    def session_id(self) -> str:
        """The id of the conversation, which claude learns with the next turn."""
        return self._session.session_id

    @property
    def pid(self) -> int | None:
        """claude's process id; None when none waits."""
        return self._child.pid if self._child is not None and self._child.is_alive else None

    async def turn(self, prompt: Prompt, on_line: OnLine, on_text: OnText) -> Outcome:
        """Run one turn; see `Driver`.

        A prompt that this claude or an earlier one has begun to answer is not run again: that is
        an `ok` outcome with `was_answered`, and "Go on." as a new prompt resumes the work.
        """
        line = stream_json.prompt_line(prompt.uuid, prompt.text)
        self._says_nothing_new = prompt.says_nothing_new
        return await self._run(prompt.uuid, line, on_line, on_text, is_command=False)

    async def compact(self, on_line: OnLine, on_text: OnText) -> Outcome:
        """Compact the conversation; see `Driver`."""
        command = str(uuid.uuid4())
        line = stream_json.prompt_line(command, "/compact", is_command=True)
        return await self._run(command, line, on_line, on_text, is_command=True)

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

    async def interrupt(self) -> bool:
        """Interrupt the running turn; see `Driver`."""
        if not self._is_busy:
            return False
        # Kept too, for a turn that waits for an old claude to end or is begun once more.
        self._is_interrupted = True
        if self._turn is not None:
            self._turn.want_interrupt()
        return True

    def start_new_session(self) -> None:
        """Make the next turn begin a fresh conversation; a running turn ends in the old one."""
        self._session.begin_anew()
        self._is_stale = True

    async def lend(self) -> Lent:
        """Lend the conversation; see `Driver`."""
        assert not self._is_busy, "nobody lends a conversation in the middle of a turn"
        await self.aclose()
        return await self._session.lend()

    def take_back(self, session_id: str | None) -> None:
        """Take the conversation back; see `Driver`."""
        self._session.take_back(session_id)

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

    async def _run(
        self, prompt_uuid: str, line: bytes, on_line: OnLine, on_text: OnText, *, is_command: bool
    ) -> Outcome:
        assert not self._is_busy, "turns of one agent never overlap"
        self._is_busy, self._is_interrupted = True, False
        try:
            for _ in range(STARTS):
                try:
                    return await self._try(prompt_uuid, line, on_line, on_text, is_command)
                except SessionUnknown:
                    on_text(LOST)
                    self._session.begin_anew()
                except CutRefused:
                    self._session.cannot_cut()
        except ClaudeMissing as error:
            return Outcome(driver.NO_CLAUDE, note=error.message)
        except HiveError as error:
            return Outcome(driver.FAILED, note=error.message)
        finally:
            self._is_busy = False
        return Outcome(driver.FAILED, note="claude neither resumes the session nor begins it")

    async def _try(
        self,
        prompt_uuid: str,
        line: bytes,
        on_line: OnLine,
        on_text: OnText,
        is_command: bool,
    ) -> Outcome:
        if self._is_stale or self._child is None or not self._child.is_alive:
            await self.aclose()
        # claude says nothing at all to a uuid that comes twice in one process, and a new process
        # may not know of an answer that its predecessor was killed over.
        if prompt_uuid in self._handed_over | self._session.known:
            return Outcome(driver.OK, was_answered=True)
        turn = self._turn = LiveTurn(
            self._session, self._tools, prompt_uuid, on_line, on_text, self._deadlines
        )
        turn.is_command = is_command
        turn.says_nothing_new = self._says_nothing_new
        if self._is_interrupted:
            turn.want_interrupt()
        try:
            if self._child is None:
                turn.is_cut = self._session.is_cut
                await self._start(turn)
            assert self._child is not None
            assert self._transcript is not None
            self._handed_over.add(prompt_uuid)
            return await turn.run(self._child, self._transcript, line, self._note_written)
        finally:
            self._turn = None
            if turn.has_answer:
                self._session.known.add(prompt_uuid)
            self._is_stale |= turn.is_left_open
            if self._child is not None and not self._child.is_alive:
                await self.aclose()

    async def _start(self, turn: LiveTurn) -> None:
        await self._session.end_leftover()
        flags = (*FLAGS, *self._session.prepare())
        turn.session_id = self._session.session_id
        launch = await self._make_launch()
        self._transcript = Transcript(launch.env, turn.session_id)
        self._child = await Child.start(launch, flags, self._session.mark, self._deadlines.write_s)

    def _note_written(self) -> None:
        self.prompt_written_at = self._clock()
