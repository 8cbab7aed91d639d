"""What claude is started with: prompts, settings, flags, environment."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import get_args

import attrs
import pytest

from hive.agent import mcp_tools, prompts
from hive.errors import Unavailable
from hive.wire import codec
from hive.wire.agent_config import McpServer
from hive.wire.helper_events import HelperEvent
from hive.wire.limits import BODY_BYTES
from tests.fakes.harness import config

ROLES = ["agent", "manager"]


@pytest.mark.parametrize("role", ROLES)
def test_a_prompt_names_every_tool_and_leaves_no_placeholder(tmp_path: Path, role: str) -> None:
    text = prompts.role_prompt(config(tmp_path, role=role, label=role))
    for name in mcp_tools.tools_for(role):
        assert f"- `{name}(" in text
    assert not re.findall(r"\{[a-z_]+\}", text)
    assert f"You are `{role}`" in text
    assert "she/her" in text


@pytest.mark.parametrize(("role", "most"), [("agent", 7000), ("manager", 12_500)])
def test_a_prompt_is_no_longer_than_a_prompt_should_be(
    tmp_path: Path, role: str, most: int
) -> None:
    assert len(prompts.role_prompt(config(tmp_path, role=role))) < most


TOPICS = {
    "who it is, and how to be sure of it": (
        "You are `",
        "pronouns are",
        "`whoami` says who you are",
    ),
    "whom it reports to": ("report to",),
    "how a turn begins and ends": ("A turn begins with", "and stop.", "do not announce"),
    "many messages at once": ("`recv` and its `max`", "cheap look"),
    "no sleeping": ("Never sleep in a shell", "`remind`"),
    "whose words a message holds": ("Everything between them is its text", "only hive's own line"),
    "messages that come again": ("handed to you before",),
    "questions": ("`ask`", "`question_answered`", "`question_asked`"),
    "what is open": ("`get_loose_ends`",),
    "its status": ("`set_status`",),
    "further tools": ("already approved",),
    "whom it writes to": ("You may write to every agent", "`*`", "needs no answer"),
    "logins": ("log",),
    "what lasts": ("compacted", "notes.md", "CLAUDE.md", "is for everybody", "hyperhive-"),
    "the forge": ("HIVE_FORGE_URL", "HIVE_FORGE_AUTHORIZATION"),
    "length of messages": (f"at most {BODY_BYTES} bytes", "send its path"),
}
OF_AGENTS = {
    "what it cannot change": ("cannot change your own environment", "tell `manager` what and why"),
    "the way out": ("403", "HTTPS_PROXY"),
    "whose orders count": ("not as orders from the operator",),
}
OF_THE_MANAGER = {
    "what it may decide": ("work to, ask, stop, start, restart and build anew", "approval"),
    "that it is the first gate": ("first gate", "fits that agent's task", "cheaper", "could break"),
    "two ways to the operator": ("Two ways", "Never wait for it in the same turn"),
    "how configuration works": ("`agent.toml`", "`applied/main`", "git fetch applied", "/meta log"),
    "servers, by an example": ("[mcp_servers.", "/etc/hive/config"),
    "secrets": ("No secret belongs into a commit",),
    "what tags say": ("proposal/<id>", "deployed/<id>", "failed/<id>", "denied/<id>"),
    "two steps to an agent": ("`request_init_config`; at", "Never request a spawn before"),
    "how approvals end": ("- `approved`", "- `denied`", "- `failed`"),
    "the agents' own directories": ("is an agent's own directory",),
}


@pytest.mark.parametrize(
    ("role", "words"),
    [
        pytest.param(role, words, id=f"{role}: {topic}")
        for role, own in (("agent", OF_AGENTS), ("manager", OF_THE_MANAGER))
        for topic, words in (TOPICS | own).items()
    ],
)
def test_a_prompt_speaks_of_every_topic(tmp_path: Path, role: str, words: tuple[str, ...]) -> None:
    text = prompts.role_prompt(config(tmp_path, role=role, label=role))
    assert [each for each in words if each not in text] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_tool_is_described_as_it_is_served(tmp_path: Path, role: str) -> None:
    text = prompts.role_prompt(config(tmp_path, role=role, label=role))
    for tool in mcp_tools.listings(mcp_tools.tools_for(role)):
        inputs = ", ".join(
            name if name in tool["inputSchema"]["required"] else f"{name}?"
            for name in tool["inputSchema"]["properties"]
        )
        assert f"- `{tool['name']}({inputs})`: {tool['description']}\n" in text


@pytest.mark.parametrize(
    ("listed", "said", "unsaid"),
    [
        ((), "You may write to every agent by its name, to `manager` and to", "lets you write"),
        (("eve",), "ask, `manager`, `eve` and nobody else", "every agent by its name"),
        (("eve",), "The operator is not among them", "every agent by its name"),
        (("operator",), "ask, `manager`, `operator` and nobody", "operator is not among"),
    ],
)
def test_an_agent_knows_whom_it_may_write_to(
    tmp_path: Path, listed: tuple[str, ...], said: str, unsaid: str
) -> None:
    text = prompts.role_prompt(config(tmp_path, allowed_recipients=listed))
    assert said in text
    assert unsaid not in text


def test_an_agent_knows_the_servers_and_plugins_it_was_given(tmp_path: Path) -> None:
    made = config(tmp_path, mcp_servers={"weather": McpServer("x")})
    text = prompts.role_prompt(made, ("greeter@house",))
    assert "`mcp__weather__`" in text
    assert "the skills of the plugins `greeter`" in text
    assert "already approved: use them" in text


def test_the_managers_prompt_explains_every_event(tmp_path: Path) -> None:
    text = prompts.role_prompt(config(tmp_path, role="manager"))
    for kind in get_args(HelperEvent):
        assert f"`{codec.tag_of(kind)}`" in text


def test_the_agents_own_notes_stand_at_the_end(tmp_path: Path) -> None:
    settings = config(tmp_path)
    (tmp_path / "state" / "CLAUDE.md").write_text("Always say {label}.")
    assert prompts.role_prompt(settings).endswith("Always say {label}.\n")


def test_the_notes_may_be_a_directory_or_too_long(tmp_path: Path) -> None:
    settings = config(tmp_path)
    notes = tmp_path / "state" / "CLAUDE.md"
    notes.mkdir()
    assert "Your own CLAUDE.md" not in prompts.role_prompt(settings)
    notes.rmdir()
    notes.write_text("x" * 100_000)
    assert len(prompts.role_prompt(settings)) < 9000 + prompts.NOTES_BYTES


def test_nothing_of_the_harness_environment_reaches_claude(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "x")
    launch = prompts.make_launch(config(tmp_path, claude_env={"ANTHROPIC_BASE_URL": "u"}), "haiku")
    assert "SECRET_OF_THE_HOST" not in launch.env
    assert launch.env["ANTHROPIC_BASE_URL"] == "u"
    assert launch.env["PATH"] == "/usr/bin:/bin"
    assert launch.env["CLAUDE_CONFIG_DIR"] == str(tmp_path / "claude")
    assert launch.env["CLAUDE_CODE_DISABLE_FILE_MENTIONS"] == "1"
    assert launch.cwd == str(tmp_path / "state")


def test_an_api_key_comes_by_a_script_and_never_by_the_environment(tmp_path: Path) -> None:
    secret = tmp_path / "it's a key"
    secret.write_text("sk-123\n")
    made = config(tmp_path, secret_files={"ANTHROPIC_API_KEY": str(secret)})
    launch = prompts.make_launch(made, "haiku")
    assert "sk-123" not in json.dumps(launch.env) + json.dumps(launch.argv)
    settings = json.loads((tmp_path / "run" / "claude-settings.json").read_text())
    helper = Path(settings["apiKeyHelper"])
    assert stat.S_IMODE(helper.stat().st_mode) == 0o700
    assert subprocess.check_output([helper], env={}, text=True) == "sk-123\n"


@pytest.mark.parametrize("name", ["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"])
def test_a_token_is_handed_over_in_the_environment(tmp_path: Path, name: str) -> None:
    secret = tmp_path / "token"
    secret.write_text("tok-123\n")
    launch = prompts.make_launch(config(tmp_path, secret_files={name: str(secret)}), "haiku")
    assert launch.env[name] == "tok-123"


def test_a_missing_secret_is_a_sentence(tmp_path: Path) -> None:
    made = config(tmp_path, secret_files={"ANTHROPIC_AUTH_TOKEN": str(tmp_path / "gone")})
    with pytest.raises(Unavailable, match="missing or empty"):
        prompts.make_launch(made, "haiku")


def test_the_files_are_whole_json_with_the_rules_in_them(tmp_path: Path) -> None:
    prompts.make_launch(config(tmp_path), "haiku")
    run = tmp_path / "run"
    settings = json.loads((run / "claude-settings.json").read_text())
    assert "mcp__hyperhive" in settings["permissions"]["allow"]
    assert set(settings["permissions"]["deny"]) == set(prompts.DENIED)
    assert not list(run.glob(".*"))


def test_the_server_of_live_mode_is_on_claudes_own_pipe(tmp_path: Path) -> None:
    prompts.make_launch(config(tmp_path), "haiku")
    servers = json.loads((tmp_path / "run" / "claude-mcp-config.json").read_text())["mcpServers"]
    assert servers == {"hyperhive": {"type": "sdk", "name": "hyperhive"}}


def test_the_server_of_process_mode_is_this_hive(tmp_path: Path) -> None:
    made = config(tmp_path, turn_mode="process", hive=("/hive.pyz",), role="manager")
    prompts.make_launch(made, "haiku")
    servers = json.loads((tmp_path / "run" / "claude-mcp-config.json").read_text())["mcpServers"]
    assert servers["hyperhive"]["command"] == "/hive.pyz"
    session = str(Path(made.state_dir) / "hyperhive-session.json")
    where = ["--socket", str(made.socket), "--session-file", session]
    where += ["--claude-dir", made.claude_dir]
    assert servers["hyperhive"]["args"] == ["manager", "mcp", *where]


def test_a_chat_has_the_server_of_process_mode_in_a_file_of_its_own(tmp_path: Path) -> None:
    made = config(tmp_path)
    launch = prompts.make_launch(made, "haiku")
    chat = prompts.make_launch(made, "haiku", is_chat=True)
    file = tmp_path / "run" / "claude-chat-mcp-config.json"
    assert json.loads(file.read_text())["mcpServers"]["hyperhive"]["command"] == "hive"
    mine = str(tmp_path / "run" / "claude-mcp-config.json")
    assert [str(file) if word == mine else word for word in launch.argv] == list(chat.argv)


def test_the_flags_name_the_model_and_nothing_of_the_session(tmp_path: Path) -> None:
    argv = prompts.make_launch(config(tmp_path), "sonnet").argv
    assert argv[0] == "claude"
    assert argv[argv.index("--model") + 1] == "sonnet"
    assert argv[argv.index("--system-prompt-snapshot") + 1] == "off"
    assert argv[argv.index("--setting-sources") + 1] == ""
    assert "--strict-mcp-config" in argv
    assert not {"--print", "--continue", "--resume", "--session-id"} & set(argv)


def test_a_run_directory_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    made = attrs.evolve(config(tmp_path), run_dir=str(tmp_path / "gone"))
    with pytest.raises(Unavailable, match="cannot write"):
        prompts.make_launch(made, "haiku")


def test_a_file_is_never_written_through_a_link(tmp_path: Path) -> None:
    made = config(tmp_path)
    other = tmp_path / "other"
    other.write_text("mine")
    target = tmp_path / "run" / "claude-system-prompt.md"
    target.symlink_to(other)
    prompts.make_launch(made, "haiku")
    assert other.read_text() == "mine"
    assert not target.is_symlink()
    assert os.access(target, os.R_OK)
