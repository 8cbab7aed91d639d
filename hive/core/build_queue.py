"""The build queue: one piece of heavy work at a time, in the order it was asked for.

Jobs are rows of the database: what a daemon left unfinished the next one begins again. The worker
is a supervised task that hands its function to `run`; beside it `run_logs` shows what jobs say.
Frames are published and waiters are woken after the commit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import trio

from hive.core.running_job import JobCancelled, Outcome, Running
from hive.errors import Conflict, HiveError, Unavailable
from hive.host import job_log
from hive.store.jobs import NewJob
from hive.wire.dashboard import ApprovalResolved, JobChanged
from hive.wire.jobs import CANCELLED, DONE, FAILED, OVER, QUEUED, JobRow

if TYPE_CHECKING:
    from hive.core.agents import Agents
    from hive.core.broker import Broker, Publish
    from hive.paths import Paths
    from hive.store.jobs import Decided, Finished, JobStore, Posted
    from hive.store.messages import Draft
    from hive.store.reviews import Review
    from hive.wire.approvals import Approval

__all__ = ["BuildQueue", "JobCancelled", "NewJob", "Outcome", "Running", "Ticket", "Work"]

RECENT = 50
"""How many jobs that are over are kept at hand."""
BATCH_S = 0.1
"""How long lines are gathered before they are written and shown."""
FINISH_S = 10.0
"""How long the end of a job may take to be stored while the daemon stops."""


class Ticket:
    """The way to the outcome of a job, for everybody who asked for it."""

    def __init__(self, row: JobRow) -> None:
        """Made by the queue."""
        self.row = row
        """The job as it is now."""
        self._failure: HiveError | None = None
        self._over = trio.Event()
        if row.state in OVER:
            self._end(_failure_of(row))

    async def wait(self) -> JobRow:
        """Wait until it is over; raises what it failed with, `JobCancelled` when cancelled."""
        await self._over.wait()
        if self._failure is not None:
            raise self._failure
        return self.row

    def _end(self, failure: HiveError | None) -> None:
        self._failure = failure
        self._over.set()


Work = Callable[[Running], Awaitable[Outcome]]
"""Does one job; a `HiveError` it raises is the outcome, anything else ends the worker."""


class BuildQueue:
    """Jobs, first in, first out; several askers, one worker."""

    def __init__(
        self, store: JobStore, paths: Paths, *, publish: Publish, broker: Broker, agents: Agents
    ) -> None:
        """Delivers through `broker` and keeps `agents` in step; empty until `load`."""
        self.publish = publish
        self._store = store
        self._paths = paths
        self._broker = broker
        self._agents = agents
        self._tickets: dict[int, Ticket] = {}
        self._running: Running | None = None
        self._more = trio.Event()
        self._said = trio.Event()

    async def load(self) -> None:
        """Take over what was left unfinished; what was under way waits again, in its old place.

        Also for a worker that failed in a daemon that lives on: whoever waits goes on waiting.
        """
        await self._store.requeue()
        rows = [*await self._store.recent(RECENT), *await self._store.unfinished()]
        for row in sorted(rows, key=lambda row: row.id):
            ticket = self._tickets.setdefault(row.id, Ticket(row))
            if ticket.row != row:
                ticket.row = row
                self.publish(JobChanged(row))
            if row.state in OVER:
                # Its end was stored, and whoever stored it did not come to say so.
                ticket._end(_failure_of(row))  # noqa: SLF001 - the two are one mechanism
        self._wake()

    async def submit(self, job: NewJob) -> Ticket:
        """Queue a job; the same job that waits already is answered by its ticket."""
        row, _ = await self._store.add(job)
        return self._put(row)

    async def decide(
        self,
        approval_id: int,
        status: str,
        note: str | None = None,
        *,
        job: NewJob | None = None,
        notice: Draft | None = None,
        review: Review | None = None,
        by: str | None = None,
    ) -> tuple[Approval, Ticket | None]:
        """Decide an approval, with the job that carries it out and the message that tells of it.

        `review` says what becomes of the comments on it. Raises `NotFound`, or `Conflict` when it
        was decided before.
        """
        decided: Decided = await self._store.decide(
            approval_id, status, note, job=job, notice=notice, review=review, by=by
        )
        self.publish(ApprovalResolved(decided.approval))
        ticket = None if decided.job is None else self._put(decided.job)
        self._announce(decided.posted)
        return decided.approval, ticket

    async def cancel(self, number: int, by: str, *, notices: Sequence[Draft] = ()) -> JobRow:
        """Cancel a job that waits, or stop the one that runs, which then undoes its work.

        `notices` are stored with the end of a job that waited; the end of one that runs has its
        own. Returns the job as it is then, which still runs while it undoes. Raises `NotFound`, or
        `Conflict` when it is over or can no longer be undone.
        """
        note = f"cancelled by {by}"
        finished = await self._store.cancel(number, note, notices=notices)
        if finished is not None:
            self._settle(finished, JobCancelled(f"job {number} was {note}"))
            return finished.row
        running = self._current(number)
        if running is not None and running.is_past:
            raise Conflict(f"job {number} is past what can be cancelled: wait for its end")
        if not await self._store.mark_cancelled(number, by):
            row = await self._store.get(number)
            raise Conflict(f"job {number} is {row.state} already")
        # One that is only just being begun looks for the mark itself.
        running = self._current(number)
        if running is not None:
            running.cancel(by)
        return await self._store.get(number)

    def rows(self) -> list[JobRow]:
        """Return all jobs that are not over and the newest that are, oldest first."""
        return [self._tickets[number].row for number in sorted(self._tickets)]

    def ticket(self, number: int) -> Ticket | None:
        """Return the ticket of a job that `rows` names."""
        return self._tickets.get(number)

    async def get(self, number: int) -> JobRow:
        """Return any job; raises `NotFound`."""
        return await self._store.get(number)

    async def log(self, number: int, after: int = 0) -> list[str]:
        """Return what a job said behind its first `after` lines; raises `NotFound`."""
        running = self._current(number)
        if running is not None:
            return await running.read_log(after)
        row = await self._store.get(number)
        lines = await trio.to_thread.run_sync(job_log.read, self._paths.job_log(row.id))
        return lines[max(after, 0) :]

    async def run(
        self, work: Work, after: Callable[[JobRow], Awaitable[None]] | None = None
    ) -> None:
        """Do one job after the other, for ever; a supervised task's body.

        `after` is called with the row of each job that is over.
        """
        while True:
            row = await self.run_next(work)
            if row is not None and after is not None:
                await after(row)

    async def run_next(self, work: Work) -> JobRow | None:
        """Wait for the next job and do it; return it as it is then, None when it was cancelled.

        Cancelled, the job stays as it is: the next daemon begins it again. An error that is none
        of hive's ends the job as failed and is raised here.
        """
        while (row := await self._store.next()) is None:
            more = self._more
            await more.wait()
        try:
            row = await self._store.begin(row.id)
        except Conflict:
            return None  # it was cancelled at the last moment
        running = self._running = Running(self, row, self._paths.job_log(row.id))
        try:
            self._put(row)
            by = await self._store.cancelled_by(row.id)
            if by is not None:
                running.cancel(by)
            return await self._carry_out(running, work)
        finally:
            self._running = None

    async def run_logs(self) -> None:
        """Write and publish what jobs say, gathered; a supervised task's body beside `run`."""
        while True:
            await self._said.wait()
            await trio.sleep(BATCH_S)
            self._said = trio.Event()
            if self._running is not None:
                await self._running.flush()

    async def note_step(self, number: int, text: str) -> JobRow:
        """Store and show what the running job is at."""
        row = await self._store.step(number, text)
        self._put(row)
        return row

    async def keep(self, number: int, more: Mapping[str, str]) -> JobRow:
        """Add to what a job needs; raises `NotFound`, `Conflict` when it is over."""
        row = await self._store.keep(number, more)
        self._put(row)
        return row

    def wake_logs(self) -> None:
        """Say that a job said something."""
        self._said.set()

    async def _carry_out(self, running: Running, work: Work) -> JobRow:
        outcome: Outcome | None = None
        try:
            outcome = await work(running)
        except HiveError as error:
            outcome = Outcome(error)
        finally:
            is_stopping = trio.current_effective_deadline() == float("-inf")
            if outcome is None and not is_stopping:
                text = f"job {running.row.id} ended in a way nobody foresaw: hive's log says why"
                lost = Outcome(Unavailable(text), notices=running.told_if_lost)
                await self._finish(running, lost)
        if outcome.error is not None:
            # While the daemon stops a failure is the stop's: the next one begins the job again.
            await trio.lowlevel.checkpoint_if_cancelled()
        return await self._finish(running, outcome)

    async def _finish(self, running: Running, outcome: Outcome) -> JobRow:
        error = outcome.error
        state = DONE
        if error is not None:
            state = CANCELLED if isinstance(error, JobCancelled) else FAILED
            running.say(error.message)
        note = outcome.note if error is None else error.message
        with trio.move_on_after(FINISH_S, shield=True):
            await running.flush()
            finished = await self._store.finish(
                running.row.id,
                state,
                "; ".join(filter(None, (note, running.log_trouble))) or None,
                approval_failed=error is not None,
                deployed=outcome.deployed,
                children=outcome.children,
                notices=outcome.notices,
            )
            if finished.agent is not None:
                self._agents.took(finished.agent)
            self._settle(finished, error)
            return finished.row
        raise Unavailable(f"the end of job {running.row.id} was not stored within {FINISH_S:g} s")

    def _settle(self, finished: Finished, failure: HiveError | None) -> None:
        """Tell everybody of the end of a job."""
        for child in finished.children:
            self._put(child)
        ticket = self._put(finished.row)
        ticket._end(failure)  # noqa: SLF001 - the two are one mechanism
        if finished.approval is not None:
            self.publish(ApprovalResolved(finished.approval))
        self._announce(finished.posted)
        over = [number for number in sorted(self._tickets) if self._is_over(number)]
        for number in over[:-RECENT]:
            del self._tickets[number]

    def _current(self, number: int) -> Running | None:
        running = self._running
        return running if running is not None and running.row.id == number else None

    def _is_over(self, number: int) -> bool:
        return self._tickets[number].row.state in OVER

    def _put(self, row: JobRow) -> Ticket:
        """Take over a job's row unless a newer one is known; whoever asked may come late."""
        ticket = self._tickets.get(row.id)
        if ticket is None:
            ticket = self._tickets[row.id] = Ticket(row)
            is_news = True
        else:
            is_news = _age(row) >= _age(ticket.row) and row != ticket.row
            if is_news:
                ticket.row = row
        if is_news:
            self.publish(JobChanged(row))
            if row.state == QUEUED:
                self._wake()
        return ticket

    def _announce(self, posted: Sequence[Posted]) -> None:
        for each in posted:
            self._broker.announce(each.draft, each.ids)

    def _wake(self) -> None:
        self._more.set()
        self._more = trio.Event()


def _age(row: JobRow) -> tuple[bool, int, bool]:
    """How far a row has come; of two rows of one job the greater is the newer."""
    return row.state in OVER, row.attempts, row.state != QUEUED


def _failure_of(row: JobRow) -> HiveError | None:
    if row.state == DONE:
        return None
    note = row.note or f"job {row.id} is {row.state}"
    return JobCancelled(note) if row.state == CANCELLED else Conflict(note)
