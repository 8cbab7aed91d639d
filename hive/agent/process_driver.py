"""Drives one claude per turn: the prompt on its standard input, the end of the turn is its end.

For versions of claude that do not speak the control protocol. hive's tools are a server of their
own that claude starts: what `make_launch` returns names an `--mcp-config` file that holds
`mcp_config(...)`. The flags of the formats and of the session are added here. An interrupt is
SIGINT.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import trio

from hive.agent import driver, stream_json
from hive.agent.child import DEADLINES, Child, ClaudeMissing, Deadlines
from hive.agent.driver import Lent, MakeLaunch, OnLine, OnText, Outcome, Prompt
from hive.agent.session import LOST, Session
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


def mcp_config(command: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of the `--mcp-config` file: the server that claude starts on stdio."""
    server = {"type": "stdio", "command": command[0], "args": list(command[1:]), "env": dict(env)}
    return {"mcpServers": {stream_json.SERVER_NAME: server}}


class ProcessDriver:
    """One agent's claude as one process per turn; fulfils `Driver`."""

    def __init__(
        self,
        make_launch: MakeLaunch,
        session_file: Path,
        clock: Callable[[], float],
        deadlines: Deadlines = DEADLINES,
    ) -> None:
        self._deadlines = deadlines
        self._make_launch = make_launch
        self._session = Session.load(session_file)
        self._clock = clock
        self._run_now: _Run | None = None
        self._is_busy = False
        self._is_interrupted = False
        self._says_nothing_new = False
        self.prompt_written_at: float | None = None
        """When the newest prompt was on claude's pipe, by the clock; for measuring hive itself."""

    @property
    def session_id(self) -> str:
        """The id of the conversation, which claude learns with the next turn."""
        return self._session.session_id

    @property
    def pid(self) -> int | None:
        """claude's process id while a turn runs."""
        return self._run_now.child.pid if self._run_now is not None else None

    async def turn(self, prompt: Prompt, on_line: OnLine, on_text: OnText) -> Outcome:
        """Run one turn; see `Driver`, and `LiveDriver.turn` for a prompt that was answered."""
        line = stream_json.prompt_line(prompt.uuid, prompt.text)
        self._says_nothing_new = prompt.says_nothing_new
        return await self._turn(prompt.uuid, line, on_line, on_text, is_command=False)

    async def compact(self, on_line: OnLine, on_text: OnText) -> Outcome:
        """Compact the conversation; see `Driver`."""
        command = str(uuid.uuid4())
        line = stream_json.prompt_line(command, "/compact", is_command=True)
        return await self._turn(command, line, on_line, on_text, is_command=True)

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

    async def interrupt(self) -> bool:
        """Interrupt the running turn; see `Driver`."""
        if not self._is_busy:
            return False
        # Kept too, for a turn whose claude is not started yet or is started once more.
        self._is_interrupted = True
        if self._run_now is not None:
            self._run_now.interrupt.set()
        return True

    def start_new_session(self) -> None:
        """Make the next turn begin a fresh conversation; a running turn ends in the old one."""
        self._session.begin_anew()

    async def lend(self) -> Lent:
        """Lend the conversation; see `Driver`."""
        assert not self._is_busy, "nobody lends a conversation in the middle of a turn"
        return await self._session.lend()

    def take_back(self, session_id: str | None) -> None:
        """Take the conversation back; see `Driver`."""
        self._session.take_back(session_id)

    async def restart(self) -> None:
        """Do nothing: every turn is a start of its own."""

    async def aclose(self) -> None:
        """Do nothing: a claude never outlives its turn."""

    async def _turn(
        self, prompt_uuid: str, line: bytes, on_line: OnLine, on_text: OnText, *, is_command: bool
    ) -> Outcome:
        assert not self._is_busy, "turns of one agent never overlap"
        if prompt_uuid in self._session.known:
            # Killed in time, claude may itself not know that it had begun to answer.
            return Outcome(driver.OK, was_answered=True)
        self._is_busy, self._is_interrupted = True, False
        try:
            for _ in range(STARTS):
                run = await self._once(prompt_uuid, line, on_line, on_text, is_command)
                if run.is_unknown:
                    on_text(LOST)
                    self._session.begin_anew()
                elif run.is_cut_refused:
                    self._session.cannot_cut()
                else:
                    assert run.outcome is not None
                    return run.outcome
        except ClaudeMissing as error:
            return Outcome(driver.NO_CLAUDE, note=error.message)
        except HiveError as error:
            return Outcome(driver.FAILED, note=error.message)
        finally:
            self._is_busy = False
        return Outcome(driver.FAILED, note="claude neither resumes the session nor begins it")

    async def _once(
        self,
        prompt_uuid: str,
        line: bytes,
        on_line: OnLine,
        on_text: OnText,
        is_command: bool,
    ) -> _Run:
        is_cut = self._session.is_cut
        await self._session.end_leftover()
        flags = (*FLAGS, *self._session.prepare())
        launch = await self._make_launch()
        child = await Child.start(launch, flags, self._session.mark, self._deadlines.write_s)
        run = self._run_now = _Run(
            child, self._session, prompt_uuid, on_line, on_text, self._deadlines
        )
        run.is_command = is_command
        run.says_nothing_new = self._says_nothing_new
        run.is_cut = is_cut
        if self._is_interrupted:
            run.interrupt.set()
        try:
            await run.go(line, self._note_written)
        finally:
            self._run_now = None
            if run.has_answer:
                self._session.known.add(prompt_uuid)
            await child.kill()
        return run

    def _note_written(self) -> None:
        self.prompt_written_at = self._clock()


