"""Agents that leave links and traps in the directories they may write to."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import trio

from hive.core import actions, readings
from hive.errors import Unavailable
from hive.host import state_dirs
from hive.wire.names import agent_name
from tests.fakes.running import paths_below, running
from tests.unit.host.test_trees import nest

ALICE = agent_name("alice")


async def test_no_link_in_an_agents_directories_leads_the_daemon_elsewhere(short_tmp: Path) -> None:
    victim = short_tmp / "victim"
    victim.mkdir()
    (victim / "precious").write_text("mine")
    async with running(short_tmp / "r") as daemon:
        await daemon.operator("spawn", name="alice")
        paths = daemon.hive.paths
        for folder in (paths.agent_run(ALICE), paths.agent_state(ALICE), paths.agent_claude(ALICE)):
            for name in ("harness.json", "harness.json.new", "hyperhive-paused", "mcp.sock.new"):
                (folder / name).symlink_to(victim / "precious")
            (folder / "secrets").symlink_to(victim)
        assert (await daemon.operator("set_paused", name="alice", paused=True))["ok"] is False
        for cmd in ("restart", "rebuild", "kill"):
            assert (await daemon.operator(cmd, name="alice"))["ok"]
        assert (await daemon.operator("destroy", name="alice", purge=True))["ok"]
    assert [file.name for file in victim.iterdir()] == ["precious"]
    assert (victim / "precious").read_text() == "mine"


async def test_what_is_mounted_must_be_a_directory_and_no_link(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")
        await daemon.operator("kill", name="alice")
        state = daemon.hive.paths.agent_state(ALICE)
        state.rename(state.with_name("aside"))
        state.symlink_to("/")
        reply = await daemon.operator("start", scope={"agent_names": ["alice"]})
    assert reply["ok"] is False
    assert "is not a directory" in reply["error"]


async def test_an_agent_that_spoils_its_socket_troubles_itself_alone(short_tmp: Path) -> None:
    async with running(short_tmp) as first:
        await first.operator("spawn", name="alice")
        await first.operator("spawn", name="bob")
        socket = first.hive.paths.agent_socket(ALICE)
    socket.unlink(missing_ok=True)
    (socket / "trap").mkdir(parents=True)
    async with running(short_tmp) as second:
        assert (await second.agent("bob", "whoami"))["name"] == "bob"
        with trio.fail_after(5), second.hive.feed.watch() as watch:
            while not (row := second.hive.view.row(ALICE)) or not row.note:
                await watch.next()
        assert "socket" in row.note


async def test_no_link_of_the_manager_leads_a_reminder_or_a_pause_elsewhere(
    short_tmp: Path,
) -> None:
    victim = short_tmp / "victim"
    victim.mkdir()
    async with running(short_tmp / "r") as daemon:
        await daemon.operator("spawn", name="alice")
        paths = daemon.hive.paths
        for planted in (paths.agent_state(ALICE), paths.agent_root(ALICE)):
            (victim / "state").mkdir(exist_ok=True)
            aside = planted.with_name("aside")
            planted.rename(aside)
            planted.symlink_to(victim)
            reply = await daemon.agent(
                "alice", "remind", message="key", delay_seconds=9, file_path="/state/authorized"
            )
            assert reply["kind"] == "error"
            assert "leads through a link" in reply["message"]
            assert not (await daemon.operator("set_paused", name="alice", paused=True))["ok"]
            planted.unlink()
            aside.rename(planted)
    assert list(victim.rglob("*")) == [victim / "state"]


async def test_what_an_agent_planted_does_not_spoil_a_look_at_it(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")
        await daemon.operator("kill", name="alice")
        paths = daemon.hive.paths
        for name in ("hyperhive-rate-limited", "hyperhive-needs-login"):
            (paths.agent_state(ALICE) / name).symlink_to("x" * 300)
        (paths.agents / "zed").symlink_to("x" * 300)
        (paths.agent_claude(ALICE) / ".credentials.json").symlink_to("x" * 300)
        nest(paths.agent_state(ALICE), 3000)
        nest(paths.agent_run(ALICE), 3000)
        assert (await daemon.operator("agent_status"))["ok"]
        assert (await daemon.operator("destroy", name="alice", purge=False))["ok"]
        assert [each.name for each in readings.tombstones(daemon.hive)] == ["alice"]
        await actions.purge_tombstone(daemon.hive, "alice")
        assert readings.tombstones(daemon.hive) == []
        assert {row.restarts for row in daemon.hive.tasks()} == {0}


@pytest.mark.parametrize("place", ["state", "run"])
def test_a_directory_that_another_user_made_is_refused(
    short_tmp: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (short_tmp / place).mkdir()
    we = os.geteuid() + 1
    monkeypatch.setattr("hive.host.state_dirs.os.geteuid", lambda: we)
    with pytest.raises(Unavailable, match="another user"):
        state_dirs.prepare_hive(paths_below(short_tmp))


def test_a_place_that_anybody_can_change_is_refused(short_tmp: Path) -> None:
    short_tmp.chmod(0o777)
    with pytest.raises(Unavailable, match="anybody can change"):
        state_dirs.prepare_hive(paths_below(short_tmp))
    # As /tmp is: there nobody can replace what is somebody else's.
    short_tmp.chmod(0o1777)
    state_dirs.prepare_hive(paths_below(short_tmp))


def test_an_open_mask_opens_no_directory_of_the_hive(short_tmp: Path) -> None:
    mask = os.umask(0)
    try:
        state_dirs.prepare_hive(paths_below(short_tmp))
    finally:
        os.umask(mask)
    for name in ("state", "run"):
        assert stat.S_IMODE((short_tmp / name).stat().st_mode) == 0o750
