"""What of agent.toml an agent has to work without: said on its page, and once to the manager."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from hive.agent import equipment, plugins, prompts, servers, turn_loop
from hive.agent.driver import Outcome
from hive.agent.equipment import Equipment
from hive.wire import live
from hive.wire.agent_config import McpServer
from hive.wire.limits import REPORT_NOTE_BYTES
from tests.fakes import harness as fake
from tests.fakes.driver import Running
from tests.fakes.harness import Rig, config, until

WEATHER = McpServer("weather", allowed_tools=("today",))
FREE = McpServer("free")
BOTH = {"weather": WEATHER, "free": FREE}


def init(**states: str) -> dict[str, Any]:
    """Return the line in which claude says what of its servers is up."""
    names = {"hyperhive": "connected", **states}
    listed = [{"name": name, "status": status} for name, status in names.items()]
    return {"type": "system", "subtype": "init", "mcp_servers": listed}


def plays(rig: Rig, **states: str) -> None:
    """Have the next turn begin with these states."""

    async def play(running: Running) -> Outcome:
        running.on_line(init(**states))
        running.say("done")
        await trio.lowlevel.checkpoint()
        return running.result()

    rig.driver.script.append(play)


async def run_turns(rig: Rig, *states: dict[str, str]) -> None:
    """Run a turn for each, with the task that tells the manager beside the loop."""
    harness = rig.harness
    async with trio.open_nursery() as nursery:
        label = harness.config.label
        await nursery.start(equipment.tell, harness.equipment, harness.page_client, label)
        await nursery.start(turn_loop.run, harness)
        for each in states:
            plays(rig, **each)
            mail = rig.hive.put("hello")
            await until(lambda mail=mail: mail.acks)
            await trio.sleep(60)
        nursery.cancel_scope.cancel()


UP = {"free": "connected", "weather": "connected"}
DOWN = {"free": "connected", "weather": "failed"}


async def test_a_server_that_did_not_come_up_shows_and_the_manager_is_told_once(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path, mcp_servers=BOTH)
    await run_turns(rig, DOWN, DOWN, DOWN)
    shown = rig.harness.state.to_json()["trouble"]
    assert shown == "works without the MCP server weather: it did not come up"
    assert rig.harness.state.report().note == shown
    assert rig.notes.count("weather") == 2  # the note, and the frame of what is shown
    (sent,) = rig.hive.sent
    assert (sent.to, "weather" in sent.body) == ("manager", True)
    assert "free" not in rig.notes + sent.body


async def test_a_server_that_is_there_again_is_no_longer_shown_and_its_next_end_is_told(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path, mcp_servers=BOTH)
    await run_turns(rig, DOWN, UP, DOWN)
    said = [frame.text for frame in rig.of_kind(live.Note)]
    assert sum("mcp_servers.weather is there again" in text for text in said) == 1
    shown = [frame.text for frame in rig.of_kind(live.TroubleChanged)]
    assert [text is None for text in shown] == [False, True, False]
    assert len(rig.hive.sent) == 2


async def test_a_restart_does_not_tell_again(tmp_path: Path, autojump_clock: object) -> None:
    first = fake.make(tmp_path, mcp_servers=BOTH)
    await run_turns(first, DOWN)
    again = fake.make(tmp_path, hive=first.hive, mcp_servers=BOTH)
    await run_turns(again, DOWN)
    assert len(first.hive.sent) == 1
    changed = {**BOTH, "weather": attrs.evolve(WEATHER, args=("--mended",))}
    other = fake.make(tmp_path, hive=first.hive, mcp_servers=changed)
    await run_turns(other, DOWN)
    assert len(first.hive.sent) == 2


async def test_a_daemon_that_is_away_is_told_later(tmp_path: Path, autojump_clock: object) -> None:
    rig = fake.make(tmp_path, mcp_servers=BOTH)
    rig.harness.equipment.heard(DOWN)
    rig.hive.is_away = True
    async with trio.open_nursery() as nursery:
        await nursery.start(
            equipment.tell, rig.harness.equipment, rig.harness.page_client, rig.harness.config.label
        )
        await trio.sleep(600)
        assert not rig.hive.sent
        rig.hive.is_away = False
        await until(lambda: rig.hive.sent)
        nursery.cancel_scope.cancel()


async def test_the_manager_tells_nobody_but_its_page(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path, mcp_servers=BOTH, label="manager", role="manager")
    await run_turns(rig, DOWN)
    assert rig.hive.sent == []
    assert "weather" in str(rig.harness.state.shown)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("failed", "did not come up"),
        ("pending", "not up in time"),
        ("needs-auth", "asks for a login"),
        ("odd", "claude says that it is odd"),
    ],
)
def test_each_status_is_a_sentence(tmp_path: Path, status: str, words: str) -> None:
    shown: list[str | None] = []
    made = Equipment(config(tmp_path, mcp_servers=BOTH), lambda _: None, shown.append)
    made.heard({"free": "connected", "weather": status})
    assert words in str(shown[-1])


async def test_worse_trouble_comes_first_and_a_long_one_fits_the_report(tmp_path: Path) -> None:
    state = fake.make(tmp_path).harness.state
    state.set_lacking("works without a plugin")
    state.set_trouble("ä" * REPORT_NOTE_BYTES)
    note = state.report().note
    assert note is not None
    assert note.startswith("ää")
    assert len(note.encode()) <= REPORT_NOTE_BYTES
    state.set_trouble(None)
    assert state.report().note == "works without a plugin"


# ---------------------------------------------------------------- secrets and urls

REMOTE = McpServer(
    url="https://mcp.example.com/mcp",
    headers={"Authorization": "Bearer ${TOKEN}", "X-Own": "${OTHER}"},
    secrets={"TOKEN": "/state/secrets/token"},
)


def test_a_server_by_url_and_secrets_by_path(tmp_path: Path) -> None:
    local = McpServer("weather", env={"A": "b"}, secrets={"KEY": "/state/secrets/key"})
    made = config(tmp_path, mcp_servers={"remote": REMOTE, "local": local})
    folder = tmp_path / "state/secrets"
    folder.mkdir()
    (folder / "token").write_text("tok-1\n")
    (folder / "key").write_text("key-1")
    launch = prompts.make_launch(made, "haiku")
    file = tmp_path / "run/claude-mcp-config.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = json.loads(file.read_text())["mcpServers"]
    headers = {"Authorization": "Bearer tok-1", "X-Own": "${OTHER}"}
    assert found["remote"] == {"type": "http", "url": REMOTE.url, "headers": headers}
    assert found["local"]["env"] == {"A": "b", "KEY": "key-1"}
    told = json.dumps(launch.env) + json.dumps(launch.argv)
    assert "tok-1" not in told
    assert "key-1" not in told


@pytest.mark.parametrize("text", [None, "", "  \n", "two\nlines"])
def test_a_server_without_its_secret_is_left_out_until_it_is_there(
    tmp_path: Path, text: str | None
) -> None:
    made = config(tmp_path, mcp_servers={"remote": REMOTE, "free": FREE})
    shown: list[str | None] = []
    has = Equipment(made, lambda _: None, shown.append)
    folder = tmp_path / "state/secrets"
    folder.mkdir()
    if text is not None:
        (folder / "token").write_text(text)
    prompts.make_launch(made, "haiku", equipment=has)
    entries, _ = servers.entries(made)
    assert set(entries) == {"free"}
    assert "its secret TOKEN is not in /state/secrets/token" in str(shown[-1])
    has.heard({"free": "connected"})
    assert "its secret TOKEN" in str(shown[-1])
    (folder / "token").write_text("tok-1")
    prompts.make_launch(made, "haiku", equipment=has)
    has.heard({"free": "connected", "remote": "connected"})
    assert shown[-1] is None


# ---------------------------------------------------------------- plugins


def claude(root: Path, words: str) -> tuple[str, ...]:
    """Return a program in claude's place that does what a shell is told."""
    file = root / "program"
    file.write_text(f"#!/bin/sh\n{words}\n")
    file.chmod(0o755)
    return (str(file),)


