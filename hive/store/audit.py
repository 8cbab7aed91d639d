"""The audit log's one writer: waiting entries share an fsync, each answered when it is on disk.

`write` is for what must not be done unrecorded, `put` for what has happened already. The head is
kept in the database as well, so that a log whose end was cut off is found out; that is written
behind the log and not waited for.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

from hive.errors import HiveError, Unavailable
from hive.store import audit_anchor, audit_chain, audit_files
from hive.store.audit_files import AuditFiles, Opened
from hive.wire.audit import FAILED, AuditEntry, AuditHead, AuditReport, AuditRow

if TYPE_CHECKING:
    from hive.store.database import Database

WAITING_MOST = 10_000
"""Entries that wait for a disk which takes none; beyond them the oldest are counted only."""
CLOSE_S = 5.0
AGAIN_S = 5.0

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class _Item:
    entry: AuditEntry
    is_patient: bool
    """Whether it stays until it can be written, because nobody waits for it."""
    n: int = 0
    failure: HiveError | None = None
    is_over: bool = False


class AuditLog:
    """Appends to the files, in the order of the calls; made by `open_log`."""

    def __init__(
        self, files: AuditFiles, folder: Path, database: Database, anchored: AuditHead
    ) -> None:
        """Over files that are open; `anchored` is the head that the database holds."""
        self.trouble: str | None = None
        """Why it cannot be written at the moment, if it cannot."""
        self.dropped = 0
        """How many entries found no place since the log could be written last."""
        self._files = files
        self._folder = folder
        self._database = database
        self._waiting: list[_Item] = []
        self._lock = trio.Lock()
        self._limiter = trio.CapacityLimiter(1)
        self._more = trio.Event()
        self._anchored = anchored

    @property
    def head(self) -> AuditHead:
        """The last line that is on disk."""
        return self._files.head

    async def write(self, entry: AuditEntry) -> int:
        """Append an entry; returns its number when it is on disk.

        Raises `Unavailable` when it cannot be. Cancelled, it is written or not.
        """
        item = _Item(entry, is_patient=False)
        self._waiting.append(item)
        try:
            async with self._lock:
                if not item.is_over:
                    await self._flush()
        finally:
            if not item.is_over and item in self._waiting:
                self._waiting.remove(item)
        self._more.set()
        if item.failure is not None:
            raise item.failure
        return item.n

    def put(self, entry: AuditEntry) -> None:
        """Let an entry be written soon, by `run`; never waits and never raises."""
        if len(self._waiting) >= WAITING_MOST:
            self.dropped += 1
            return
        self._waiting.append(_Item(entry, is_patient=True))
        self._more.set()

    async def flush(self) -> None:
        """Write what was put and is not written yet; a failure is `trouble`, and it stays."""
        async with self._lock:
            if self._waiting:
                await self._flush()

    async def run(self) -> None:
        """Write what was put, and keep the head elsewhere, until cancelled."""
        while True:
            await self._more.wait()
            self._more = trio.Event()
            await self.flush()
            await self._anchor()
            if self.trouble is not None:
                await trio.sleep(AGAIN_S)
                self._more.set()

    async def finish(self) -> None:
        """Write what is left, in bounded time and though cancelled."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_S):
            await self.flush()
            await self._anchor()

    def newest(self, limit: int) -> list[AuditRow]:
        """Return the last lines, newest first, at most `audit_files.NEWEST`."""
        links = list(self._files.newest)[::-1][:limit]
        return [audit_chain.row(link) for link in links]

    async def verify(self) -> AuditReport:
        """Check every line that is on disk now; raises `Unavailable`.

        Nobody who writes waits for it: what comes meanwhile is checked as far as it is seen.
        """
        anchors = [(self.head, "the running daemon"), (self._anchored, "the database")]
        return await trio.to_thread.run_sync(audit_files.verify, self._folder, anchors)

    async def export(
        self,
        *,
        since: float | None,
        until: float | None,
        agent: str | None,
        after: int,
        limit: int,
    ) -> list[str]:
        """Return wanted lines as they are written, at most `limit`, those behind number `after`."""

        def read() -> list[str]:
            lines: list[str] = []
            for _, line in audit_files.export(
                self._folder, since=since, until=until, agent=agent, after=after
            ):
                lines.append(line.decode())
                if len(lines) == limit:
                    break
            return lines

        return await trio.to_thread.run_sync(read)

    async def _flush(self) -> None:
        """Write all that waits; for who holds the lock."""
        batch, self._waiting = self._waiting, []
        append = partial(self._files.append, [item.entry for item in batch])
        try:
            # A thread that writes is waited for: what is half written is nobody's.
            with trio.CancelScope(shield=True):
                links = await trio.to_thread.run_sync(append, limiter=self._limiter)
        except Unavailable as error:
            if self.trouble is None:
                log.error("%s", error)  # noqa: TRY400 - foreseen
            self.trouble = error.message
            self._waiting[:0] = [item for item in batch if item.is_patient]
            for item in batch:
                item.failure = error
                item.is_over = not item.is_patient
            return
        self.trouble = None
        for item, link in zip(batch, links, strict=True):
            item.n = link.n
            item.is_over = True
        if self.dropped:
            lost, self.dropped = self.dropped, 0
            at, detail = batch[-1].entry.at, {"count": lost}
            self.put(AuditEntry(at, "system", "daemon", "lose_lines", "", FAILED, {**detail}))

    async def _anchor(self) -> None:
        """Keep the head in the database; a failure is that database's and is told by its users."""
        head = self.head
        if head == self._anchored:
            return
        try:
            await audit_anchor.save(self._database, head)
        except Unavailable as error:
            log.warning("the head of the audit log is not kept in the database: %s", error)
            return
        self._anchored = head


@asynccontextmanager
async def open_log(folder: Path, database: Database) -> AsyncIterator[tuple[AuditLog, Opened]]:
    """Open the log for as long as the block lasts; raises `Unavailable` with the mend."""
    anchor = await audit_anchor.load(database)
    files = AuditFiles(folder)
    opened = await trio.to_thread.run_sync(files.open, anchor)
    try:
        yield AuditLog(files, folder, database, anchor), opened
    finally:
        files.close()
