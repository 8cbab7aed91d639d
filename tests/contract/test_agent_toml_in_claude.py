"""What agent.toml gives claude reaches it: servers, rules, variables and model, in both modes."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from hive.agent import driver, prompts
from hive.agent.driver import Launch, Line, Outcome, Prompt
from hive.agent.live_driver import LiveDriver
from hive.agent.process_driver import ProcessDriver
from hive.agent.stream_json import TurnFacts
from hive.config import HarnessConfig
from hive.host import agent_files
from tests.fakes import claude_binary, messages_api
from tests.fakes.claude_scene import LIVE, PATIENCE_S, PROCESS, REAL, STAGES, STAND_IN, NotingTools
from tests.fakes.harness import config
from tests.fakes.messages_api import MessagesApi, Text, tool_results, tool_use

REPO = Path(__file__).parents[2]
SERVER = REPO / "tests/fakes/weather_server.py"
TODAY = "mcp__weather__today"
STORM = "mcp__weather__storm"
AGENT_TOML = f"""
model = "sonnet"

[env]
CITY = "Bremen"

[mcp_servers.weather]
command = "{sys.executable}"
args = ["{SERVER}", "--short"]
env = {{ UNIT = "celsius" }}
allowed_tools = ["today"]
"""
BROKEN = """
[mcp_servers.gone]
command = "/nonexistent/server"
"""


@attrs.define
class Stage:
    """A claude that was started as a harness starts it."""

    kind: str
    api: MessagesApi
    one: LiveDriver | ProcessDriver
    lines: list[Line] = attrs.field(factory=list)

    async def call(self, tool: str) -> Outcome:
        """Run a turn in which the model calls a tool."""
        self.api.play((tool_use((tool, {})), Text("done")))
        text = "hello" if self.kind == REAL else f"hello\n!tool {tool} {{}}\n!say done"
        prompt = Prompt(str(uuid.uuid4()), text)
        with trio.fail_after(PATIENCE_S):
            return await self.one.turn(prompt, self.lines.append, lambda _: None)

    def result(self) -> dict[str, Any]:
        """Return what the newest tool call came back with."""
        blocks = [
            block
            for line in self.lines
            if line["type"] == "user"
            for block in line["message"]["content"]
            if isinstance(block, dict) and block["type"] == "tool_result"
        ]
        found: dict[str, Any] = blocks[-1]
        return found

    def facts(self) -> TurnFacts:
        """Return what the lines say."""
        facts = TurnFacts()
        for line in self.lines:
            facts.feed(line)
        return facts


@asynccontextmanager
async def on_stage(kind: str, mode: str, root: Path, toml: str) -> AsyncIterator[Stage]:
    """Start claude from an agent.toml, by the harness's own launch."""
    agent = agent_files.parse(toml.encode())
    async with messages_api.serve([]) as api:
        key = root / "key"
        key.write_text("dummy-key-of-a-test")
        program: tuple[str, ...] = (str(claude_binary.find()),)
        if kind == STAND_IN:
            program = ("/usr/bin/env", f"PYTHONPATH={REPO}", sys.executable, "-m", "hive")
            program += ("stand-in",)
        settings: HarnessConfig = config(
            root,
            claude=program,
            hive=("/usr/bin/env", f"PYTHONPATH={REPO}", sys.executable, "-m", "hive"),
            turn_mode=mode,
            model=agent.model or "haiku",
            env=agent_files.env_for(agent),
            mcp_servers=agent.mcp_servers,
            claude_env={"ANTHROPIC_BASE_URL": api.url, "CLAUDE_CODE_MAX_RETRIES": "0"},
            secret_files={"ANTHROPIC_API_KEY": str(key)},
        )

        async def make_launch() -> Launch:
            return prompts.make_launch(settings, settings.model)

        session = root / "session.json"
        one: LiveDriver | ProcessDriver
        if mode == LIVE:
            one = LiveDriver(make_launch, NotingTools(), session, time.monotonic)
        else:
            one = ProcessDriver(make_launch, session, time.monotonic)
        try:
            yield Stage(kind, api, one)
        finally:
            with trio.CancelScope(shield=True):
                await one.aclose()


EACH = [
    pytest.param(
        stage,
        id="-".join(stage),
        marks=[pytest.mark.slow] if stage == (STAND_IN, PROCESS) else [],
    )
    for stage in STAGES
]
"""The stand-in's second mode at night: `test_claude` holds it to the real one each time."""


@pytest.fixture(params=EACH)
async def stage(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[Stage]:
    """The real claude and the stand-in, in both modes."""
    kind, mode = request.param
    async with on_stage(kind, mode, short_tmp, AGENT_TOML) as made:
        yield made


@pytest.fixture(params=[LIVE, PROCESS])
async def real(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[Stage]:
    """The real claude in both modes."""
    async with on_stage(REAL, request.param, short_tmp, AGENT_TOML) as made:
        yield made


async def test_its_tools_are_called_with_its_arguments_and_variables(stage: Stage) -> None:
    outcome = await stage.call(TODAY)
    assert (outcome.kind, outcome.note) == (driver.OK, None)
    assert not outcome.tools_missing
    text = stage.result()["content"][0]["text"]
    told = json.loads(text.removeprefix("today: "))
    assert told == {"CITY": "Bremen", "UNIT": "celsius", "args": ["--short"]}
    assert stage.facts().mcp_servers == {"weather": "connected", "hyperhive": "connected"}


async def test_a_tool_that_is_not_allowed_is_refused(real: Stage) -> None:
    outcome = await real.call(STORM)
    assert outcome.kind == driver.OK
    assert real.result()["is_error"]
    assert "storm: {" not in json.dumps(real.result())


async def test_hives_own_tools_are_there_beside_it(stage: Stage) -> None:
    assert (await stage.call(TODAY)).kind == driver.OK
    init = next(line for line in stage.lines if line.get("subtype") == "init")
    assert {TODAY, "mcp__hyperhive__send"} <= set(init["tools"])


async def test_the_model_and_the_environment_are_those_of_the_file(real: Stage) -> None:
    real.api.play((tool_use(("Bash", {"command": "echo $CITY"})), Text("done")))
    prompt = Prompt(str(uuid.uuid4()), "hello")
    with trio.fail_after(PATIENCE_S):
        outcome = await real.one.turn(prompt, real.lines.append, lambda _: None)
    assert outcome.kind == driver.OK
    assert "Bremen" in json.dumps(tool_results(real.api.requests[-1]))
    assert "sonnet" in real.api.requests[-1]["model"]


@pytest.mark.parametrize("way", EACH)
async def test_a_server_that_does_not_come_up_costs_its_tools_and_nothing_else(
    way: tuple[str, str], short_tmp: Path
) -> None:
    kind, mode = way
    async with on_stage(kind, mode, short_tmp, BROKEN) as stage:
        stage.api.play((Text("done"),))
        prompt = Prompt(str(uuid.uuid4()), "hello" if kind == REAL else "hello\n!say done")
        with trio.fail_after(PATIENCE_S):
            outcome = await stage.one.turn(prompt, stage.lines.append, lambda _: None)
        assert outcome.kind == driver.OK
        assert not outcome.tools_missing
        assert stage.facts().unconnected == {"gone"}
