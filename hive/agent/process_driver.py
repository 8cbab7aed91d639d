"""Drives one claude per turn: the prompt on its standard input, the end of the turn is its end.

For versions of claude that do not speak the control protocol. hive's tools are a server of their
own that claude starts: what `make_launch` returns names an `--mcp-config` file that holds
`mcp_config(...)`. The flags of the formats and of the session are added here. An interrupt is
SIGINT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import trio

from hive.agent import driver, stream_json
from hive.agent.child import DEADLINES, Deadlines
from hive.agent.claude_driver import Asked, ClaudeDriver, CutRefused, SessionUnknown, Started
from hive.agent.driver import MakeLaunch, Outcome, Prompt
from hive.agent.session import Session


def mcp_config(command: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of the `--mcp-config` file: the server that claude starts on stdio."""
    server = {"type": "stdio", "command": command[0], "args": list(command[1:]), "env": dict(env)}
    return {"mcpServers": {stream_json.SERVER_NAME: server}}


class ProcessDriver(ClaudeDriver):
    """One agent's claude as one process per turn; fulfils `Driver`."""

    def __init__(
        self,
        make_launch: MakeLaunch,
        session_file: Path,
        clock: Callable[[], float],
        deadlines: Deadlines = DEADLINES,
    ) -> None:
        super().__init__(make_launch, session_file, clock, deadlines)
        self._now: _Run | None = None

    @property
    def pid(self) -> int | None:
        """claude's process id while a turn runs."""
        return self._now.child.pid if self._now is not None else None

    @property
    def can_steer(self) -> bool:
        """False: such a claude is for one prompt."""
        return False

    async def steer(self, prompt: Prompt) -> bool:
        """Do nothing; see `can_steer`."""
        return False

    async def park(self) -> bool:
        """Do nothing: a claude never outlives its turn, whatever it has started."""
        return True

    async def restart(self) -> None:
        """Do nothing: every turn is a start of its own."""

    async def aclose(self) -> None:
        """Do nothing: a claude never outlives its turn."""

    def _pass_interrupt_on(self) -> None:
        if self._now is not None:
            self._now.interrupt.set()

    async def _try(self, asked: Asked) -> Outcome:
        if asked.uuid in self._session.known:
            # Killed in time, claude may itself not know that it had begun to answer.
            return Outcome(driver.OK, was_answered=True)
        is_cut = self._session.is_cut
        started = await self._start()
        run = self._now = _Run(started, self._session, asked, self._deadlines, is_cut=is_cut)
        if self._is_interrupted:
            run.interrupt.set()
        try:
            return await run.go(self._note_written)
        finally:
            self._now = None
            if run.has_answer:
                self._session.known.add(asked.uuid)
            await run.child.kill()


class _Run:
    """One claude and the one turn it is for."""

    def __init__(
        self,
        started: Started,
        session: Session,
        asked: Asked,
        deadlines: Deadlines,
        *,
        is_cut: bool,
    ) -> None:
        self.child = started.child
        self.interrupt = trio.Event()
        self._session_id = started.session_id
        self._session = session
        self._asked = asked
        self._deadlines = deadlines
        self._is_cut = is_cut
        self._outcome: Outcome | None = None
        self._facts = stream_json.TurnFacts()
        self._patience = trio.CancelScope()
        self._patient_s = deadlines.start_s
        self._is_unknown = False
        self._has_line = False
        self._has_started = False
        self._was_dropped = False

    @property
    def has_answer(self) -> bool:
        """True once claude has begun to answer the prompt: it must not be handed over again."""
        return self._facts.has_answer

    async def go(self, on_written: Callable[[], None]) -> Outcome:
        """Hand the prompt over and read to the end; cancelled, claude is interrupted first.

        Raises `SessionUnknown` or `CutRefused` when claude must be started otherwise.
        """
        if not self._asked.is_command:
            self._session.opened(self._asked.uuid)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.child.pump_stderr, self._asked.on_text)
                nursery.start_soon(self._watch_interrupt)
                if await self.child.write(self._asked.line):
                    on_written()
                await self.child.end_input()
                await self._read()
                nursery.cancel_scope.cancel()
            self._outcome = await self._conclude()
            return self._outcome
        finally:
            if self._outcome is None and self._has_line and not self._is_unknown:
                await self._wind_down()

    async def _read(self) -> None:
        with self._patience as scope:
            scope.deadline = trio.current_time() + self._patient_s
            while (raw := await self.child.next_line()) is not None:
                self._take(raw)
                is_over = self._facts.result is not None or self._was_dropped
                self._patient_s = self._deadlines.end_s if is_over else self._deadlines.silence_s
                scope.deadline = trio.current_time() + self._patient_s

    def _take(self, raw: bytes) -> None:
        line = stream_json.parse(raw)
        if line is None:
            self._asked.on_text(raw.decode(errors="replace"))
            return
        self._has_line = True
        if stream_json.is_unknown_session(line):
            self._is_unknown = True
        elif line.get("type") == "command_lifecycle":
            self._take_lifecycle(line)
        elif line.get("type") not in stream_json.TRANSPORT_TYPES:
            self._asked.on_line(line)
            had_answer = self._facts.has_answer
            self._facts.feed(line)
            if self._facts.has_answer and not had_answer and not self._asked.is_command:
                self._remember(self._facts.last_assistant)

    def _take_lifecycle(self, line: dict[str, Any]) -> None:
        if line.get("command_uuid") != self._asked.uuid:
            return
        if line.get("state") == "started":
            self._has_started = True
        elif line.get("state") in ("completed", "cancelled"):
            self._was_dropped = not self._has_started

    def _remember(self, answer: str | None) -> None:
        # A new session may have been ordered meanwhile: this turn is none of its business.
        if self._session.session_id == self._session_id:
            self._session.answered(answer)

    async def _conclude(self) -> Outcome:
        facts = self._facts
        if self._is_unknown:
            raise SessionUnknown
        if facts.result is not None:
            outcome = facts.compact_outcome() if self._asked.is_command else facts.outcome()
            self._settle(outcome)
            if facts.session_id is not None and self._session.session_id == self._session_id:
                self._session.moved(facts.session_id)
            return outcome
        if self._was_dropped:
            self._remember(None)
            return Outcome(driver.OK, was_answered=True)
        if self.interrupt.is_set():
            return Outcome(driver.INTERRUPTED, note="the turn was interrupted")
        if self._patience.cancelled_caught:
            note = f"claude said nothing for {self._patient_s:g} s and was ended"
            return Outcome(driver.FAILED, note=note)
        if self._is_cut and not self._has_line:
            raise CutRefused
        note = await self.child.why_it_ended(self._asked.on_text)
        return Outcome(driver.FAILED, note=note)

    def _settle(self, outcome: Outcome) -> None:
        """Note what of the conversation is kept; a prompt that is left open is cut off."""
        facts = self._facts
        if self._asked.is_command:
            self._remember(None)
        elif not (self._asked.says_nothing_new and facts.is_in_vain() and self._session.is_cut):
            self._remember(facts.last_assistant if outcome.kind == driver.OK else facts.failed_at)

    async def _watch_interrupt(self) -> None:
        await self.interrupt.wait()
        with trio.move_on_after(self._deadlines.interrupt_s):
            await self.child.interrupt()
            await trio.sleep_forever()
        await self.child.kill()

    async def _wind_down(self) -> None:
        """Let claude note the interruption in the conversation before it is killed."""
        with trio.move_on_after(self._deadlines.wind_down_s, shield=True):
            await self.child.interrupt()
            while await self.child.next_line() is not None:
                pass
