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
from hive.agent import plugins as plugin_room
from hive.agent.driver import Launch, Line, Outcome, Prompt
from hive.agent.equipment import Equipment
from hive.agent.live_driver import LiveDriver
from hive.agent.process_driver import ProcessDriver
from hive.agent.stream_json import TurnFacts
from hive.config import HarnessConfig
from hive.host import agent_files
from tests.fakes import claude_binary, mcp_http, messages_api
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

[mcp_servers.far]
url = "http://127.0.0.1:9/mcp"
"""


@attrs.define
class Stage:
    """A claude that was started as a harness starts it."""

    kind: str
    api: MessagesApi
    one: LiveDriver | ProcessDriver
    shown: list[str | None]
    """What the page says is not there, newest last."""
    lines: list[Line] = attrs.field(factory=list)

    async def call(self, tool: str, **arguments: Any) -> Outcome:
        """Run a turn in which the model calls a tool."""
        self.api.play((tool_use((tool, arguments)), Text("done")))
        text = f"hello\n!tool {tool} {json.dumps(arguments)}\n!say done"
        text = "hello" if self.kind == REAL else text
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
async def on_stage(
    kind: str, mode: str, root: Path, toml: str, plugins: tuple[str, ...] = ()
) -> AsyncIterator[Stage]:
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
            plugins=plugins,
            claude_env={"ANTHROPIC_BASE_URL": api.url, "CLAUDE_CODE_MAX_RETRIES": "0"},
            secret_files={"ANTHROPIC_API_KEY": str(key)},
        )

        shown: list[str | None] = []
        equipment = Equipment(settings, lambda _: None, shown.append)

        async def make_launch() -> Launch:
            return prompts.make_launch(settings, settings.model, equipment=equipment)

        session = root / "session.json"
        one: LiveDriver | ProcessDriver
        if mode == LIVE:
            one = LiveDriver(make_launch, NotingTools(), session, time.monotonic)
        else:
            one = ProcessDriver(make_launch, session, time.monotonic)
        await plugin_room.install(settings, equipment, make_launch)
        try:
            yield Stage(kind, api, one, shown)
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
        servers = stage.facts().mcp_servers
        assert {name for name, is_so in servers.items() if is_so != "connected"} == {"gone", "far"}


@pytest.mark.parametrize("mode", [LIVE, pytest.param(PROCESS, marks=pytest.mark.slow)])
async def test_a_server_by_url_is_reached_with_the_secret_in_its_header(
    mode: str, short_tmp: Path
) -> None:
    with mcp_http.serve() as tickets:
        toml = f"""
            [mcp_servers.tickets]
            url = "{tickets.url}"
            headers = {{ Authorization = "Bearer ${{TOKEN}}" }}
            secrets = {{ TOKEN = "/state/token" }}
        """
        (short_tmp / "state").mkdir()
        (short_tmp / "state/token").write_text("tok-123\n")
        async with on_stage(REAL, mode, short_tmp, toml) as stage:
            assert (await stage.call("mcp__tickets__open")).kind == driver.OK
            assert "ticket 7 is open" in json.dumps(stage.result())
            assert stage.facts().mcp_servers["tickets"] == "connected"
        assert tickets.calls == ["open"]
        assert {each.get("Authorization") for each in tickets.headers} == {"Bearer tok-123"}


def _marketplace(root: Path) -> Path:
    """Make a marketplace in a directory, as an agent's repository may hold one."""
    files = {
        ".claude-plugin/marketplace.json": json.dumps(
            {
                "name": "house",
                "owner": {"name": "the house"},
                "plugins": [{"name": "greeter", "source": "./greeter", "description": "greets"}],
            }
        ),
        "greeter/.claude-plugin/plugin.json": json.dumps({"name": "greeter", "version": "1.0.0"}),
        "greeter/skills/greet/SKILL.md": "---\nname: greet\ndescription: how to greet\n---\n"
        "Bow twice.\n",
        "greeter/.mcp.json": json.dumps(
            {"mcpServers": {"unseen": {"command": sys.executable, "args": [str(SERVER)]}}}
        ),
    }
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


@pytest.mark.parametrize("mode", [LIVE, pytest.param(PROCESS, marks=pytest.mark.slow)])
async def test_a_plugin_is_installed_and_its_skill_used_without_asking(
    mode: str, short_tmp: Path
) -> None:
    shop = _marketplace(short_tmp / "shop")
    named = (f"greeter@{shop}", "missing@nowhere")
    async with on_stage(REAL, mode, short_tmp, "", named) as stage:
        assert len(stage.shown) == 1
        assert "the plugin missing@nowhere: installing it failed: Failed to install" in str(
            stage.shown[0]
        )
        assert "not found in marketplace" in str(stage.shown[0])
        assert (await stage.call("Skill", skill="greeter:greet")).kind == driver.OK
        assert not stage.result().get("is_error")
        assert "Bow twice." in json.dumps(stage.api.requests[-1]["messages"])
        init = next(line for line in stage.lines if line.get("subtype") == "init")
        assert "greeter" in {each["name"] for each in init["plugins"]}
        # Only what agent.toml lists as a server is one.
        assert set(stage.facts().mcp_servers) == {"hyperhive"}
