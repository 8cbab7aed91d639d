"""The stand-in as a program: its play, its directives, and how it takes bad input."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from hive.agent import driver, live_driver
from hive.agent.child import Deadlines
from hive.agent.driver import Launch, Line, Outcome, Prompt
from hive.agent.live_driver import LiveDriver
from hive.agent.wake_text import go_on_text, wake_text
from hive.wire.messages import DeliveredMessage
from tests.fakes import mcp_stdio

PATIENCE_S = 20.0
REPO = Path(__file__).parents[2]


@attrs.define
class Tools:
    """hive's tools for a manager that nobody answers to."""

    is_deaf: bool = False
    """True: every send fails."""
    calls: list[tuple[str, dict[str, Any]]] = attrs.field(factory=list)

    async def handle(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Answer one message."""
        if "id" not in message:
            return None
        answer = mcp_stdio.answer(message)
        if message["method"] == "tools/call":
            name, given = message["params"]["name"], message["params"]["arguments"]
            if name == "whoami":
                answer = _result("name: manager\nrole: manager\nhive: 0")
            else:
                self.calls.append((name, given))
            if name == "send" and self.is_deaf and given["to"] != "operator":
                answer = _result("nobody of that name", is_error=True)
        return {"jsonrpc": "2.0", "id": message["id"], **answer}


def _result(text: str, *, is_error: bool = False) -> dict[str, Any]:
    return {"result": {"content": [{"type": "text", "text": text}], "isError": is_error}}


@attrs.define
class Stage:
    """A stand-in and what it said."""

    one: LiveDriver
    tools: Tools
    lines: list[Line] = attrs.field(factory=list)

    async def turn(self, text: str, uuid_: str | None = None) -> Outcome:
        """Run one turn."""
        prompt = Prompt(uuid_ or str(uuid.uuid4()), text)
        with trio.fail_after(PATIENCE_S):
            return await self.one.turn(prompt, self.lines.append, lambda _text: None)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Set a stage in live mode."""
    config = tmp_path / "mcp.json"
    config.write_text(json.dumps(live_driver.mcp_config()))

    async def make_launch() -> Launch:
        argv = (sys.executable, "-m", "hive", "stand-in", "--mcp-config", str(config))
        env = {"PYTHONPATH": str(REPO), "CLAUDE_CONFIG_DIR": str(tmp_path / "claude")}
        return Launch(argv, env, str(tmp_path))

    tools = Tools()
    short = Deadlines(interrupt_s=5)
    one = LiveDriver(make_launch, tools, tmp_path / "session.json", time.monotonic, short)
    yield Stage(one, tools)
    await one.aclose()


MESSAGE = DeliveredMessage(7, "operator", "ask bob to count", False, None, 0.0, origin="operator")


async def test_the_manager_hands_a_task_on_and_says_so(stage: Stage) -> None:
    assert (await stage.turn(wake_text(MESSAGE, 0))).kind == driver.OK
    assert [name for name, _ in stage.tools.calls] == ["send", "set_status", "send"]
    told = stage.tools.calls[0][1]
    assert told == {"to": "bob", "body": "Task: ask bob to count"}
    assert (await stage.turn(go_on_text(MESSAGE))).kind == driver.OK
    assert len(stage.tools.calls) == 3


async def test_the_manager_says_when_it_reaches_nobody(stage: Stage) -> None:
    stage.tools.is_deaf = True
    assert (await stage.turn(wake_text(MESSAGE, 0))).kind == driver.OK
    assert [name for name, _ in stage.tools.calls] == ["send", "send"]
    assert stage.tools.calls[1][1]["body"].startswith("I cannot reach bob")


async def test_what_is_left_is_done_after_a_refusal(stage: Stage) -> None:
    prompt = str(uuid.uuid4())
    text = '!tool send {"to":"operator"}\n!429 reset=1900000000\n!tool send {"to":"operator"}'
    outcome = await stage.turn(text, prompt)
    assert (outcome.kind, outcome.retry_at) == (driver.RATE_LIMITED, 1_900_000_000)
    assert (await stage.turn(text, prompt)).was_answered
    assert (await stage.turn("Go on.")).kind == driver.OK
    assert len(stage.tools.calls) == 2


async def test_a_crash_happens_once_and_repeats_no_call(stage: Stage) -> None:
    prompt = str(uuid.uuid4())
    text = '!tool send {"to":"operator"}\n!crash\n!tool send {"to":"operator"}'
    assert (await stage.turn(text, prompt)).kind == driver.FAILED
    assert (await stage.turn(text, prompt)).was_answered
    assert (await stage.turn("Go on.")).kind == driver.OK
    assert len(stage.tools.calls) == 2


async def test_a_crash_before_any_answer_is_run_again(stage: Stage) -> None:
    prompt = str(uuid.uuid4())
    assert (await stage.turn("!crash", prompt)).kind == driver.FAILED
    again = await stage.turn("!crash", prompt)
    assert (again.kind, again.was_answered) == (driver.OK, False)


async def test_a_hang_is_interrupted(stage: Stage) -> None:
    outcomes = []

    async def run() -> None:
        outcomes.append(await stage.turn("!say hm\n!hang"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        with trio.fail_after(PATIENCE_S):
            while len(stage.lines) < 2:  # noqa: ASYNC110 - another process
                await trio.sleep(0.01)
        assert await stage.one.interrupt()
    assert outcomes[0].kind == driver.INTERRUPTED


def _run(*flags: str, given: str = "", home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hive", "stand-in", *flags],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        env={"PYTHONPATH": str(REPO), "HOME": str(home)},
    )


def test_a_line_that_is_not_json_ends_it(tmp_path: Path) -> None:
    done = _run("--input-format", "stream-json", given="nonsense\n", home=tmp_path)
    assert done.returncode == 1
    assert "Error parsing streaming input line" in done.stderr


def test_plain_text_is_one_turn(tmp_path: Path) -> None:
    done = _run("--print", given="!say hello", home=tmp_path)
    assert done.returncode == 0
    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert kinds == [
        "command_lifecycle",
        "system",
        "assistant",
        "result",
        "command_lifecycle",
    ]
    assert _run("--print", given="!fail 500", home=tmp_path).returncode == 1


def test_control_requests_are_answered(tmp_path: Path) -> None:
    asked = ["initialize", "set_model", "mcp_status", "nonsense"]
    given = "".join(
        json.dumps({"type": "control_request", "request_id": word, "request": {"subtype": word}})
        + "\n"
        for word in asked
    )
    done = _run("--input-format", "stream-json", given=given, home=tmp_path)
    answers = [json.loads(line)["response"] for line in done.stdout.splitlines()]
    assert [each["request_id"] for each in answers] == asked
    assert [each["subtype"] for each in answers] == ["success"] * 3 + ["error"]


def test_bad_flags_end_it_with_a_sentence(tmp_path: Path) -> None:
    assert "No such file" in _run("--mcp-config", "/nowhere", home=tmp_path).stderr
    assert "Invalid MCP" in _run("--mcp-config", "{", home=tmp_path).stderr
    assert "No such file" in _run("--system-prompt-file", "/nowhere", home=tmp_path).stderr
    known = str(uuid.uuid4())
    assert _run("--session-id", known, given="x", home=tmp_path).returncode == 0
    assert "already in use" in _run("--session-id", known, home=tmp_path).stderr
    cut = _run("--resume", known, "--resume-session-at", known, home=tmp_path)
    assert "No message found" in cut.stderr


def test_it_is_logged_in_and_has_a_version(tmp_path: Path) -> None:
    assert json.loads(_run("auth", "status", home=tmp_path).stdout)["loggedIn"]
    assert "stand-in" in _run("--version", home=tmp_path).stdout
