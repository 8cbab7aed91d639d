"""Migrations: numbered, whole or not at all, a copy first, newer files refused, old ones opened."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from hive.errors import Unavailable
from hive.store import audit_anchor, schema
from hive.store.database import open_database
from hive.store.jobs import JobStore, NewJob
from hive.store.message_index import MessageIndex
from hive.store.network import NetworkStore
from hive.store.notifications import NotificationStore
from hive.store.notify_rows import Route
from hive.store.reviews import ReviewStore
from hive.wire.agent_config import AgentConfig
from hive.wire.audit import AuditHead
from hive.wire.names import AgentName
from hive.wire.search_query import parse
from tests.fakes.post import open_post

DATA = Path(__file__).parents[2] / "data"
RELEASED = sorted(DATA.glob("broker-v*.sqlite"))


def _first(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE one (a)")


def _second(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE two (b)")


def _broken(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE three (c)")
    raise Unavailable("half way")


def _tables(path: Path) -> tuple[int, set[str]]:
    connection = sqlite3.connect(path)
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    version = schema.version_of(connection)
    connection.close()
    return version, names


async def _open(path: Path, *migrations: schema.Migration) -> None:
    async with open_database(path, migrations):
        pass


async def test_migrations_run_once_each_in_order(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    await _open(path, _first)
    await _open(path, _first, _second)
    await _open(path, _first, _second)
    assert _tables(path) == (2, {"one", "two"})


async def test_an_older_file_is_copied_aside_before_it_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    await _open(path, _first)
    assert not (tmp_path / "x.sqlite.v0").exists()
    await _open(path, _first, _second)
    assert _tables(tmp_path / "x.sqlite.v1") == (1, {"one"})
    assert stat.S_IMODE((tmp_path / "x.sqlite.v1").stat().st_mode) == 0o600


async def test_a_migration_that_fails_leaves_the_version_before_it(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    await _open(path, _first)
    with pytest.raises(Unavailable, match="half way"):
        await _open(path, _first, _second, _broken)
    assert _tables(path) == (2, {"one", "two"})


async def test_a_newer_file_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    await _open(path, _first, _second)
    before = path.read_bytes()
    with pytest.raises(Unavailable, match="has version 2 and this hive knows 1"):
        await _open(path, _first)
    assert path.read_bytes() == before


def test_there_is_a_database_of_every_version() -> None:
    versions = [_tables(path)[0] for path in RELEASED]
    assert versions == list(range(1, len(schema.BROKER) + 1))


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.stem)
async def test_a_database_of_a_past_version_opens_with_all_it_held(
    released: Path, tmp_path: Path
) -> None:
    shutil.copy(released, tmp_path / "broker.sqlite")
    async with open_post(tmp_path) as post:
        assert [row.acked_at is None for row in await post.broker.history(10)] == [
            False,
            True,
            True,
        ]
        (leased,) = await post.broker.recv("bob")
        assert (leased.body, leased.redelivered) == ("wait for me", True)
        assert [each.status for each in await post.approvals.history(9)] == ["denied"]
        assert [each.agent for each in await post.approvals.pending()] == ["cy"]
        assert [each.question for each in await post.questions.pending()] == ["tea?"]
        assert [each.message for each in await post.reminders.pending()] == ["water the plants"]
        assert [each.name for each in await post.agents.all()] == ["ada", "bob"]


async def test_a_database_of_version_1_is_brought_to_version_2_beside_a_copy(
    tmp_path: Path,
) -> None:
    path = tmp_path / "broker.sqlite"
    shutil.copy(DATA / "broker-v1.sqlite", path)
    async with open_post(tmp_path) as post:
        ada, bob = await post.agents.all()
        assert {each.deployed_sha for each in (ada, bob)} == {None}
        assert {each.config for each in (ada, bob)} == {None}
        jobs = JobStore(post.database, post.clock)
        assert await jobs.unfinished() == []
        await jobs.add(NewJob("rebuild", "ada", "operator"))
    assert _tables(path)[0] == len(schema.BROKER)
    version, names = _tables(tmp_path / "broker.sqlite.v1")
    assert version == 1
    assert "jobs" not in names
    async with open_post(tmp_path) as post:
        assert len(await JobStore(post.database, post.clock).unfinished()) == 1


async def test_a_database_of_version_2_keeps_its_queue_and_its_deployments(
    tmp_path: Path,
) -> None:
    shutil.copy(DATA / "broker-v2.sqlite", tmp_path / "broker.sqlite")
    async with open_post(tmp_path) as post:
        jobs = JobStore(post.database, post.clock)
        assert [(row.kind, row.state, row.attempts) for row in await jobs.unfinished()] == [
            ("restart", "queued", 0),
            ("meta_update", "running", 1),
        ]
        assert [(row.kind, row.state) for row in await jobs.recent(5)] == [("rebuild", "done")]
        ada, bob = await post.agents.all()
        assert (ada.deployed_sha, ada.deployed_tag, ada.hive_rev) == (
            "c" * 40,
            "deployed/0",
            "abc",
        )
        assert ada.config == AgentConfig(description="reads logs")
        assert bob.config is None


async def test_a_database_of_version_3_keeps_its_marks_and_the_head_of_the_log(
    tmp_path: Path,
) -> None:
    shutil.copy(DATA / "broker-v3.sqlite", tmp_path / "broker.sqlite")
    async with open_post(tmp_path) as post:
        assert [row.via for row in await post.broker.history(10)] == [(), (), ("peer",)]
        assert await audit_anchor.load(post.database) == AuditHead(2, "ab" * 32)
    assert audit_anchor.look(tmp_path / "broker.sqlite") == AuditHead(2, "ab" * 32)


async def test_a_database_of_version_3_keeps_what_agents_reached(tmp_path: Path) -> None:
    shutil.copy(DATA / "broker-v3.sqlite", tmp_path / "broker.sqlite")
    async with open_post(tmp_path) as post:
        store = NetworkStore(post.database)
        (rows,) = (await store.reached()).values()
        assert [(row.host, row.verdict, row.count) for row in rows] == [
            ("pypi.org", "allowed", 3),
            ("evil.example", "denied", 1),
        ]
        assert [each.host for each in (await store.connections())[AgentName("ada")]] == [
            "evil.example"
        ]


async def test_a_database_of_version_3_is_indexed_step_by_step_after_it_was_opened(
    tmp_path: Path,
) -> None:
    shutil.copy(DATA / "broker-v3.sqlite", tmp_path / "broker.sqlite")
    async with open_post(tmp_path) as post:
        index = MessageIndex(post.database)
        everything = len(await post.broker.history(99))
        assert await index.behind() == everything
        await index.step()
        assert await index.behind() == 0
        found = await index.search(parse("wait", 0.0), before=None, limit=9, seconds=20)
        assert [each.recipient for each in found.found] == ["bob"]
    assert _tables(tmp_path / "broker.sqlite.v3")[0] == 3


async def test_a_database_of_version_4_tells_of_nothing_that_was_there_before(
    tmp_path: Path,
) -> None:
    shutil.copy(DATA / "broker-v4.sqlite", tmp_path / "broker.sqlite")
    async with open_post(tmp_path) as post:
        store = NotificationStore(post.database)
        assert await store.route(lambda _: [Route("browser", "x")], 1.0, 30.0) == 0
        await post.broker.send("ada", "operator", "now")
        assert await store.route(lambda _: [Route("browser", "x")], 1.0, 30.0) == 1


async def test_a_database_of_version_5_keeps_who_decided_and_what_was_said_of_lines(
    tmp_path: Path,
) -> None:
    shutil.copy(DATA / "broker-v5.sqlite", tmp_path / "broker.sqlite")
    async with open_post(tmp_path) as post:
        (denied,) = await post.approvals.history(9)
        assert (denied.resolved_by, denied.comments) == ("operator", 1)
        (said,) = await ReviewStore(post.database, post.clock).of(denied.id)
        assert (said.path, said.line, said.text) == ("agent.toml", 3, "why the dear one?")


async def test_a_database_of_version_6_keeps_what_is_to_be_told_and_whom_to_push_to(
    tmp_path: Path,
) -> None:
    shutil.copy(DATA / "broker-v6.sqlite", tmp_path / "broker.sqlite")
    async with open_post(tmp_path) as post:
        store = NotificationStore(post.database)
        assert [each.label for each in await store.subscriptions()] == ["phone"]
        assert await store.route(lambda _: [Route("browser", "x")], 1.0, 30.0) == 1
        assert [each.newest.text for each in await store.due(1.0)] == ["tea?"]
