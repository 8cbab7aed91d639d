"""Whose an agent's directories are, before and after an older hive's were given away."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hive.config import HarnessConfig
from hive.errors import BadRequest
from hive.host import owners, state_dirs, state_files
from hive.paths import Paths
from hive.wire.names import MANAGER, AgentName

ALICE = AgentName("alice")
BOB = AgentName("bob")
MANAGERS = 1_900_000_000
USER = 1_900_000_001


def _about(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


def _harness(name: AgentName) -> HarnessConfig:
    words = dict.fromkeys(
        ("run_dir", "state_dir", "claude_dir", "home", "shared_dir", "path"), "/nowhere"
    )
    return HarnessConfig(label=name, role="agent", claude=("claude",), hive=("hive",), **words)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A hive of two agents as an older one left it."""
    made = Paths(tmp_path / "state", tmp_path / "run")
    mask = os.umask(0o027)
    try:
        state_dirs.prepare_hive(made)
        for name in (MANAGER, ALICE, BOB):
            state_dirs.prepare(made, name, _harness(name), {"KEY": "secret"})
            (made.agent_claude(name) / ".credentials.json").write_text("login")
            (made.agent_socket(name)).touch(0o660)
        (made.shared / "old").mkdir()
        (made.shared / "old/file").write_text("x")
        (made.all_applied / "alice").mkdir()
        (made.all_applied / "alice/agent.toml").write_text("")
    finally:
        os.umask(mask)
    return made


if os.geteuid() == 0:

    def test_the_directories_of_an_agent_are_its_users(paths: Paths) -> None:
        owners.settle(paths, ALICE, USER, MANAGERS)
        assert _about(paths.agent_root(ALICE)) == (0, 0, 0o755)
        assert _about(paths.agent_state(ALICE)) == (USER, USER, 0o755)
        assert _about(paths.agent_claude(ALICE)) == (USER, USER, 0o700)
        assert _about(paths.agent_claude(ALICE) / ".credentials.json")[:2] == (USER, USER)
        assert _about(paths.agent_run(ALICE)) == (USER, USER, 0o755)
        assert _about(paths.agent_socket(ALICE))[:2] == (USER, USER)
        assert _about(paths.agent_config(ALICE)) == (MANAGERS, MANAGERS, 0o755)

    def test_what_it_is_given_it_can_read_and_not_change(paths: Paths) -> None:
        owners.settle(paths, ALICE, USER, MANAGERS)
        secrets = paths.given(ALICE) / "secrets"
        assert _about(paths.given(ALICE)) == (0, USER, 0o750)
        assert _about(secrets) == (0, USER, 0o750)
        assert _about(secrets / "KEY") == (0, USER, 0o640)

    def test_a_socket_made_anew_is_its_too(paths: Paths) -> None:
        owners.settle(paths, ALICE, USER, MANAGERS)
        paths.agent_socket(ALICE).unlink()
        paths.agent_socket(ALICE).touch()
        owners.settle(paths, ALICE, USER, MANAGERS)
        assert _about(paths.agent_socket(ALICE))[:2] == (USER, USER)

    def test_with_the_manager_all_proposed_repositories_become_the_managers(paths: Paths) -> None:
        (paths.agents / "a-file").touch()
        (paths.agents / "a-link").symlink_to(paths.agents / "bob")
        owners.settle(paths, MANAGER, MANAGERS, MANAGERS)
        assert _about(paths.agent_config(BOB))[0] == MANAGERS
        assert _about(paths.agent_state(BOB))[0] == 0

    def test_what_was_shared_is_the_managers_and_everybody_may_add(paths: Paths) -> None:
        owners.prepare_hive(paths, MANAGERS)
        assert _about(paths.shared) == (0, 0, 0o1777)
        assert _about(paths.shared / "old/file")[0] == MANAGERS
        (paths.shared / "by-root").touch()
        owners.prepare_hive(paths, MANAGERS)
        assert _about(paths.shared / "by-root")[0] == 0

    def test_a_login_is_closed_also_of_an_agent_that_is_gone_and_through_no_link(
        paths: Paths,
    ) -> None:
        victim = paths.state.parent / "victim"
        (victim / "claude").mkdir(parents=True, mode=0o755)
        (paths.agents / "a-link").symlink_to(victim)
        paths.agent_claude(BOB).chmod(0o755)
        owners.prepare_hive(paths, MANAGERS)
        assert _about(paths.agent_claude(BOB))[2] == 0o700
        assert _about(victim / "claude")[2] == 0o755

    def test_only_what_users_need_can_be_walked_through(paths: Paths) -> None:
        owners.prepare_hive(paths, MANAGERS)
        modes = {
            folder.name: _about(folder)[2]
            for folder in (paths.state, paths.run, paths.agents, paths.all_applied, paths.meta)
        }
        assert modes == {
            "state": 0o750,
            "run": 0o750,
            "agents": 0o755,
            "applied": 0o755,
            "meta": 0o755,
        }
        assert _about(paths.all_applied / "alice/agent.toml")[2] == 0o644
        assert _about(paths.given(ALICE).parent)[2] == 0o711

    def test_where_users_are_shared_again_all_comes_back(paths: Paths) -> None:
        owners.settle(paths, ALICE, USER, MANAGERS)
        owners.settle(paths, ALICE, 0, 0)
        for folder in (paths.agent_state(ALICE), paths.agent_claude(ALICE), paths.agent_run(ALICE)):
            assert _about(folder)[:2] == (0, 0)
        assert _about(paths.agent_claude(ALICE) / ".credentials.json")[:2] == (0, 0)

    def test_what_the_daemon_writes_for_an_agent_is_the_agents(paths: Paths) -> None:
        owners.settle(paths, ALICE, USER, MANAGERS)
        state = paths.agent_state(ALICE)
        state_files.write_below(state, ("reminders", "one.md"), "text")
        state_files.write_below(state, ("forge-token",), "token", 0o600)
        for part in ("reminders", "reminders/one.md", "forge-token"):
            assert _about(state / part)[:2] == (USER, USER)
        state_dirs.mark_paused(paths, ALICE, True)
        assert _about(state / "hyperhive-paused")[:2] == (USER, USER)
        (state / "elsewhere").symlink_to("/tmp")
        with pytest.raises(BadRequest):
            state_files.write_below(state, ("elsewhere", "x"), "text")

    def test_a_login_that_root_left_becomes_the_agents_and_its_harness_notices(
        paths: Paths,
    ) -> None:
        owners.settle(paths, ALICE, USER, MANAGERS)
        claude = paths.agent_claude(ALICE)
        login, victim = claude / ".credentials.json", paths.state / "victim"
        login.unlink()
        login.write_text("by the operator")
        os.utime(login, (1, 1))
        (claude / "backups").mkdir()
        (claude / "backups/one").write_text("x")
        victim.write_text("x")
        (claude / "planted").hardlink_to(victim)
        owners.take_login(paths, ALICE, USER)
        assert {_about(path)[0] for path in (login, claude / "backups/one")} == {USER}
        assert login.stat().st_mtime > 1
        assert _about(victim)[0] == 0


def test_nothing_changes_where_the_daemon_is_an_ordinary_user(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    we = os.geteuid()
    before = _about(paths.agent_state(ALICE))
    monkeypatch.setattr(os, "geteuid", lambda: we + 1)
    owners.settle(paths, ALICE, USER, MANAGERS)
    owners.give_made(paths.agent_config(ALICE), USER)
    assert _about(paths.agent_state(ALICE)) == before
