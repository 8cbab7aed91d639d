"""One turn in a long-lived claude: from the prompt on its pipe to the result of that prompt.

Lines are matched by the prompt's uuid, so that what an earlier turn left in the pipe, or what
claude does of its own accord between turns, can never end this one. Tool calls are answered by
tasks of their own, because `recv` may park for minutes while claude goes on talking.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import attrs
import trio

from hive.agent import driver, stream_json
from hive.agent.child import Child, Deadlines
from hive.agent.claude_driver import Asked, CutRefused, SessionUnknown
from hive.agent.driver import Line, Outcome, Prompt, ToolServer
from hive.agent.session import Session
from hive.agent.transcript import Transcript


class LiveTurn:
    """One turn. `run` is called once; `want_interrupt` at any time before it returns."""

    def __init__(
        self, session: Session, tools: ToolServer, asked: Asked, deadlines: Deadlines
    ) -> None:
        self._deadlines = deadlines
        self._session = session
        self.session_id = session.session_id
        """Of the conversation that claude has; the driver may have begun another one for it."""
        self._tools = tools
        self._asked = asked
        self._facts = stream_json.TurnFacts()
        self._calls: dict[str, trio.CancelScope] = {}
        self._interrupt = trio.Event()
        self._started = trio.Event()
        self._patience = trio.CancelScope()
        self._patient_s = deadlines.start_s
        self._outcome: Outcome | None = None
        self._transcript: Transcript | None = None
        self._has_line = False
        self._is_unknown = False
        self._behind: set[str] = set()
        """Prompts put behind this one of which no result has come yet."""
        self._begun: set[str] = set()
        """Those of them that claude has handed to the model."""
        self._taken: set[str] = set()
        self._is_answer_due = False
        """A prompt from behind has become a turn of its own, and is not answered yet."""
        self.is_cut = False
        self.is_left_open = False
        """The prompt failed and is to be cut off: claude has to be started anew for that."""

    @property
    def is_command(self) -> bool:
        """Whether it is one of claude's own commands, which takes nothing behind it."""
        return self._asked.is_command

    @property
    def has_answer(self) -> bool:
        """True once claude has begun to answer the prompt: it must not be handed over again."""
        return self._facts.has_answer

    def want_interrupt(self) -> None:
        """Have the turn interrupted as soon as claude has begun with it."""
        self._interrupt.set()

    async def put_behind(self, child: Child, prompt: Prompt) -> bool:
        """Hand over a further prompt while the turn runs; False when it is over, or is to end."""
        await self._started.wait()
        if self._outcome is not None or self._interrupt.is_set() or not child.is_alive:
            return False
        # Before the line is out: its result may be read before the write has returned.
        self._behind.add(prompt.uuid)
        await self._write(child, stream_json.prompt_line(prompt.uuid, prompt.text))
        return child.is_alive

    async def run(
        self, child: Child, transcript: Transcript, on_written: Callable[[], None]
    ) -> Outcome:
        """Hand the prompt over and see the turn to its end.

        Raises `SessionUnknown` or `CutRefused` when claude must be started otherwise. However it
        is left, claude is either ready for the next prompt or gone.
        """
        self._transcript = transcript
        if not self._asked.is_command:
            self._session.opened(self._asked.uuid)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child.pump_stderr, self._asked.on_text)
                nursery.start_soon(self._watch_interrupt, child)
                if await child.write(self._asked.line):
                    on_written()
                await self._read(child, nursery)
                nursery.cancel_scope.cancel()
            if self._is_unknown:
                await child.kill()
                raise SessionUnknown
            if self._outcome is None:
                await self._at_end(child)
            assert self._outcome is not None
            return attrs.evolve(self._outcome, taken=frozenset(self._taken))
        finally:
            if self._behind and child.is_alive:
                # It would go on by itself, with a turn that nobody sees.
                await child.kill()
            elif self._outcome is None and child.is_alive:
                await self._wind_down(child)

    async def _read(self, child: Child, nursery: trio.Nursery) -> None:
        """Take lines until the outcome is known, claude ends, or its patience is over."""
        with self._patience:
            self._be_patient()
            while self._outcome is None or self._goes_on:
                raw = await child.next_line()
                if raw is None:
                    return
                self._take(raw, child, nursery)
                self._be_patient()
                if self._is_unknown:
                    return

    @property
    def _goes_on(self) -> bool:
        """Whether a turn of a prompt from behind follows what has ended well."""
        assert self._outcome is not None
        return bool(self._behind) and self._outcome.kind == driver.OK

    def _take(self, raw: bytes, child: Child, nursery: trio.Nursery | None) -> None:
        line = stream_json.parse(raw)
        if line is None:
            self._asked.on_text(raw.decode(errors="replace"))
            return
        self._has_line = True
        kind = line.get("type")
        if kind == "control_request":
            self._take_request(line, child, nursery)
        elif kind == "control_cancel_request":
            call = self._calls.get(str(line.get("request_id")))
            if call is not None:
                call.cancel()
        elif kind == "command_lifecycle":
            self._take_lifecycle(line)
        elif kind not in stream_json.TRANSPORT_TYPES:
            self._take_message(line)

    def _take_lifecycle(self, line: Line) -> None:
        uuid, state = line.get("command_uuid"), line.get("state")
        if uuid in self._behind:
            self._take_behind(str(uuid), state)
        if uuid != self._asked.uuid:
            return
        if state == "started":
            self._started.set()
        elif state in ("completed", "cancelled") and not self._started.is_set():
            # The prompt was not run: its uuid has an answer in the conversation.
            self._session.answered(None)
            self._outcome = Outcome(driver.OK, was_answered=True)

    def _take_behind(self, uuid: str, state: object) -> None:
        if state == "started":
            self._begun.add(uuid)
            if self._outcome is not None:
                self._session.opened(uuid)
                self._is_answer_due = True
        elif state in ("completed", "cancelled") and uuid not in self._begun:
            self._behind.discard(uuid)

    def _be_patient(self) -> None:
        """Wait for the next line: long when claude is at work, shortly when it is to begin."""
        if self._outcome is None:
            is_at_work = self._started.is_set()
        else:
            is_at_work = not self._behind.isdisjoint(self._begun)
        self._patient_s = self._deadlines.silence_s if is_at_work else self._deadlines.start_s
        self._patience.deadline = trio.current_time() + self._patient_s

    def _take_message(self, line: Line) -> None:
        if stream_json.is_unknown_session(line):
            self._is_unknown = True
            return
        is_result = line.get("type") == "result"
        behind = self._ended_behind(line) if is_result else set()
        is_ours = is_result and self._outcome is None and self._is_ours(line)
        if is_result and not is_ours and not behind:
            return
        self._asked.on_line(line)
        had_answer = self._facts.has_answer
        self._facts.feed(line)
        if self._facts.has_answer and not had_answer and not self._asked.is_command:
            self._remember(self._facts.last_assistant)
        if self._is_answer_due and stream_json.is_answer(line):
            self._is_answer_due = False
            self._remember(self._facts.last_assistant)
        if is_ours:
            self._end()
        elif behind:
            self._remember(self._facts.last_assistant if behind & self._taken else None)

    def _ended_behind(self, result: Line) -> set[str]:
        """Note which prompts from behind this result is of, and return them."""
        ended = self._behind.intersection(_named(result))
        self._behind -= ended
        if stream_json.is_clean(result):
            self._taken |= ended
        return ended

    def _is_ours(self, result: Line) -> bool:
        """Whether a result is that of our prompt; claude may have put several into one turn."""
        named = _named(result)
        return self._asked.uuid in named or (named == [None] and self._started.is_set())

    def _end(self) -> None:
        facts = self._facts
        self._outcome = facts.compact_outcome() if self._asked.is_command else facts.outcome()
        if self._asked.is_command:
            self._remember(None)
        elif self._asked.says_nothing_new and facts.is_in_vain() and self._session.is_cut:
            self.is_left_open = True
        else:
            is_clean = self._outcome.kind == driver.OK
            self._remember(facts.last_assistant if is_clean else facts.failed_at)
        if facts.session_id is not None and self._session.session_id == self.session_id:
            self._session.moved(facts.session_id)

    def _remember(self, answer: str | None) -> None:
        # A new session may have been ordered meanwhile: this turn is none of its business.
        if self._session.session_id == self.session_id:
            self._session.answered(answer)

    def _take_request(self, line: Line, child: Child, nursery: trio.Nursery | None) -> None:
        request = line.get("request")
        request_id = str(line.get("request_id"))
        request = request if isinstance(request, dict) else {}
        if nursery is None:
            return
        if request.get("subtype") != "mcp_message" or not isinstance(request.get("message"), dict):
            refusal = stream_json.control_refusal(request_id, str(request.get("subtype")))
            nursery.start_soon(self._write, child, refusal)
            return
        nursery.start_soon(self._answer_tool, child, request_id, request["message"])

    async def _answer_tool(self, child: Child, request_id: str, message: dict[str, Any]) -> None:
        with trio.CancelScope() as scope:
            self._calls[request_id] = scope
            try:
                await self._hold(message)
                answer = await self._tools.handle(message)
            finally:
                del self._calls[request_id]
            if answer is None:
                answer = {"jsonrpc": "2.0", "id": message.get("id", 0), "result": {}}
            await self._write(child, stream_json.mcp_answer(request_id, answer))

    async def _write(self, child: Child, line: bytes) -> None:
        """Write an answer whole; a claude that does not take it is ended.

        Half a line would garble whatever follows, and without the answer claude would wait for it
        for ever, and the turn for claude.
        """
        with trio.CancelScope(shield=True):
            if not await child.write(line) and child.is_alive:
                self._asked.on_text("claude does not read what it asked for: it is ended")
                await child.kill()

    async def _hold(self, message: dict[str, Any]) -> None:
        params = message.get("params")
        if message.get("method") != "tools/call" or not isinstance(params, dict):
            return
        assert self._transcript is not None
        await self._transcript.hold(params.get("name"), params.get("_meta"))

    async def _watch_interrupt(self, child: Child) -> None:
        await self._interrupt.wait()
        with trio.move_on_after(self._deadlines.interrupt_s):
            await self._started.wait()
            await child.write(stream_json.control_request(str(uuid.uuid4()), "interrupt"))
            await trio.sleep_forever()
        await child.kill()

    async def _at_end(self, child: Child) -> None:
        """Say why claude gave no result, and end it."""
        if self._patience.cancelled_caught:
            self._outcome = Outcome(
                driver.FAILED,
                note=f"claude said nothing for {self._patient_s:g} s and was ended",
            )
            await child.kill()
            return
        note = await child.why_it_ended(self._asked.on_text)
        await child.kill()
        if self.is_cut and not self._has_line:
            raise CutRefused
        if self._interrupt.is_set():
            self._outcome = Outcome(driver.INTERRUPTED, note="the turn was interrupted")
        else:
            self._outcome = Outcome(driver.FAILED, note=note)

    async def _wind_down(self, child: Child) -> None:
        """Interrupt a turn that its caller has given up; kill claude when that takes too long."""
        with trio.CancelScope(shield=True):
            if self._started.is_set():
                with trio.move_on_after(self._deadlines.wind_down_s):
                    await child.write(stream_json.control_request(str(uuid.uuid4()), "interrupt"))
                    while self._outcome is None:
                        raw = await child.next_line()
                        if raw is None:
                            break
                        self._take(raw, child, None)
            if self._outcome is None:
                await child.kill()


def _named(result: Line) -> list[Any]:
    """Return the uuids of the prompts that a result is of; [None] when it names none."""
    return result.get("user_message_uuids") or [result.get("user_message_uuid")]
