"""Keeps one row per turn, for the statistics; no turn ever waits for it.

It is told of every frame, makes a row of each turn and puts it into a bounded queue that a task of
its own writes, through the one door to sqlite. A row that cannot be written waits; what does not
fit is counted, and page and statistics say both. The file is open only while it is used.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import TypeVar

import trio

from hive.agent.driver import Line
from hive.agent.turn_count import MESSAGE, Ended, TurnCount, wake_of
from hive.errors import HiveError
from hive.store.database import open_database
from hive.store.turn_stats import MIGRATIONS, TurnStats
from hive.wire.live import LiveFrame, Stream, TurnStart
from hive.wire.stats import Turn

T = TypeVar("T")

WAITING_MOST = 1000
"""Rows that wait for a file which cannot be written; what comes then is lost, and counted."""
PAUSE_S = 0.25
RETRY_S = 60.0
SWEEP_S = 3600.0
DAY_S = 86400.0


class TurnKeeper:
    """The statistics of one agent."""

    def __init__(
        self,
        file: Path,
        clock: Callable[[], float],
        note: Callable[[str], None],
        model: Callable[[], str],
        keep_days: float = 90.0,
    ) -> None:
        """Keep them in `file`, for so many days; nothing is opened before `run`.

        `model` says which one is asked for now.
        """
        self.problem: str | None = None
        """Why they are not kept, when they are not."""
        self.lost = 0
        """Turns that are in no file and never will be."""
        self._file = file
        self._clock = clock
        self._note = note
        self._model = model
        self._keep_s = keep_days * DAY_S
        self._count: TurnCount | None = None
        self._is_message = False
        self._waiting: deque[Turn] = deque()
        self._more = trio.Event()
        self._door = trio.Lock()

    def see(self, frame: LiveFrame) -> None:
        """Take a frame that is published; never blocks."""
        if isinstance(frame, TurnStart):
            self._count = self._begin(wake_of(frame), frame.from_)
            self._is_message = True
        elif isinstance(frame, Stream):
            if self._count is None and _begins(frame.line):
                self._count, self._is_message = self._begin("system", ""), False
            if self._count is not None:
                self._count.feed(frame.line)

    def record(self, ended: Ended) -> None:
        """Put the turn that is over into the queue; never blocks, and never raises.

        What hive did of its own accord is kept only when a model was called for it.
        """
        count, self._count = self._count, None
        is_message = ended.kind == MESSAGE
        if count is not None and is_message == self._is_message and (is_message or count.has_cost):
            self._put(count, ended)

    def _put(self, count: TurnCount, ended: Ended) -> None:
        if len(self._waiting) >= WAITING_MOST:
            self.lost += 1
            return
        self._waiting.append(count.end(ended, self._model(), self._clock(), trio.current_time()))
        self._more.set()

    @property
    def faults(self) -> list[str]:
        """What is wrong with the statistics, in sentences."""
        found = []
        if self.problem is not None:
            waiting = len(self._waiting)
            found.append(f"{self.problem}; {waiting} turns wait to be written")
        if self.lost:
            found.append(f"{self.lost} turns are in no statistics: they could not be written")
        return found

    async def sum(self, since: float, make: Callable[[Iterable[Turn]], T]) -> T:
        """Return what `make` makes of the turns since then, newest first, those that wait too.

        It is called in a thread. Raises `Unavailable` when the file cannot be read.
        """
        waiting = [turn for turn in reversed(self._waiting) if turn.ended_at >= since]
        async with self._opened() as store:
            return await store.sum(since, lambda turns: make(chain(waiting, turns)))

    async def page(self, since: float, before: int, limit: int) -> list[tuple[int, Turn]]:
        """Return turns that ended since then with ids below `before`, newest first, with ids."""
        async with self._opened() as store:
            return await store.page(before, since, limit)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write what waits, and drop what is past its keep, until cancelled; then the rest."""
        task_status.started()
        swept_at = -SWEEP_S
        try:
            while True:
                self._more = trio.Event()
                is_due = trio.current_time() - swept_at >= SWEEP_S
                if is_due:
                    swept_at = trio.current_time()
                if await self._write(sweep=is_due):
                    with trio.move_on_after(SWEEP_S):
                        await self._more.wait()
                    await trio.sleep(PAUSE_S)
                else:
                    await trio.sleep(RETRY_S)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 0.5):
                await self._write()

    async def _write(self, *, sweep: bool = False) -> bool:
        """Write what waits; False, and a sentence on the page, when the file does not take it."""
        batch = list(self._waiting)
        if not batch and not sweep:
            return True
        try:
            async with self._opened() as store:
                if batch:
                    await store.append(batch)
                for _ in batch:
                    self._waiting.popleft()
                if sweep:
                    await store.sweep(self._clock() - self._keep_s)
        except HiveError as error:
            if self.problem is None:
                self._note(f"the statistics of turns are not being kept: {error.message}")
            self.problem = error.message
            return False
        self.problem = None
        return True

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[TurnStats]:
        async with self._door, open_database(self._file, MIGRATIONS) as database:
            yield TurnStats(database)

    def _begin(self, wake: str, sender: str) -> TurnCount:
        return TurnCount(self._clock(), trio.current_time(), wake, sender)


def _begins(line: Line) -> bool:
    """Whether a line that comes between two turns is of something hive does then."""
    subtypes = ("init", "status")
    return line.get("type") in ("assistant", "result") or line.get("subtype") in subtypes
