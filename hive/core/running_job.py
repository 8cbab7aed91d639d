"""A job of the build queue while it is done: its steps, its log, its cancelling, its outcome."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import attrs
import trio

from hive.errors import Conflict, HiveError
from hive.host import job_log
from hive.wire.dashboard import JobLogged

if TYPE_CHECKING:
    from pathlib import Path

    from hive.store.agents import Deployed
    from hive.store.jobs import NewJob
    from hive.store.messages import Draft
    from hive.wire.jobs import JobRow

PENDING_LINES = 20_000
"""How many lines may wait to be written; beyond them the oldest are left out."""
FRAME_LINES = 500
"""How many lines a frame has at most."""


class JobCancelled(Conflict):
    """The job was cancelled; nothing of it is left in place."""


@attrs.frozen
class Outcome:
    """What came of a job, stored as one transaction with its end.

    A job with `error` has failed, or was cancelled when that is `JobCancelled`, and so has its
    approval.
    """

    error: HiveError | None = None
    note: str | None = None
    """A word about a job that is done."""
    deployed: Deployed | None = None
    children: Sequence[NewJob] = ()
    notices: Sequence[Draft] = ()


class Queue(Protocol):
    """What a running job needs of its queue."""

    def publish(self, frame: object) -> None:
        """Put a frame on the feed."""
        ...

    def wake_logs(self) -> None:
        """Say that a job said something."""
        ...

    async def note_step(self, number: int, text: str) -> JobRow:
        """Store and show what the running job is at."""
        ...

    async def keep(self, number: int, more: Mapping[str, str]) -> JobRow:
        """Add to what a job needs."""
        ...


class Running:
    """A job that is being done, as its work sees it."""

    def __init__(self, queue: Queue, row: JobRow, path: Path) -> None:
        """Made by the queue; what is said goes to the file at `path`."""
        self.row = row
        self.cancelled_by: str | None = None
        self.log_trouble: str | None = None
        """Why the file lacks something of what was said."""
        self._queue = queue
        self._path = path
        self._log: job_log.JobLog | None = None
        self._unwritten: deque[str] = deque(maxlen=PENDING_LINES)
        self._dropped = 0
        self._writing = trio.Lock()
        self._scope = trio.CancelScope()
        self._is_entered = False
        self.is_past = False
        """Whether it is too late to cancel it."""
        self.told_if_lost: Sequence[Draft] = ()
        """What is told when it ends in a way nobody foresaw."""

    @contextmanager
    def cancellable(self) -> Iterator[None]:
        """Let the block be cancelled: it ends then, and `JobCancelled` is raised behind it.

        Once per job, around all that can be undone. Without it, or behind it, a job runs to its
        end.
        """
        if self._is_entered:
            raise RuntimeError("a job has one part that can be cancelled")
        self._is_entered = True
        try:
            with self._scope:
                yield
        finally:
            self.is_past = True
        if self._scope.cancelled_caught:
            raise JobCancelled(f"job {self.row.id} was cancelled by {self.cancelled_by}")

    async def step(self, text: str) -> None:
        """Say what is done now, in a few words; a line of the log as well."""
        self.say(f"== {text}")
        self.row = await self._queue.note_step(self.row.id, text)

    async def keep(self, **more: str) -> None:
        """Store what another attempt of this job has to know; it is on disk then."""
        self.row = await self._queue.keep(self.row.id, more)

    def say(self, text: str) -> None:
        """Put what a program said into the log; without anything a terminal would act upon."""
        lines = job_log.clean(text)
        self._dropped += max(len(self._unwritten) + len(lines) - PENDING_LINES, 0)
        self._unwritten.extend(lines)
        self._queue.wake_logs()

    async def flush(self) -> None:
        """Write and publish what was said; a file that cannot be written is `log_trouble`."""
        async with self._writing:
            lines = list(self._unwritten)
            if self._dropped:
                lines.insert(0, f"({self._dropped} lines were left out)")
            if not lines:
                return
            self._dropped = 0
            self._unwritten.clear()
            try:
                # What was taken out is written, whoever is cancelled.
                with trio.CancelScope(shield=True):
                    before = await trio.to_thread.run_sync(self._write, lines)
            except OSError as error:
                self.log_trouble = f"its log could not be written: {error.strerror}"
                return
            for start in range(0, len(lines), FRAME_LINES):
                some = tuple(lines[start : start + FRAME_LINES])
                self._queue.publish(JobLogged(self.row.id, some, before + start))

    async def read_log(self, after: int) -> list[str]:
        """Return the lines behind the first `after`."""
        await self.flush()
        return await trio.to_thread.run_sync(self._read, after)

    def cancel(self, by: str) -> None:
        """Cancel what can be cancelled."""
        self.cancelled_by = by
        self._scope.cancel()

    def _write(self, lines: Sequence[str]) -> int:
        if self._log is None:
            self._log = job_log.JobLog(self._path, is_new=self.row.attempts == 1)
        return self._log.write(lines)

    def _read(self, after: int) -> list[str]:
        return [] if self._log is None else self._log.read(after)
