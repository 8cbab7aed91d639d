"""A start after an upgrade: older layouts, agents that an older hive built, and who is told."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from hive.errors import Unavailable
from hive.host import program
from hive.host.plain_meta import PlainMeta
from hive.store.agents import Deployed
from hive.wire.jobs import DONE, REBUILD, SPAWN, MetaInput
from hive.wire.names import MANAGER, AgentName
from tests.fakes.running import Running, paths_below, running
from tests.fakes.runtime import BuildScript, FakeHost
from tests.fakes.waiting import until

ALICE, BOB = AgentName("alice"), AgentName("bob")
OLD = Path(__file__).parents[1] / "data/broker-v1.sqlite"


def older_hive(root: Path, *names: str) -> None:
    """Leave what a hive that knew no repositories left: a database and directories."""
    paths = paths_below(root)
    paths.state.mkdir(parents=True, mode=0o750)
    shutil.copy(OLD, paths.broker_db)
    paths.broker_db.chmod(0o600)
    with sqlite3.connect(paths.broker_db) as connection:
        connection.execute("DELETE FROM agents")
        rows = [(name, 1.0, "running") for name in names]
        connection.executemany(
            "INSERT INTO agents (name, created_at, wanted) VALUES (?, ?, ?)", rows
        )
    connection.close()
    for name in names:
        (paths.agents / name / "config").mkdir(parents=True)


async def outdate(daemon: Running, *names: AgentName) -> None:
    """Make agents look as if an older hive had built them."""
    for name in names:
        record = daemon.hive.agents.get(name)
        await daemon.hive.agents.set_deployed(
            Deployed(name, record.deployed_sha, record.deployed_tag, None, record.config, "old")
        )


def started(daemon: Running) -> list[str]:
    return [spec.name for spec in daemon.runtime.started]


def rebuilds(daemon: Running) -> list[str | None]:
    rows = sorted(daemon.hive.queue.rows(), key=lambda row: row.id)
    return [row.agent for row in rows if row.kind == REBUILD]


async def test_agents_of_an_older_hive_get_repositories_and_run(short_tmp: Path) -> None:
    older_hive(short_tmp, "manager", "alice")
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        for name in (MANAGER, ALICE):
            record = hive.agents.get(name)
            assert record.deployed_tag == "deployed/0"
            assert record.deployed_sha == await hive.repos.main(name)
            assert (await hive.meta.locked())[name] == (record.deployed_sha, "deployed/0")
            assert record.config is not None
            await until(lambda name=name: name in started(daemon))  # type: ignore[misc]
        assert hive.paths.broker_db.with_name("broker.sqlite.v1").exists()
        assert hive.paths.migrated.exists()
        assert rebuilds(daemon) == []
    async with running(short_tmp) as again:
        assert (await again.operator("agent_status"))["ok"]


async def test_the_switch_leaves_an_older_layout_alone(short_tmp: Path) -> None:
    older_hive(short_tmp, "manager", "alice")
    async with running(short_tmp, migrate=False) as daemon:
        await until(lambda: "alice" in started(daemon))
        assert daemon.hive.agents.get(ALICE).deployed_sha is None
        assert not await daemon.hive.repos.has_proposed(ALICE)
        assert not daemon.hive.paths.migrated.exists()


async def test_one_that_cannot_be_migrated_runs_and_its_row_says_why(short_tmp: Path) -> None:
    older_hive(short_tmp, "manager", "alice", "bob")
    junk = paths_below(short_tmp).agent_config(ALICE) / "junk"
    junk.write_text("not a repository")
    host = FakeHost()
    async with running(short_tmp, host) as daemon:
        await until(lambda: {"alice", "bob"} <= set(started(daemon)))
        assert daemon.hive.agents.get(ALICE).deployed_sha is None
        assert daemon.hive.agents.get(BOB).deployed_tag == "deployed/0"
    junk.unlink()
    async with running(short_tmp, host) as again:
        assert again.hive.agents.get(ALICE).deployed_tag == "deployed/0"


async def test_what_an_older_hive_built_is_built_anew_the_manager_first(short_tmp: Path) -> None:
    host = FakeHost()
    async with running(short_tmp, host) as daemon:
        for name in ("bob", "alice"):
            assert (await daemon.operator("spawn", name=name))["ok"]
        await outdate(daemon, MANAGER, ALICE, BOB)
        await daemon.hive.view.rescan()
        assert all(row.needs_update for row in daemon.hive.view.rows())
    async with running(short_tmp, host) as daemon:
        await until(
            lambda: (
                [row.state for row in daemon.hive.queue.rows() if row.kind == REBUILD] == [DONE] * 3
            )
        )
        assert rebuilds(daemon) == ["manager", "alice", "bob"]
        assert started(daemon) == ["manager", "alice", "bob"]
        await daemon.hive.view.rescan()
        assert not any(row.needs_update for row in daemon.hive.view.rows())
    async with running(short_tmp, host) as daemon:
        assert started(daemon) == []


async def test_without_auto_update_they_run_on_and_say_that_they_are_old(short_tmp: Path) -> None:
    host = FakeHost()
    async with running(short_tmp, host) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        await outdate(daemon, ALICE)
    async with running(short_tmp, host, auto_update=False) as daemon:
        await daemon.hive.view.rescan()
        assert [(row.name, row.needs_update) for row in daemon.hive.view.rows()] == [
            ("manager", False),
            ("alice", True),
        ]
        assert started(daemon) == []


async def test_the_manager_is_told_once_of_who_became_stale_by_a_newer_daemon(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = FakeHost()
    async with running(short_tmp, host) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
    monkeypatch.setattr(program, "revision", lambda: "newer")
    for _ in range(2):
        async with running(short_tmp, host, auto_update=False) as daemon:
            rows = await daemon.hive.broker.recent(MANAGER, 50)
    told = [row.body for row in rows if "needs_update" in row.body]
    assert told == ['{"event": "needs_update", "agent": "alice"}']


async def test_who_does_not_run_gets_this_hive_by_being_started(short_tmp: Path) -> None:
    host = FakeHost()
    async with running(short_tmp, host) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        await outdate(daemon, MANAGER, ALICE)
        for name in (MANAGER, ALICE):
            await daemon.runtime.stop(name, grace_s=0)
    host.containers.clear()
    async with running(short_tmp, host) as daemon:
        await until(lambda: set(started(daemon)) == {"manager", "alice"})
        assert rebuilds(daemon) == []
        await daemon.hive.view.rescan()
        assert not any(row.needs_update for row in daemon.hive.view.rows())


async def test_a_newer_hive_that_cannot_be_fetched_keeps_nobody_from_being_built_anew(
    short_tmp: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = FakeHost()
    async with running(short_tmp, host) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        await outdate(daemon, ALICE)

    async def newer(_: PlainMeta) -> list[MetaInput]:
        return [MetaInput("hyperhive", "old", is_stale=True)]

    async def refuses(*words: object) -> bool:
        raise Unavailable(f"no network {len(words)}")

    monkeypatch.setattr(PlainMeta, "inputs", newer)
    monkeypatch.setattr(PlainMeta, "update", refuses)
    async with running(short_tmp, host) as daemon:
        await until(lambda: started(daemon) == ["alice"])
    assert "no network" in caplog.text


async def test_a_manager_that_was_never_made_comes_before_who_is_built_anew(
    short_tmp: Path,
) -> None:
    host = FakeHost()
    fails = {"manager": BuildScript(fails="no such package")}
    async with running(short_tmp, host, builds=fails) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        await outdate(daemon, ALICE)
        last = max(row.id for row in daemon.hive.queue.rows())
    async with running(short_tmp, host) as daemon:
        asked = [(row.kind, row.agent) for row in daemon.hive.queue.rows() if row.id > last]
    assert asked == [(SPAWN, "manager"), (REBUILD, "alice")]


async def test_a_meta_repository_that_cannot_be_used_holds_nobody_up(
    short_tmp: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]

    async def refuses(*words: object) -> bool:
        raise Unavailable(f"no room {len(words)}")

    monkeypatch.setattr(PlainMeta, "sync", refuses)
    async with running(short_tmp) as daemon:
        await until(lambda: set(started(daemon)) == {"manager", "alice"})
    assert "no room" in caplog.text
