"""The stand-in's turns: from a prompt to its result, in the order in which claude prints lines."""

from __future__ import annotations

import os
import signal
from collections import deque
from typing import Any

from hive.agent.stand_in import lines, pieces, play, shell
from hive.agent.stand_in.conversation import Conversation
from hive.agent.stand_in.lines import Line, new_uuid
from hive.agent.stand_in.pieces import Pieces
from hive.agent.stand_in.pipes import Interrupted, Pipes
from hive.agent.stand_in.play import Who
from hive.agent.stand_in.servers import Servers, ToolFailed
from hive.agent.stand_in.steps import (
    OUTPUT,
    Call,
    Crash,
    Fail,
    Hang,
    RefuseCompaction,
    Retry,
    Say,
    Step,
)

PREFIX = "mcp__hyperhive__"
HANG_S = 300.0
"""After how long claude itself gives up on a silent API."""
GO_ON = ("Go on.", "Your work on message ")
"""How a prompt begins that means: take the steps that are left."""


class Turns:
    """Runs prompts one after another for as long as the process lives."""

    def __init__(
        self,
        pipes: Pipes,
        servers: Servers,
        conversation: Conversation,
        model: str,
        said: Pieces,
    ) -> None:
        self._pipes = pipes
        self._pieces = said
        self._servers = servers
        self._conversation = conversation
        self._model = model
        self._seen: set[str] = set()
        self._who: Who | None = None
        self._prompt = ""
        self._spent = [0, 0]
        self._has_failed = False
        self._has_refused = False
        self._output = ""
        pipes.on_prompt = self._queued
        pipes.on_request = self._control

    def serve(self) -> int:
        """Run every prompt of standard input; returns the exit status."""
        while (prompt := self._pipes.wait_prompt()) is not None:
            uuid = str(prompt.get("uuid") or new_uuid())
            if uuid in self._seen:
                continue
            self._seen.add(uuid)
            if self._conversation.has_answer(uuid):
                self._print(lines.lifecycle(self._session, uuid, "completed"))
                continue
            content = prompt.get("message", {}).get("content", "")
            text = content if isinstance(content, str) else _joined(content)
            is_command = text.startswith("/") and not prompt.get("client_composed")
            self._turn(uuid, text, is_command)
        return 1 if self._has_failed else 0

    def serve_text(self, text: str) -> int:
        """Run one prompt given as plain text; returns the exit status."""
        self._turn(new_uuid(), text.strip(), text.startswith("/"))
        return 1 if self._has_failed else 0

    @property
    def _session(self) -> str:
        return self._conversation.session_id

    def _print(self, line: Line) -> None:
        self._pipes.write(line)

    def _queued(self, prompt: Line) -> None:
        uuid = str(prompt.get("uuid"))
        if uuid not in self._seen and not self._conversation.has_answer(uuid):
            self._print(lines.lifecycle(self._session, uuid, "queued"))

    def _control(self, line: Line) -> None:
        request, request_id = line.get("request", {}), line.get("request_id")
        subtype = request.get("subtype")
        response: dict[str, Any] = {}
        if subtype == "interrupt":
            response = {"still_queued": []}
        elif subtype == "set_model":
            self._model = str(request.get("model"))
            response = {"model": self._model}
        elif subtype == "mcp_status":
            response = {"mcpServers": self._servers.states()}
        elif subtype == "initialize":
            response = {"commands": [], "models": []}
        else:
            self._print(lines.control_error(request_id, subtype))
            return
        self._print(lines.control_success(request_id, response))

    def _turn(self, uuid: str, text: str, is_command: bool) -> None:
        self._prompt = uuid
        self._spent = [0, 0]
        self._has_failed = False
        self._pipes.is_interrupted = False
        place = "streaming"
        try:
            self._servers.connect()
            self._print(lines.lifecycle(self._session, uuid, "started"))
            if is_command:
                result = self._command(text)
            else:
                self._init()
                result = self._play(text)
        except Interrupted as interrupted:
            place = str(interrupted) or place
            result = self._interrupted(place)
        self._has_failed |= bool(result["is_error"])
        self._print(result)
        state = "cancelled" if result["is_error"] else "completed"
        self._print(lines.lifecycle(self._session, uuid, state))

    def _init(self) -> None:
        tools, states = self._servers.tools(), self._servers.states()
        self._print(lines.init(self._session, self._model, tools, states))

    def _play(self, text: str) -> Line:
        conversation = self._conversation
        earlier = conversation.texts()
        is_task = not text.startswith(GO_ON)
        task = text if is_task else conversation.last_task()
        conversation.add("prompt", text=text, prompt=self._prompt, is_task=is_task)
        if task is None:
            return self._said(Say("There is nothing to go on with."))
        done = conversation.steps_done(task)
        steps = play.script(task, self._identity(task), earlier)[done:]
        left = deque(steps or [Say("All of it is done already.")])
        result = None
        while left:
            conversation.add("step", text=task)
            step = left.popleft()
            result = self._step(step, task)
            if isinstance(step, Fail):
                break
            if isinstance(step, Call) and self._has_refused and step.otherwise:
                # The rest counts as done: it was given up for these.
                for _ in left:
                    conversation.add("step", text=task)
                left = deque(step.otherwise)
        return result or self._result("")

    def _step(self, step: Step, task: str) -> Line | None:
        if isinstance(step, Say):
            return self._said(step)
        if isinstance(step, Call):
            self._call(step)
        elif isinstance(step, Fail):
            return self._failed(step)
        elif isinstance(step, Retry):
            self._retry(step)
        elif isinstance(step, RefuseCompaction):
            self._conversation.add("refusal", is_due=True)
        elif self._conversation.is_first(f"{type(step).__name__} {task}"):
            if isinstance(step, Crash):
                os.kill(os.getpid(), signal.SIGKILL)
            assert isinstance(step, Hang | Crash)
            self._pipes.wait(HANG_S)
        return None

    def _retry(self, step: Retry) -> None:
        for attempt in range(1, step.times + 1):
            self._print(lines.api_retry(self._session, attempt, step.status, step.wait_s))
            self._pipes.wait(step.wait_s)

    def _said(self, step: Say) -> Line:
        self._begin({"type": "text", "text": ""})
        parts = pieces.cut(step.text, step.pause_s)
        said = ""
        try:
            for part in parts:
                self._pipes.wait(step.pause_s / len(parts))
                self._pieces.text(part)
                said += part
        except Interrupted:
            self._answer({"type": "text", "text": said or parts[0]}, aborted=True)
            raise
        self._answer({"type": "text", "text": step.text})
        self._pieces.end("end_turn")
        return self._result(step.text)

    def _begin(self, block: Line) -> None:
        self._pieces.begin(self._session, self._model, self._conversation.size(), block)

    def _answer(self, content: Line, **fields: object) -> None:
        """Record a block of the answer, then print it."""
        text = str(content.get("text") or content.get("input"))
        size, said = self._conversation.size(), lines.tokens(text)
        self._spent[0] += size
        self._spent[1] += said
        message = lines.message(self._pieces.message, self._model, [content], size)
        line = lines.assistant(self._session, self._prompt, message)
        line["uuid"] = self._conversation.add(
            "answer",
            prompt=self._prompt,
            text=text,
            tokens=size + said,
            tool_use=content.get("id"),
        )
        self._print({**line, **fields})

    def _call(self, step: Call) -> None:
        use = f"toolu_{new_uuid()}"
        name = step.tool if step.tool.startswith(("mcp__", shell.NAME)) else PREFIX + step.tool
        given = {k: self._output if v == OUTPUT else v for k, v in step.arguments.items()}
        block: dict[str, Any] = {"type": "tool_use", "id": use, "name": name, "input": given}
        self._begin({**block, "input": {}})
        self._pieces.arguments(given)
        self._answer(block)
        self._pieces.end("tool_use")
        block = {"type": "tool_result", "tool_use_id": use}
        has_failed = False
        try:
            is_bash = name == shell.NAME
            text = shell.run(given) if is_bash else self._servers.call(name, given, use)
        except (ToolFailed, shell.ShellFailed) as failed:
            text, has_failed = str(failed), True
        except Interrupted:
            raise Interrupted("tools") from None
        block["content"] = [{"type": "text", "text": text}]
        if has_failed:
            block["is_error"] = True
        self._print(lines.user(self._session, [block]))
        self._has_refused, self._output = has_failed, text

    def _failed(self, step: Fail) -> Line:
        fields: Line = {"api_error_status": step.status}
        if step.kind is not None:
            fields["api_error_type"] = step.kind
        if step.api_error is not None:
            fields["api_error"] = step.api_error
        if step.resets_at is not None:
            info = {"status": "rejected", "resetsAt": step.resets_at, "rateLimitType": "five_hour"}
            event = {"type": "rate_limit_event", "rate_limit_info": info, "uuid": new_uuid()}
            self._print({**event, "session_id": self._session})
        number = self._conversation.add("answer", prompt=self._prompt)
        said = {"error": step.error, "uuid": number, **fields}
        self._print(lines.failure(self._session, self._prompt, step.text, said))
        fields |= {"is_error": True, "terminal_reason": step.reason}
        return self._result(step.text, fields)

    def _result(self, text: str, fields: Line | None = None) -> Line:
        return lines.result(
            self._session,
            self._prompt,
            text=text,
            fields=fields,
            spent=(self._spent[0], self._spent[1]),
            total_tokens=self._conversation.total(),
        )

    def _interrupted(self, place: str) -> Line:
        self._pipes.is_interrupted = False
        text = "[Request interrupted by user" + (" for tool use]" if place == "tools" else "]")
        self._print(lines.user(self._session, [{"type": "text", "text": text}]))
        return lines.result(
            self._session,
            self._prompt,
            terminal_reason=f"aborted_{place}",
            errors=["[stand-in] interrupted"],
            total_tokens=self._conversation.total(),
        )

    def _command(self, text: str) -> Line:
        word = text[1:].split()[0] if text[1:].strip() else ""
        local: Line = {"local_command": word, "stop_reason": None}
        if word != "compact":
            self._init()
            return self._result(f"/{word} isn't available in this environment.", local)
        if not self._conversation.texts():
            self._init()
            return self._result("Error: No messages to compact", local)
        return self._compact(local)

    def _compact(self, local: Line) -> Line:
        session, before = self._session, self._conversation.size()
        self._print(lines.status(session, "compacting"))
        if self._conversation.is_refusal_due():
            self._conversation.add("refusal", is_due=False)
            error = "Error during compaction: API Error: Request rejected (429) (stand-in)"
            self._print(lines.status(session, None, compact_result="failed", compact_error=error))
            self._init()
            return self._result(error, local)
        self._conversation.add("compacted")
        self._print(lines.status(session, None, compact_result="success"))
        self._init()
        self._print(lines.compact_boundary(session, before, self._conversation.size()))
        summary = (
            "This session is being continued from a previous conversation. Summary: (stand-in)"
        )
        self._print({**lines.user(session, summary), "isSynthetic": True})
        said = "<local-command-stdout>Compacted </local-command-stdout>"
        self._print({**lines.user(session, said), "isReplay": True})
        return self._result("", local)

    def _identity(self, task: str) -> Who | None:
        """Ask hive who this is, once, and only for a script that depends on it."""
        if self._who is None and play.needs_identity(task):
            try:
                text = self._servers.call(PREFIX + "whoami", {}, f"toolu_{new_uuid()}")
            except ToolFailed:
                return None
            told = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
            self._who = Who(told.get("name", "agent"), told.get("role", "agent"))
        return self._who


def _joined(content: object) -> str:
    blocks = content if isinstance(content, list) else []
    return "\n".join(str(block.get("text", "")) for block in blocks)
