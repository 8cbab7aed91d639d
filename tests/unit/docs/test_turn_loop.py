"""docs/turn-loop.md lists the tools, the flags and the environment that claude really gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.agent import child, claude_driver, mcp_tools, prompts
from hive.agent.session import Session
from hive.config import HarnessConfig
from tests.unit.docs.pages import code, page, section, table

STARTED = "What claude is started with"


@pytest.mark.parametrize("role", ["agent", "manager"])
def test_the_tools_and_their_inputs_are_those_listed(role: str) -> None:
    text = section(page("turn-loop.md"), "Tools")
    if role == "agent":
        text = text.partition("| the manager's tool |")[0]
    assert {code(row[0])[0]: code(row[1]) for row in table(text)} == {
        tool.name: [each.name for each in tool.inputs]
        for tool in mcp_tools.tools_for(role).values()
    }


def rows_of(kind: str) -> set[str]:
    rows = table(section(page("turn-loop.md"), STARTED))
    return {
        name for row in rows for name in code(row[0]) if name.startswith("-") == (kind == "flag")
    }


@pytest.fixture
def launch(tmp_path: Path) -> prompts.Launch:
    for name in ("run", "state", "claude", "shared"):
        (tmp_path / name).mkdir()
    config = HarnessConfig(
        label="alice",
        role="agent",
        run_dir=str(tmp_path / "run"),
        state_dir=str(tmp_path / "state"),
        claude_dir=str(tmp_path / "claude"),
        home=str(tmp_path),
        shared_dir=str(tmp_path / "shared"),
        claude=("claude",),
        hive=("hive.pyz",),
        path="/usr/bin",
    )
    return prompts.make_launch(config, "haiku")


def test_every_flag_claude_gets_is_listed(launch: prompts.Launch, tmp_path: Path) -> None:
    session = Session.load(tmp_path / "session.json")
    given = {*launch.argv, *claude_driver.FLAGS, *session.prepare()}
    session.exists = True
    given |= set(session.prepare())
    assert {word for word in given if word.startswith("--")} == rows_of("flag")


def test_every_variable_claude_gets_is_listed(launch: prompts.Launch) -> None:
    secrets = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"}
    assert {*launch.env, *child.WAYS} == rows_of("variable") - secrets
