"""The one writer of a database: waiting works share a commit, each answered when it is on disk.

A long-lived thread owns the writing connection. Whatever waits when it becomes free is run in one
transaction, so a hundred senders cost one fsync; how a failing work fails alone stands in `batch`.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, TypeVar, cast

import outcome
import trio

from hive.errors import Unavailable
from hive.store import faults
from hive.store.batch import Item, Together, Work, run_apart, run_as_one_statement, run_bare

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

T = TypeVar("T")
A = TypeVar("A")

CLOSE_DEADLINE_S = 5.0
GATHER_SHARE = 0.25
GATHER_EACH_S = 40e-6
GATHER_MAX_S = 0.004
SWITCH_S = 0.0005
"""How long this thread and the loop hold the interpreter against each other; 5 ms by default."""
CHECKPOINT_FRAMES = 1000
RESET_FRAMES = 1900
"""Frames are pages of 4 KiB in the log; from this many on it is begun anew at its start."""


class Writer:
    """Runs works on the writing connection; `commits` counts what reached the disk."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Takes the connection over; nothing runs until `start`."""
        self.commits = 0
        self._connection = connection
        self._path = path
        self._pending: deque[Item] = deque()
        self._nudges: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._wake_at = 0
        self._expected = 1
        self._commit_s = 0.0
        self._is_closing = False
        self._is_threaded = False
        self._stopped = trio.Event()
        self._frames = 0
        self._syncs = True
        self._is_checkpointing = False
        self._must_reset = False

    def start(self) -> None:
        """Start the thread; without it works run in the caller's own."""
        self._is_threaded = True
        sys.setswitchinterval(SWITCH_S)
        self._token = trio.lowlevel.current_trio_token()
        trio.lowlevel.start_thread_soon(self._run, self._ended, "hive-database")

    async def write(self, work: Work[T], *, is_synced: bool = True) -> T:
        """Run `work` in a transaction and return its result once that is on disk.

        Without `is_synced` the kernel has it and the disk may not: it outlives every process, and
        only a power cut undoes it, unless a later write has been synced. Cancelled before the
        writer took it, the work never ran; cancelled later, it is completed and its result
        returned. Raises what the work raised, or `Unavailable`.
        """
        return cast("T", await self._submit(Item(work, is_synced=is_synced)))

    async def write_together(self, kind: Together[A, T], argument: A) -> T:
        """Do as `write` does, for works of one kind: it gets all arguments that wait at once.

        When it raises, it is called for each of them alone, so that the failing one fails alone.
        """
        return cast("T", await self._submit(Item(None, kind, argument)))

    async def _submit(self, item: Item) -> object:
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._is_closing:
            raise Unavailable(f"the database {self._path} is closed: hive is stopping")
        if not self._is_threaded:
            self._commit([item])
            await trio.lowlevel.cancel_shielded_checkpoint()
            done: object = item.outcome.unwrap()
            return done
        item.task = trio.lowlevel.current_task()
        pending = self._pending
        pending.append(item)
        if 0 < self._wake_at <= len(pending):
            self._wake_at = 0
            self._nudges.put(None)

        def abort(_: object) -> trio.lowlevel.Abort:
            try:
                pending.remove(item)
            except ValueError:
                return trio.lowlevel.Abort.FAILED
            return trio.lowlevel.Abort.SUCCEEDED

        result: object = await trio.lowlevel.wait_task_rescheduled(abort)
        return result

    async def close(self) -> None:
        """Finish what waits, bring the log into the file and let go of it.

        Raises `Unavailable` when the disk does not let that happen within `CLOSE_DEADLINE_S`.
        """
        self._is_closing = True
        if self._is_threaded:
            self._nudges.put(None)
            with trio.move_on_after(CLOSE_DEADLINE_S, shield=True):
                await self._stopped.wait()
            if not self._stopped.is_set():
                raise Unavailable(
                    f"the database {self._path} did not finish within {CLOSE_DEADLINE_S:g} s:"
                    " check its disk; what was answered is safe"
                )
        else:
            self._finish()

    def _run(self) -> None:
        while (batch := self._take()) is not None:
            self._commit(batch)
            try:
                self._token.run_sync_soon(self._deliver, batch)
            except trio.RunFinishedError:
                break
        self._finish()

    def _take(self) -> list[Item] | None:
        """Wait for works and take all that wait; None when closed and nothing is left."""
        pending = self._pending
        while not pending:
            if self._is_closing:
                return None
            self._wake_at = 1
            if not pending:
                self._nudges.get()
            self._wake_at = 0
        self._gather()
        batch: list[Item] = []
        try:
            while True:
                batch.append(pending.popleft())
        except IndexError:
            return batch or self._take()

    def _gather(self) -> None:
        """Wait a moment for those who were answered by the last commit and will write again.

        Without it, closed-loop senders fall into halves that wait for each other's commits, and
        the more commits there are the less of the machine is left for the senders.
        """
        goal = self._expected
        missing = goal - len(self._pending)
        if missing <= 0 or self._is_closing:
            return
        window = max(self._commit_s * GATHER_SHARE, missing * GATHER_EACH_S)
        self._wake_at = goal
        if len(self._pending) < goal:
            with contextlib.suppress(queue.Empty):
                self._nudges.get(timeout=min(window, GATHER_MAX_S))
        self._wake_at = 0

    def _commit(self, batch: list[Item]) -> None:
        """Run a batch in one transaction and leave every item with its outcome."""
        connection = self._connection
        try:
            if self._must_reset:
                self._reset_log()
            self._set_syncs(any(item.is_synced for item in batch))
            start = time.perf_counter()
            if not run_as_one_statement(connection, batch):
                connection.execute("BEGIN IMMEDIATE")
                failed = run_bare(connection, batch)
                if failed:
                    connection.execute("ROLLBACK")
                    if len(batch) > 1:
                        connection.execute("BEGIN IMMEDIATE")
                        run_apart(connection, batch)
                start = time.perf_counter()
                if connection.in_transaction:
                    connection.execute("COMMIT")
            if self._syncs:
                self._commit_s += (time.perf_counter() - start - self._commit_s) / 8
            self.commits += 1
        except sqlite3.Error as error:
            self._fail(batch, error)
        # Whoever wrote while this commit ran is to be expected again, and half of a drop forgotten.
        seen = len(batch) + len(self._pending)
        self._expected = max(seen, (self._expected + seen) // 2)
        # A row is some 200 bytes and has two indices, so about so many pages were written.
        self._frames += 4 + len(batch) // 8

    def _set_syncs(self, syncs: bool) -> None:
        """Say, between two transactions, whether a commit waits for the disk.

        A commit that waits brings every earlier one to the disk as well: they share one log.
        """
        if syncs != self._syncs:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if syncs else 'NORMAL'}")
            self._syncs = syncs

    def _fail(self, batch: list[Item], error: sqlite3.Error) -> None:
        # When not even this works the next batch says so: it cannot begin.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        for item in batch:
            item.outcome = outcome.Error(faults.explain(error, self._path))

    def _deliver(self, batch: list[Item]) -> None:
        reschedule = trio.lowlevel.reschedule
        for item in batch:
            if item.task is not None:
                reschedule(item.task, item.outcome)
        if self._frames >= CHECKPOINT_FRAMES and not self._is_checkpointing:
            self._frames = 0
            self._is_checkpointing = True
            trio.lowlevel.start_thread_soon(self._checkpoint, self._checkpointed, "hive-checkpoint")

    def _checkpoint(self) -> int:
        """Bring the log into the file beside the writer; return the frames the log holds."""
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            row = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        finally:
            connection.close()
        return int(row[1])

    def _checkpointed(self, result: outcome.Outcome[int]) -> None:
        """Ask the writer to restart a log that grew too long while it was being brought in."""
        if isinstance(result, outcome.Error):
            log.warning("%s: the log was not brought into the file: %s", self._path, result.error)
        elif result.unwrap() > RESET_FRAMES:
            self._must_reset = True
        self._is_checkpointing = False

    def _reset_log(self) -> None:
        # What was written during the last checkpoint is little; after it the log starts anew.
        self._must_reset = False
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _finish(self) -> None:
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            log.warning("%s: its log stays beside it: %s", self._path, error)
        self._connection.close()

    def _ended(self, result: outcome.Outcome[None]) -> None:
        if isinstance(result, outcome.Error):
            log.error("the writer of %s ended: %r", self._path, result.error)
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._stopped.set)