async def test_plugins_are_installed_enabled_and_their_skills_allowed(tmp_path: Path) -> None:
    says = """echo "$@" >> calls; echo '{"outcome": "ok", "pluginId": "'${3%%@*}'@house"}'"""
    named = ("one@house", "two@owner/repository")
    rig = fake.make(tmp_path, claude=claude(tmp_path, says), plugins=named)
    harness = rig.harness
    await plugins.install(harness.config, harness.equipment, harness.make_launch)
    assert (tmp_path / "state/calls").read_text().splitlines() == [
        "plugin install one@house --json",
        "plugin install two --marketplace owner/repository --json",
    ]
    argv = (await harness.make_launch()).argv
    assert "Skill" in argv[argv.index("--tools") + 1].split(",")
    allowed = argv[argv.index("--allowedTools") + 1].split(",")
    assert {"Skill(one:*)", "Skill(two:*)"} <= set(allowed)
    settings = json.loads((tmp_path / "run/claude-settings.json").read_text())
    assert settings["enabledPlugins"] == {"one@house": True, "two@house": True}
    assert harness.state.shown is None


async def test_without_plugins_there_is_no_tool_for_their_skills(tmp_path: Path) -> None:
    argv = prompts.make_launch(config(tmp_path), "haiku").argv
    assert "Skill" not in " ".join(argv)


