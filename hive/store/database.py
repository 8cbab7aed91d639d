"""The one door to sqlite: open and migrate a file, write durably, read what is committed.

`write` answers when the transaction is on disk; concurrent writers share one commit (see
`writer`). Small reads run in the caller's own thread on a connection that cannot write: they take
tens of microseconds, a worker thread costs a multiple of that.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import trio

from hive.errors import Unavailable
from hive.store import faults, schema
from hive.store.batch import A, Together, Work
from hive.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

T = TypeVar("T")
Clock = Callable[[], float]
"""Returns Unix seconds."""
Connection = sqlite3.Connection

BUSY_S = 5.0
STATEMENTS = 64
"""How many the writing connection keeps prepared."""
LOG_BYTES = 8 * 1024 * 1024
"""A log of this length is written over and over, see `writer.RESET_FRAMES`, and does not grow."""


class Database:
    """One open sqlite file."""

    def __init__(self, path: Path, writer: Writer, reader: sqlite3.Connection) -> None:
        """Made by `open_database`."""
        self.path = path
        self._writer = writer
        self._reader = reader

    @property
    def commits(self) -> int:
        """How many transactions were committed since it was opened."""
        return self._writer.commits

    async def write(self, work: Work[T], *, is_synced: bool = True) -> T:
        """Run `work` in a transaction; its result is returned when it is on disk.

        Without `is_synced` it is returned sooner: when it outlives every process, and only a power
        cut before the next synced write undoes it.

        `work` may be run twice, only the last run counts, so it keeps nothing but what it returns;
        what it raises undoes it alone and is raised here. Cancelled before it was begun it never
        runs; cancelled later it is completed and its result returned all the same. Raises
        `Unavailable` when the disk or the file fails: then nothing of it is in the database, unless
        the failure was that of a last fsync.
        """
        return await self._writer.write(work, is_synced=is_synced)

    async def write_together(self, kind: Together[A, T], argument: A) -> T:
        """Do as `write` does, with works of one kind done at once for all that wait.

        For what is written often: a hundred rows by one statement cost a fraction of a hundred
        statements. When it raises, it is done for each alone.
        """
        return await self._writer.write_together(kind, argument)

    async def read(self, work: Work[T], *, is_large: bool = False) -> T:
        """Run `work`, which only reads, on what is committed; `is_large` keeps it off the loop.

        Raises `Unavailable` when the file cannot be read.
        """
        if is_large:
            return await trio.to_thread.run_sync(self._read_apart, work)
        await trio.lowlevel.checkpoint_if_cancelled()
        with self._faults():
            return work(self._reader)

    async def close(self) -> None:
        """Finish what waits and close the file, in bounded time."""
        try:
            await self._writer.close()
        finally:
            self._reader.close()

    def _read_apart(self, work: Work[T]) -> T:
        with self._faults():
            connection = _connect(self.path)
            try:
                connection.execute("PRAGMA query_only = ON")
                return work(connection)
            finally:
                connection.close()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if faults.is_fault(error):
                raise faults.explain(error, self.path) from error
            raise


@asynccontextmanager
async def open_database(
    path: Path,
    migrations: Sequence[schema.Migration] = schema.BROKER,
    *,
    log_bytes: int = 0,
    commits_in_loop: bool = False,
) -> AsyncIterator[Database]:
    """Open and migrate the file for as long as the block lasts; close it within seconds.

    The log is made `log_bytes` long at once, for a database that is synced often: a sync that also
    lengthens the file costs a tenth to the whole of it more.
    `commits_in_loop` runs every write in the caller's thread, for tests on a simulated clock that
    must not run on while a thread works. Raises `Unavailable` with the mend.
    """
    connection, reader = await trio.to_thread.run_sync(_open, path, migrations)
    await trio.to_thread.run_sync(_lengthen, path.with_name(path.name + "-wal"), log_bytes)
    writer = Writer(connection, path)
    if not commits_in_loop:
        writer.start()
    database = Database(path, writer, reader)
    try:
        yield database
    finally:
        await database.close()


def _open(
    path: Path, migrations: Sequence[schema.Migration]
) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    opened: list[sqlite3.Connection] = []
    is_done = False
    try:
        _create(path)
        writing = _connect(path, STATEMENTS)
        opened.append(writing)
        # The version is looked at before anything is written: a newer hive's file stays as it is.
        schema.check_version(writing, path, migrations)
        mode = writing.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise Unavailable(
                f"the database {path} cannot keep a write-ahead log here: put it on a local disk"
            )
        writing.execute("PRAGMA synchronous = FULL")
        writing.execute("PRAGMA foreign_keys = ON")
        writing.execute("PRAGMA wal_autocheckpoint = 0")
        schema.migrate(writing, path, migrations)
        reading = _connect(path)
        opened.append(reading)
        reading.execute("PRAGMA query_only = ON")
        is_done = True
    except sqlite3.Error as error:
        raise faults.explain(error, path) from error
    except OSError as error:
        raise Unavailable(
            f"the database {path} cannot be made: {error.strerror}; see that its directory exists"
            " and that hive may write there"
        ) from error
    finally:
        if not is_done:
            for connection in opened:
                connection.close()
    return writing, reading


def _create(path: Path) -> None:
    """Make an empty file that only its owner reads, so that its log gets the same mode."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _lengthen(log: Path, size: int) -> None:
    """Put zeros behind what a log holds, which sqlite reads as its end."""
    # Only speed depends on this: on a full disk the first write says so.
    with suppress(OSError), log.open("ab") as file:
        missing = size - file.tell()
        if missing > 0:
            file.write(bytes(missing))
            file.flush()
            os.fsync(file.fileno())


def _connect(path: Path, statements: int = 64) -> sqlite3.Connection:
    return sqlite3.connect(
        path,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=statements,
    )