class _Run:
    """One claude and the one turn it is for."""

    def __init__(
        self,
        child: Child,
        session: Session,
        prompt_uuid: str,
        on_line: OnLine,
        on_text: OnText,
        deadlines: Deadlines,
    ) -> None:
        self._deadlines = deadlines
        self.child = child
        self.outcome: Outcome | None = None
        self.interrupt = trio.Event()
        self.is_command = False
        self.says_nothing_new = False
        self.is_cut = False
        self.is_unknown = False
        self.is_cut_refused = False
        self._session = session
        self._session_id = session.session_id
        self._prompt = prompt_uuid
        self._on_line = on_line
        self._on_text = on_text
        self._facts = stream_json.TurnFacts()
        self._patience = trio.CancelScope()
        self._patient_s = deadlines.start_s
        self._has_line = False
        self._has_started = False
        self._was_dropped = False

    @property
    def has_answer(self) -> bool:
        """True once claude has begun to answer the prompt: it must not be handed over again."""
        return self._facts.has_answer

    async def go(self, line: bytes, on_written: Callable[[], None]) -> None:
        """Hand the prompt over and read to the end; cancelled, claude is interrupted first."""
        if not self.is_command:
            self._session.opened(self._prompt)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.child.pump_stderr, self._on_text)
                nursery.start_soon(self._watch_interrupt)
                if await self.child.write(line):
                    on_written()
                await self.child.end_input()
                await self._read()
                nursery.cancel_scope.cancel()
            await self._conclude()
        finally:
            if self.outcome is None and self._has_line:
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
            self._on_text(raw.decode(errors="replace"))
            return
        self._has_line = True
        if stream_json.is_unknown_session(line):
            self.is_unknown = True
        elif line.get("type") == "command_lifecycle":
            self._take_lifecycle(line)
        elif line.get("type") not in stream_json.TRANSPORT_TYPES:
            self._on_line(line)
            had_answer = self._facts.has_answer
            self._facts.feed(line)
            if self._facts.has_answer and not had_answer and not self.is_command:
                self._remember(self._facts.last_assistant)

    def _take_lifecycle(self, line: dict[str, Any]) -> None:
        if line.get("command_uuid") != self._prompt:
            return
        if line.get("state") == "started":
            self._has_started = True
        elif line.get("state") in ("completed", "cancelled"):
            self._was_dropped = not self._has_started

    def _remember(self, answer: str | None) -> None:
        # A new session may have been ordered meanwhile: this turn is none of its business.
        if self._session.session_id == self._session_id:
            self._session.answered(answer)

    async def _conclude(self) -> None:
        facts = self._facts
        if self.is_unknown:
            return
        if facts.result is not None:
            self.outcome = facts.compact_outcome() if self.is_command else facts.outcome()
            self._settle(self.outcome)
            if facts.session_id is not None and self._session.session_id == self._session_id:
                self._session.moved(facts.session_id)
        elif self._was_dropped:
            self._remember(None)
            self.outcome = Outcome(driver.OK, was_answered=True)
        elif self.interrupt.is_set():
            self.outcome = Outcome(driver.INTERRUPTED, note="the turn was interrupted")
        elif self._patience.cancelled_caught:
            note = f"claude said nothing for {self._patient_s:g} s and was ended"
            self.outcome = Outcome(driver.FAILED, note=note)
        elif self.is_cut and not self._has_line:
            self.is_cut_refused = True
        else:
            note = await self.child.why_it_ended(self._on_text)
            self.outcome = Outcome(driver.FAILED, note=note)

    def _settle(self, outcome: Outcome) -> None:
        """Note what of the conversation is kept; a prompt that is left open is cut off."""
        facts = self._facts
        if self.is_command:
            self._remember(None)
        elif not (self.says_nothing_new and facts.is_in_vain() and self._session.is_cut):
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
