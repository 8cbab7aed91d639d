"""One agent's claude on a stage: the real one with a scripted API, or the stand-in; either mode.

A test says what the model does as steps of `messages_api`; for the stand-in they become directives
in the prompt. So one test body runs over four stages.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from hive.agent import live_driver, process_driver
from hive.agent.driver import Driver, Launch, Line, Outcome, Prompt
from hive.agent.stand_in.conversation import Conversation
from tests.fakes import claude_binary, mcp_stdio, messages_api
from tests.fakes.messages_api import Dropped, Failure, MessagesApi, Step, Text, ToolUse

REAL = "real"
STAND_IN = "stand-in"
LIVE = "live"
PROCESS = "process"
STAGES = [(kind, mode) for kind in (REAL, STAND_IN) for mode in (LIVE, PROCESS)]
REPO = Path(__file__).parents[2]
PATIENCE_S = 30.0
"""How long a test waits for something that claude does."""


@attrs.define
class NotingTools:
    """hive's tools in live mode: notes what is called; a call with `wait` parks."""

    calls: list[tuple[str, dict[str, Any]]] = attrs.field(factory=list)
    given_up: int = 0
    """Calls that were cancelled."""

    async def handle(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Answer as `mcp_stdio` does."""
        if "id" not in message:
            return None
        if message.get("method") == "tools/call":
            params = message["params"]
            self.calls.append((params["name"], params))
            try:
                await trio.sleep(params.get("arguments", {}).get("wait", 0))
            except trio.Cancelled:
                self.given_up += 1
                raise
        return {"jsonrpc": "2.0", "id": message["id"], **mcp_stdio.answer(message)}


@attrs.define
class Scene:
    """A claude and what it has said and called."""

    kind: str
    mode: str
    home: Path
    api: MessagesApi
    driver: live_driver.LiveDriver | process_driver.ProcessDriver
    tools: NotingTools
    has_server: bool = True
    variables: dict[str, str | None] = attrs.field(factory=dict)
    """Changes to claude's environment; None takes a variable away."""
    lines: list[Line] = attrs.field(factory=list)
    """Every line, since the scene began."""
    texts: list[str] = attrs.field(factory=list)
    """Every line of standard error."""
    _changed: trio.Event = attrs.field(factory=trio.Event)

    async def turn(
        self, text: str, *steps: Step, uuid_: str | None = None, says_nothing_new: bool = False
    ) -> Outcome:
        """Run a turn in which the model does these things; then it says ok."""
        self.play(*steps)
        words = self.text_for(text, *steps)
        prompt = Prompt(uuid_ or str(uuid.uuid4()), words, says_nothing_new)
        with trio.fail_after(PATIENCE_S):
            return await self.driver.turn(prompt, self._on_line, self.texts.append)

    def play(self, *steps: Step) -> None:
        """Set what the model does next."""
        self.api.play(steps)

    def text_for(self, text: str, *steps: Step) -> str:
        """Return the prompt that makes the stage do these steps."""
        if self.kind == REAL:
            return text
        is_retried = "CLAUDE_CODE_MAX_RETRIES" in self.variables
        found = (line for step in steps for line in _directives(step, is_retried=is_retried))
        return "\n".join([text, *found])

    async def compact(self, *, is_refused: bool = False) -> Outcome:
        """Compact the conversation."""
        if is_refused:
            if self.kind == STAND_IN:
                await self.turn("refuse the next one\n!refuse-compaction")
            self.play(messages_api.rate_limited())
        else:
            self.play()
        with trio.fail_after(PATIENCE_S):
            return await self.driver.compact(self._on_line, self.texts.append)

    def calls(self) -> list[str]:
        """Return the names of the tools called so far."""
        if self.mode == LIVE:
            return [name for name, _ in self.tools.calls]
        log = self.home / "calls"
        return (
            [json.loads(line)[0] for line in log.read_text().splitlines()] if log.exists() else []
        )

    def seen(self) -> list[str]:
        """Return what the user said, as the model saw it in the newest call."""
        if self.kind == REAL:
            return [text.strip() for text in messages_api.user_texts(self.api.requests[-1])]
        found = Conversation.resume(self.home / "claude", self.driver.session_id)
        assert found is not None
        return [text.splitlines()[0] for text in found.texts()]

    def said(self) -> list[str]:
        """Return the texts claude has said."""
        return [
            block["text"]
            for line in self.lines
            if line["type"] == "assistant"
            for block in line["message"]["content"]
            if block["type"] == "text"
        ]

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something outside of this process has come about."""
        with trio.fail_after(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - another process
                await trio.sleep(0.01)

    async def wait_streaming(self, asked: int) -> None:
        """Wait until the model is talking in the turn that began behind `asked` API calls."""
        if self.kind == REAL:
            await self.wait(lambda: len(self.api.requests) > asked)
        inits = self.inits()
        await self.wait(lambda: self.inits() > inits or self.is_in_turn())

    def inits(self) -> int:
        """Return how many turns have begun."""
        return sum(line.get("subtype") == "init" for line in self.lines)

    def results(self) -> int:
        """Return how many turns have ended with a result."""
        return sum(line["type"] == "result" for line in self.lines)

    def is_in_turn(self) -> bool:
        """Whether a turn has begun and has no result yet."""
        for line in reversed(self.lines):
            if line["type"] == "result":
                return False
            if line.get("subtype") == "init":
                return True
        return False

    def kill(self) -> None:
        """Kill claude as a crash would."""
        pid = self.driver.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def renew(self) -> None:
        """Replace the driver, as a new harness would; the old one must be closed or dead."""
        self.driver = _driver(self.kind, self.mode, self.home, self.api, self.tools, self)

    def _on_line(self, line: Line) -> None:
        self.lines.append(line)


def _directives(step: Step, *, is_retried: bool) -> list[str]:
    if isinstance(step, Text):
        pause_s = step.delay_s + step.chunks * step.chunk_delay_s
        return ["!say " + json.dumps({"text": step.text, "pause_s": pause_s})]
    if isinstance(step, ToolUse):
        prefix = "mcp__hyperhive__"
        return [f"!tool {n.removeprefix(prefix)} {json.dumps(given)}" for n, given in step.calls]
    if isinstance(step, Dropped):
        return ["!dropped"]
    assert isinstance(step, Failure), f"no directive for {step}"
    if "too long" in step.message:
        return ["!too-long"]
    return [f"!retry 1 {step.status}" if is_retried else f"!fail {step.status}"]


def _driver(
    kind: str, mode: str, home: Path, api: MessagesApi, tools: NotingTools, scene: Scene | None
) -> live_driver.LiveDriver | process_driver.ProcessDriver:
    program = (
        (str(claude_binary.find()),) if kind == REAL else (sys.executable, "-m", "hive", "stand-in")
    )

    async def make_launch() -> Launch:
        if scene is not None and not scene.has_server:
            config: dict[str, Any] = {"mcpServers": {}}
        elif mode == LIVE:
            config = live_driver.mcp_config()
        else:
            config = process_driver.mcp_config(
                [sys.executable, "-m", "tests.fakes.mcp_stdio", str(home / "calls")],
                {"PYTHONPATH": str(REPO)},
            )
        (home / "mcp.json").write_text(json.dumps(config))
        argv = (*program, "--model", "haiku", "--setting-sources", "")
        argv += ("--system-prompt-file", str(home / "system.md"))
        argv += ("--mcp-config", str(home / "mcp.json"), "--strict-mcp-config")
        argv += ("--tools", "Bash,Read", "--allowedTools", "mcp__hyperhive,Bash")
        env: dict[str, str | None] = {**_environment(home, api)}
        env |= scene.variables if scene is not None else {}
        kept = {key: value for key, value in env.items() if value is not None}
        return Launch(argv, kept, str(home / "work"))

    session = home / "session.json"
    if mode == LIVE:
        return live_driver.LiveDriver(make_launch, tools, session, time.monotonic)
    return process_driver.ProcessDriver(make_launch, session, time.monotonic)


def _environment(home: Path, api: MessagesApi) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "PYTHONPATH": str(REPO),
        "CLAUDE_CONFIG_DIR": str(home / "claude"),
        "ANTHROPIC_BASE_URL": api.url,
        "ANTHROPIC_API_KEY": "dummy-key-of-a-test",
        "CLAUDE_CODE_MAX_RETRIES": "0",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",
    }


@asynccontextmanager
async def on_stage(kind: str, mode: str, home: Path) -> AsyncIterator[Scene]:
    """Set a scene below `home`; at the end claude and everything it started is gone."""
    for name in ("work", "tmp", "claude"):
        (home / name).mkdir()
    (home / "system.md").write_text("You are an agent in a test.")
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(messages_api.serve([]))
        tools = NotingTools()
        scene = Scene(kind, mode, home, api, _driver(kind, mode, home, api, tools, None), tools)
        scene.renew()
        try:
            yield scene
        finally:
            driver: Driver = scene.driver
            with trio.CancelScope(shield=True):
                await driver.aclose()