async def test_a_plugin_that_cannot_be_had_is_left_out_with_the_end_of_what_claude_said(
    tmp_path: Path,
) -> None:
    says = "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i >&2; done; exit 1"
    rig = fake.make(tmp_path, claude=claude(tmp_path, says), plugins=("one@house",))
    harness = rig.harness
    await plugins.install(harness.config, harness.equipment, harness.make_launch)
    assert harness.equipment.plugins == ()
    shown = str(harness.state.shown)
    assert shown.endswith("the plugin one@house: installing it failed: line 19…")
    assert harness.equipment.lacks[0].why.splitlines()[-1] == "line 30"
    assert "line 30" in rig.notes


async def test_the_manager_is_told_of_a_plugin_and_the_turns_go_on(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.harness.equipment.plugin_failed("one@house", "no network")
    await run_turns(rig, {}, {})
    (sent,) = rig.hive.sent
    assert "the plugin one@house of my agent.toml: no network" in sent.body


async def test_a_plugin_that_takes_for_ever_is_given_up(tmp_path: Path) -> None:
    named = ("one@house", "two@house")
    rig = fake.make(tmp_path, claude=claude(tmp_path, "exec sleep 1000"), plugins=named)
    harness = rig.harness
    deadlines = plugins.Deadlines(each_s=0.05)
    await plugins.install(harness.config, harness.equipment, harness.make_launch, deadlines)
    whys = [lack.why for lack in harness.equipment.lacks]
    assert len(whys) == 2
    assert all("did not finish in 0.05 s" in why for why in whys)


async def test_all_of_them_together_keep_the_first_turn_waiting_for_so_long_only(
    tmp_path: Path,
) -> None:
    rig = fake.make(tmp_path, claude=claude(tmp_path, "exec sleep 1000"), plugins=("a@b", "c@d"))
    harness = rig.harness
    deadlines = plugins.Deadlines(all_s=0.05)
    await plugins.install(harness.config, harness.equipment, harness.make_launch, deadlines)
    whys = [lack.why for lack in harness.equipment.lacks]
    assert whys == ["all of them took longer than 0.05 s to install"] * 2


async def test_a_claude_that_is_missing_is_a_reason_too(tmp_path: Path) -> None:
    rig = fake.make(tmp_path, claude=(str(tmp_path / "gone"),), plugins=("one@house",))
    harness = rig.harness
    await plugins.install(harness.config, harness.equipment, harness.make_launch)
    assert "No such file" in str(harness.state.shown)
