"""A claude for the turn loop's tests: a conversation that outlives its driver, and a script.

`Conversation` is what claude keeps on disk. `FakeDriver` fulfils `hive.agent.driver.Driver` over it
with claude's rules: a prompt that has any answer is never run again, one without is.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from hive.agent import driver
from hive.agent.driver import Lent, OnLine, OnText, Outcome, Prompt, ToolServer

WINDOW = 200_000
"""What the model takes."""

Play = Callable[["Running"], Awaitable[Outcome]]
"""One turn: does what the model does and returns how it ends."""


@attrs.define
class Conversation:
    """What claude keeps on disk."""

    session_id: str = attrs.field(factory=lambda: str(uuid.uuid4()))
    prompts: list[Prompt] = attrs.field(factory=list)
    """Every prompt that stands in it, in order."""
    answered: set[str] = attrs.field(factory=set)


@attrs.define
class Running:
    """One turn under way, as a script sees it."""

    driver: FakeDriver
    prompt: Prompt
    on_line: OnLine
    on_text: OnText
    interrupted: trio.Event = attrs.field(factory=trio.Event)
    came: trio.Event = attrs.field(factory=trio.Event)
    """Set once something was put behind the prompt."""
    behind: list[Prompt] = attrs.field(factory=list)
    taken: set[str] = attrs.field(factory=set)

    async def take_behind(self) -> str:
        """Wait for a prompt from behind and see it; returns its text."""
        await self.came.wait()
        self.taken.update(prompt.uuid for prompt in self.behind)
        self.driver.conversation.prompts += self.behind
        return self.behind[-1].text

    def say(self, text: str = "working", tokens: int = 10) -> None:
        """Print an answer of the model: from here on the prompt counts as answered."""
        self.driver.conversation.answered.add(self.prompt.uuid)
        message = usage([{"type": "text", "text": text}], tokens)
        self.on_line({"type": "assistant", "uuid": str(uuid.uuid4()), "message": message})

    async def call(self, name: str, **arguments: Any) -> str:
        """Call one of hive's tools and return its text, as live mode does."""
        number = uuid.uuid4().hex
        self.driver.conversation.answered.add(self.prompt.uuid)
        message = {
            "jsonrpc": "2.0",
            "id": number,
            "method": "tools/call",
            "params": {
                "name": name,
                "arguments": arguments,
                "_meta": {"claudecode/toolUseId": f"toolu_{number}"},
            },
        }
        answer = await self.driver.tools.handle(message)
        assert answer is not None
        return str(answer["result"]["content"][0]["text"])

    def result(self, kind: str = driver.OK, **fields: Any) -> Outcome:
        """Print a result line and return its outcome; claude has then answered the prompt."""
        self.driver.conversation.answered.add(self.prompt.uuid)
        line = {
            "type": "result",
            "session_id": self.driver.conversation.session_id,
            "is_error": kind != driver.OK,
            "usage": {"input_tokens": 20, "output_tokens": 3},
            "modelUsage": {"a-model": {"contextWindow": WINDOW}},
        }
        self.on_line(line)
        note = None if kind == driver.OK else f"scripted {kind}"
        return Outcome(kind, note=note, result=line, **fields)


def usage(content: list[dict[str, Any]], tokens: int = 10) -> dict[str, Any]:
    """Return a message of the model with its usage."""
    return {"role": "assistant", "content": content, "usage": {"input_tokens": tokens}}


async def play_ok(running: Running) -> Outcome:
    """Answer and be done."""
    running.say("done")
    await trio.lowlevel.checkpoint()
    return running.result()


@attrs.define
class FakeDriver:
    """Plays a script, one entry per turn that is run; behind its end every turn is `play_ok`."""

    tools: ToolServer
    conversation: Conversation = attrs.field(factory=Conversation)
    script: list[Play] = attrs.field(factory=list)
    usual: Play = play_ok
    compact_outcomes: list[Outcome] = attrs.field(factory=list)
    while_compacting: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint
    restarts: int = 0
    lent: int = 0
    compactions: int = 0
    is_closed: bool = False
    is_parked: bool = False
    parked: int = 0
    has_left_running: bool = False
    """Whether something runs that the agent has started."""
    can_steer: bool = True
    running: Running | None = None

    async def turn(self, prompt: Prompt, on_line: OnLine, on_text: OnText) -> Outcome:
        """Run one turn by claude's rules."""
        assert self.running is None, "turns never overlap"
        self.is_parked = False
        await trio.lowlevel.checkpoint()
        talk = self.conversation
        if prompt.uuid in talk.answered:
            return Outcome(driver.OK, was_answered=True)
        if talk.prompts and talk.prompts[-1].uuid == prompt.uuid:
            # Handed over before and never answered: the driver cuts it off first.
            talk.prompts.pop()
        talk.prompts.append(prompt)
        on_line({"type": "system", "subtype": "init", "session_id": talk.session_id})
        self.running = Running(self, prompt, on_line, on_text)
        try:
            play = self.script.pop(0) if self.script else self.usual
            outcome = await play(self.running)
            return attrs.evolve(outcome, taken=frozenset(self.running.taken))
        finally:
            self.running = None

    async def steer(self, prompt: Prompt) -> bool:
        """Hand the running script a further prompt."""
        await trio.lowlevel.checkpoint()
        if self.running is None:
            return False
        self.running.behind.append(prompt)
        self.running.came.set()
        return True

    async def park(self) -> bool:
        """Count it."""
        await trio.lowlevel.checkpoint()
        if not self.has_left_running and not self.is_parked:
            self.is_parked = True
            self.parked += 1
        return self.is_parked

    async def compact(self, on_line: OnLine, on_text: OnText) -> Outcome:
        """Play the next outcome of a compaction, `ok` when none is scripted."""
        await self.while_compacting()
        self.compactions += 1
        return self.compact_outcomes.pop(0) if self.compact_outcomes else Outcome(driver.OK)

    async def interrupt(self) -> bool:
        """Tell the running script."""
        await trio.lowlevel.checkpoint()
        if self.running is None:
            return False
        self.running.interrupted.set()
        return True

    def start_new_session(self) -> None:
        """Begin a conversation."""
        self.conversation.session_id = str(uuid.uuid4())
        self.conversation.prompts.clear()
        self.conversation.answered.clear()

    async def lend(self) -> Lent:
        """Lend the conversation."""
        await trio.lowlevel.checkpoint()
        assert self.running is None, "nobody lends a conversation in the middle of a turn"
        self.lent += 1
        return Lent(("--resume", self.conversation.session_id), "mark")

    def take_back(self, session_id: str | None) -> None:
        """Go on with what came of it."""
        if session_id is not None:
            self.conversation.session_id = session_id

    async def restart(self) -> None:
        """Count it."""
        await trio.lowlevel.checkpoint()
        self.restarts += 1

    async def aclose(self) -> None:
        """Remember it."""
        await trio.lowlevel.checkpoint()
        self.is_closed = True
