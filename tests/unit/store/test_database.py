"""The door to sqlite: durable writes, shared commits, failures alone, cancellation, closing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from hive.errors import BadRequest, Unavailable
from hive.store.database import Database, open_database


def _make_table(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE notes (text TEXT UNIQUE)")


@pytest.fixture
async def notes(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "notes.sqlite", (_make_table,)) as database:
        yield database


def _put(text: str) -> object:
    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO notes VALUES (?)", (text,))
        return text

    return work


def _texts(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT text FROM notes ORDER BY rowid")]


class Gate:
    """Holds the writer inside a work until opened, so that others gather behind it."""

    def __init__(self) -> None:
        self._held = os.pipe()
        self._opened = os.pipe()

    def hold(self, _: sqlite3.Connection) -> None:
        os.write(self._held[1], b"x")
        os.read(self._opened[0], 1)

    async def wait_held(self) -> None:
        """Wait until the writer is inside and what comes now waits behind it."""
        await trio.lowlevel.wait_readable(self._held[0])

    def open(self) -> None:
        os.write(self._opened[1], b"x")

    def close(self) -> None:
        for file in (*self._held, *self._opened):
            os.close(file)


@pytest.fixture
def gate() -> object:
    made = Gate()
    yield made
    made.close()


async def test_a_write_is_read_back_at_once(notes: Database) -> None:
    assert await notes.write(_put("one")) == "one"
    assert await notes.read(_texts) == ["one"]
    assert await notes.read(_texts, is_large=True) == ["one"]


def _does_sync(connection: sqlite3.Connection) -> bool:
    connection.execute("INSERT INTO notes VALUES (NULL)")
    return bool(connection.execute("PRAGMA synchronous").fetchone()[0] == 2)


async def test_a_commit_waits_for_the_disk_unless_none_of_its_works_needs_that(
    notes: Database, gate: Gate
) -> None:
    alone: list[bool] = []
    shared: list[bool] = []

    async def write(into: list[bool], *, is_synced: bool) -> None:
        into.append(await notes.write(_does_sync, is_synced=is_synced))

    for is_synced in (True, False, True, False):
        await write(alone, is_synced=is_synced)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notes.write, gate.hold)
        await gate.wait_held()
        nursery.start_soon(partial(write, shared, is_synced=False))
        nursery.start_soon(partial(write, shared, is_synced=True))
        await trio.testing.wait_all_tasks_blocked()
        gate.open()
    assert alone == [True, False, True, False]
    assert shared == [True, True]


async def test_concurrent_writers_share_one_commit(notes: Database, gate: Gate) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notes.write, gate.hold)
        await gate.wait_held()
        before = notes.commits
        for number in range(100):
            nursery.start_soon(notes.write, _put(str(number)))
        await trio.testing.wait_all_tasks_blocked()
        gate.open()
    assert notes.commits == before + 2  # the one that was held, and one for all the others
    assert len(await notes.read(_texts)) == 100


async def test_a_failing_work_fails_alone(notes: Database, gate: Gate) -> None:
    results: dict[str, object] = {}

    def half_way(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes VALUES ('half')")
        raise BadRequest("no")

    async def attempt(name: str, work: object) -> None:
        try:
            results[name] = await notes.write(work)
        except (BadRequest, sqlite3.IntegrityError) as error:
            results[name] = type(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(notes.write, gate.hold)
        await gate.wait_held()
        for name, work in (("a", _put("a")), ("bad", half_way), ("b", _put("b"))):
            nursery.start_soon(attempt, name, work)
        nursery.start_soon(attempt, "first", _put("same"))
        nursery.start_soon(attempt, "second", _put("same"))
        await trio.testing.wait_all_tasks_blocked()
        gate.open()
    assert results["bad"] is BadRequest
    assert {results["first"], results["second"]} == {"same", sqlite3.IntegrityError}
    assert sorted(await notes.read(_texts)) == ["a", "b", "same"]


async def test_a_write_cancelled_while_it_waits_never_runs(notes: Database, gate: Gate) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notes.write, gate.hold)
        await gate.wait_held()
        with trio.CancelScope() as scope:
            scope.cancel()
            await notes.write(_put("before"))
        with trio.move_on_after(0.001) as scope:
            await notes.write(_put("waiting"))
        assert scope.cancelled_caught
        gate.open()
    assert await notes.read(_texts) == []


async def test_a_write_cancelled_while_it_runs_is_completed(notes: Database, gate: Gate) -> None:
    results: list[str] = []

    def slow(connection: sqlite3.Connection) -> str:
        gate.hold(connection)
        return _put("done")(connection)

    async def cancelled() -> None:
        with scope:
            results.append(await notes.write(slow))

    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cancelled)
        await gate.wait_held()
        scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        gate.open()
    assert results == ["done"]
    assert await notes.read(_texts) == ["done"]


async def test_closing_flushes_what_waits_and_refuses_what_comes(
    tmp_path: Path, gate: Gate
) -> None:
    path = tmp_path / "notes.sqlite"
    async with trio.open_nursery() as nursery:
        async with open_database(path, (_make_table,)) as database:
            nursery.start_soon(database.write, gate.hold)
            await gate.wait_held()
            nursery.start_soon(database.write, _put("last"))
            await trio.testing.wait_all_tasks_blocked()
            gate.open()
        with pytest.raises(Unavailable, match="is closed"):
            await database.write(_put("late"))
    async with open_database(path, (_make_table,)) as database:
        assert await database.read(_texts) == ["last"]
    assert not path.with_name("notes.sqlite-wal").exists()


async def test_a_writer_that_hangs_does_not_stop_the_stop(
    tmp_path: Path, gate: Gate, autojump_clock: trio.testing.MockClock
) -> None:
    opened = open_database(tmp_path / "notes.sqlite", (_make_table,))
    async with trio.open_nursery() as nursery:
        database = await opened.__aenter__()
        nursery.start_soon(database.write, gate.hold)
        await gate.wait_held()
        with pytest.raises(Unavailable, match="did not finish within 5 s"):
            await opened.__aexit__(None, None, None)
        gate.open()


async def test_a_full_database_says_so_and_goes_on_when_there_is_room(notes: Database) -> None:
    def limit(pages: int) -> object:
        return lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()

    await notes.write(limit(4))
    with pytest.raises(Unavailable, match=r"notes.sqlite cannot grow, its disk is full: free"):
        await notes.write(_put("x" * 50_000))
    assert await notes.read(_texts) == []
    await notes.write(limit(1_000_000))
    await notes.write(_put("x" * 50_000))
    assert len(await notes.read(_texts)) == 1


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    path.write_bytes(b"this is a text" * 1000)
    with pytest.raises(Unavailable, match=r"notes.sqlite is not a hive database"):
        async with open_database(path):
            pass
    assert path.read_bytes() == b"this is a text" * 1000


async def test_a_damaged_page_is_an_error_and_not_an_empty_list(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    async with open_database(path, (_make_table,)) as database:
        await database.write(_put("one"))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    async with open_database(path, (_make_table,)) as database:
        with pytest.raises(Unavailable, match="is damaged"):
            await database.read(_texts)
        with pytest.raises(Unavailable, match="is damaged"):
            await database.read(_texts, is_large=True)
        with pytest.raises(Unavailable, match="is damaged"):
            await database.write(_texts)


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="see that its directory exists"):
        async with open_database(tmp_path / "nowhere" / "notes.sqlite"):
            pass


async def test_a_database_held_by_another_program_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hive.store.database.BUSY_S", 0.0)
    path = tmp_path / "notes.sqlite"
    async with open_database(path, (_make_table,)) as database:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="held by another program"):
            await database.write(_put("one"))
        other.execute("ROLLBACK")
        other.close()
        await database.write(_put("two"))


async def test_a_read_cannot_write(notes: Database) -> None:
    with pytest.raises(Unavailable, match="cannot be written"):
        await notes.read(_put("one"))


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    async with open_database(path, (_make_table,)) as database:
        await database.write(_put("one"))
        log = path.with_name("notes.sqlite-wal")
        assert [path.stat().st_mode & 0o777, log.stat().st_mode & 0o777] == [0o600, 0o600]


async def test_every_commit_is_synced(notes: Database) -> None:
    def settings(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await notes.write(settings) == ["wal", 2, 1]


async def test_the_log_is_brought_in_while_writing_and_stays_small(
    notes: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hive.store.writer.CHECKPOINT_FRAMES", 200)
    monkeypatch.setattr("hive.store.writer.RESET_FRAMES", 20)
    for number in range(1500):
        await notes.write(_put(str(number)))
    log = notes.path.with_name("notes.sqlite-wal")
    assert log.stat().st_size < 1500 * 4096
    assert len(await notes.read(_texts)) == 1500


async def test_a_database_in_the_loop_keeps_the_same_promises(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    async with open_database(path, (_make_table,), commits_in_loop=True) as database:
        await database.write(_put("one"))
        with pytest.raises(sqlite3.IntegrityError):
            await database.write(_put("one"))
    async with open_database(path, (_make_table,)) as database:
        assert await database.read(_texts) == ["one"]


async def test_a_log_made_long_beforehand_holds_nothing_and_takes_everything(
    tmp_path: Path,
) -> None:
    path = tmp_path / "notes.sqlite"
    log = path.with_name("notes.sqlite-wal")
    for number in range(3):
        async with open_database(path, (_make_table,), log_bytes=100_000) as database:
            assert log.stat().st_size >= 100_000
            assert len(await database.read(_texts)) == number
            await database.write(_put(str(number)))
            assert log.stat().st_size >= 100_000


async def test_a_long_log_left_by_a_killed_process_is_read_to_its_end(tmp_path: Path) -> None:
    path, copy = tmp_path / "notes.sqlite", tmp_path / "copy.sqlite"
    async with open_database(path, (_make_table,), log_bytes=100_000) as database:
        await database.write(_put("one"))
        for suffix in ("", "-wal"):
            shutil.copy(str(path) + suffix, str(copy) + suffix)
    async with open_database(copy, (_make_table,), log_bytes=200_000) as database:
        assert await database.read(_texts) == ["one"]
        await database.write(_put("two"))
