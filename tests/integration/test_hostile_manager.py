"""A manager that means harm: what it puts where nobody looks is never what an agent is given."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hive.host import state_dirs, trees
from hive.nursery import event_vacuum
from hive.paths import Paths
from hive.wire.names import agent_name
from tests.fakes import manager_git
from tests.fakes.running import Running, running
from tests.fakes.runtime import Script

BOB = agent_name("bob")
EVIL = 'description = "evil"\n'


def plant(daemon: Running) -> str:
    """Commit what nobody approved to the repository of bob."""
    return manager_git.commit(daemon.hive.paths.agent_config(BOB), {"agent.toml": EVIL})


async def test_what_was_planted_before_a_spawn_is_not_deployed_unseen(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.hive.repos.seed_proposed(BOB)
        plant(daemon)
        reply = await daemon.operator("spawn", name="bob")
        assert "nobody approved it: request-spawn shows it first" in reply["error"]
        assert BOB not in daemon.hive.agents
        asked = await daemon.operator("request_spawn", name="bob")
        shown = await daemon.operator("diff", id=asked["approval_id"])
        assert '+description = "evil"' in shown["diff"]["text"]
        assert (await daemon.operator("approve", id=asked["approval_id"]))["ok"]
        assert daemon.hive.agents.get(BOB).config.description == "evil"  # type: ignore[union-attr]


async def test_a_revival_that_fails_brings_nothing_else_the_next_time(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="bob"))["ok"]
        ran = daemon.hive.agents.get(BOB).deployed_sha
        assert (await daemon.operator("destroy", name="bob", purge=False))["ok"]
        plant(daemon)
        daemon.runtime.scripts[BOB] = Script(fails="not today")
        first = await daemon.operator("revive", name="bob")
        assert not (await daemon.operator("approve", id=first["approval_id"]))["ok"]
        assert await daemon.hive.repos.main(BOB) == ran
        daemon.runtime.scripts.clear()
        second = await daemon.operator("revive", name="bob")
        (waiting,) = (await daemon.operator("pending"))["approvals"]
        assert waiting["fetched_sha"] == ran
        assert (await daemon.operator("approve", id=second["approval_id"]))["ok"]
        assert daemon.hive.agents.get(BOB).deployed_sha == ran


async def test_a_broken_repository_keeps_nobody_from_being_revived(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="bob"))["ok"]
        assert (await daemon.operator("destroy", name="bob", purge=False))["ok"]
        repo = daemon.hive.paths.agent_config(BOB)
        repo.rename(repo.with_name("moved"))
        repo.symlink_to("/etc")
        asked = await daemon.operator("revive", name="bob")
        assert asked["ok"], asked


def test_any_number_of_directories_costs_one_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = Paths(tmp_path / "state", tmp_path / "run")
    for number in range(300):
        folder = paths.agents / f"a{number}"
        folder.mkdir(parents=True)
        (folder / "one").write_text("x")
        (folder / "two").write_text("x")
    monkeypatch.setattr(trees, "ENTRIES_MAX", 20)
    found = state_dirs.tombstones(paths, set())
    assert len(found) == state_dirs.TOMBSTONES_MAX
    assert sum(each.size_bytes for each in found) == 20


async def test_a_new_agent_is_not_asked_for_as_a_change(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.hive.repos.seed_proposed(BOB)
        sha = plant(daemon)
        asked = await daemon.agent("manager", "request_apply_commit", agent="bob", commit_ref=sha)
        again = await daemon.agent("manager", "request_apply_commit", agent="bob", commit_ref=sha)
        assert asked == again
        (waiting,) = (await daemon.operator("pending"))["approvals"]
        assert (waiting["kind"], waiting["fetched_sha"]) == ("apply_commit", sha)
        assert waiting["description"] == "Makes this agent, which is not there yet."
        assert (await daemon.operator("approve", id=asked["id"]))["ok"]
        assert daemon.hive.agents.get(BOB).deployed_sha == sha


async def test_a_broken_repository_keeps_nobody_from_being_rebuilt(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="bob"))["ok"]
        repo = daemon.hive.paths.agent_config(BOB)
        (repo / ".git/config").write_text("[broken")
        assert (await daemon.operator("rebuild", name="bob"))["ok"]
        shutil.rmtree(repo)
        assert (await daemon.operator("rebuild", name="bob"))["ok"]
        (row,) = [row for row in daemon.hive.queue.rows() if row.kind == "rebuild"][-1:]
        log = await daemon.hive.queue.log(row.id, 0)
        assert any("has no remote `applied` now" in line for line in log)


def test_histories_of_those_who_are_there_are_swept_first(tmp_path: Path) -> None:
    for number in range(event_vacuum.GONE_MAX + 50):
        (tmp_path / f"a{number}").mkdir()
    (tmp_path / "bob").mkdir()
    (tmp_path / "..evil").mkdir()
    found = event_vacuum._names(tmp_path, {"bob"})
    assert found[0] == "bob"
    assert len(found) == 1 + event_vacuum.GONE_MAX


def test_a_removal_ends_although_somebody_keeps_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bob"
    folder.mkdir()
    (folder / "first").write_text("")
    unlink, written = trees._unlink, 0

    def refilled(name: str, at: int) -> bool:
        nonlocal written
        written += 1
        # Bounded, so that a removal that never ends fails this test instead of stopping it.
        if written < 20_000:
            (folder / f"n{written}").write_text("")
        return unlink(name, at)

    monkeypatch.setattr(trees, "_unlink", refilled)
    monkeypatch.setattr(trees, "REMOVE_S", 0.05)
    with pytest.raises(OSError, match="somebody keeps writing to it"):
        trees.remove(folder)
