"""The build queue as it is kept: what is to be done, what came of it, and all that follows from it.

A change of a job and everything it entails, approvals, agents' records, further jobs and the
messages that tell of it, are one transaction: no crash leaves one without the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from hive.errors import Conflict, NotFound
from hive.store import approvals, messages, reviews
from hive.store.agents import AgentRecord, Deployed, put_deployed
from hive.wire import approvals as approval_states
from hive.wire.approvals import Approval
from hive.wire.jobs import CANCELLED, OVER, QUEUED, RUNNING, JobRow

if TYPE_CHECKING:
    from hive.store.database import Clock, Connection, Database
    from hive.store.messages import Draft
    from hive.store.reviews import Review

STEP_CHARS = 200
NOTE_CHARS = 4000

_COLUMNS = (
    "id, kind, agent, state, requested_by, created_at, args_json, started_at, ended_at, step, note,"
    " approval_id, parent_id, attempts"
)


@attrs.frozen
class NewJob:
    """What is to be done."""

    kind: str
    """One of `wire.jobs.KINDS`."""
    agent: str | None
    requested_by: str
    args: Mapping[str, str] = attrs.field(factory=dict)
    approval_id: int | None = None
    parent_id: int | None = None


@attrs.frozen
class Posted:
    """A message that was stored with a change, and its id for each of its recipients."""

    draft: Draft
    ids: tuple[int, ...]


@attrs.frozen
class Decided:
    """A decision that was committed, with the job that carries it out, if any."""

    approval: Approval
    job: JobRow | None
    posted: tuple[Posted, ...]


@attrs.frozen
class Finished:
    """The end of a job that was committed, with all that followed from it."""

    row: JobRow
    approval: Approval | None = None
    """The approval that failed with it."""
    children: tuple[JobRow, ...] = ()
    agent: AgentRecord | None = None
    """The record of the agent that was deployed; None: none was."""
    posted: tuple[Posted, ...] = ()


class JobStore:
    """The jobs of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Uses an open broker database; `clock` stamps what happens."""
        self._database = database
        self._clock = clock

    async def add(self, job: NewJob) -> tuple[JobRow, bool]:
        """Queue a job; return it and whether it is new.

        It is not new when the newest job that waits for the same agent is the same: then that is
        returned. What an approval asked for is always new.
        """
        now = self._clock()
        return await self._database.write(lambda connection: _add(connection, job, now))

    async def decide(
        self,
        approval_id: int,
        status: str,
        note: str | None,
        *,
        job: NewJob | None = None,
        notice: Draft | None = None,
        review: Review | None = None,
        by: str | None = None,
    ) -> Decided:
        """Decide a pending approval, queue the job that carries it out, and store the notice.

        `review` says what becomes of the comments on it, and what else tells of them. Raises
        `NotFound`, or `Conflict` when it was decided before.
        """
        now = self._clock()

        def work(connection: Connection) -> Decided:
            approval = approvals.move(
                connection, approval_id, status, note, now, expected=approval_states.PENDING, by=by
            )
            told = [notice]
            if review is not None:
                told.append(reviews.decide(connection, approval, review, now))
                approval = approvals.read(connection, approval_id)
            row = None
            if job is not None:
                row, _ = _add(connection, attrs.evolve(job, approval_id=approval_id), now)
            return Decided(approval, row, _post(connection, [each for each in told if each]))

        return await self._database.write(work)

    async def begin(self, id_: int) -> JobRow:
        """Begin a job that waits, or that was broken off; raises `Conflict` when it is over."""
        now = self._clock()

        def work(connection: Connection) -> JobRow:
            found = _get(connection, id_)
            if found.state in OVER:
                raise Conflict(f"job {id_} is {found.state} already")
            connection.execute(
                "UPDATE jobs SET state = ?, started_at = ?, attempts = attempts + 1 WHERE id = ?",
                (RUNNING, now, id_),
            )
            return _get(connection, id_)

        return await self._database.write(work)

    async def step(self, id_: int, text: str) -> JobRow:
        """Say what a running job is at; a power cut may cost this."""
        query = "UPDATE jobs SET step = ? WHERE id = ?"

        def work(connection: Connection) -> JobRow:
            connection.execute(query, (text[:STEP_CHARS], id_))
            return _get(connection, id_)

        return await self._database.write(work, is_synced=False)

    async def keep(self, id_: int, more: Mapping[str, str]) -> JobRow:
        """Add to what a job needs, for whoever begins it; raises `Conflict` when it is over."""

        def work(connection: Connection) -> JobRow:
            found = _get(connection, id_)
            if found.state in OVER:
                raise Conflict(f"job {id_} is {found.state} already")
            values = (_args_text({**found.args, **more}), id_)
            connection.execute("UPDATE jobs SET args_json = ? WHERE id = ?", values)
            return _get(connection, id_)

        return await self._database.write(work)

    async def finish(
        self,
        id_: int,
        state: str,
        note: str | None = None,
        *,
        approval_failed: bool = False,
        deployed: Deployed | None = None,
        children: Sequence[NewJob] = (),
        notices: Sequence[Draft] = (),
    ) -> Finished:
        """End a job, and do all that follows from it.

        `approval_failed` moves its approval from approved to failed with the same note. Raises
        `Conflict` when the job is over already.
        """
        now = self._clock()

        def work(connection: Connection) -> Finished:
            row = _end(connection, id_, state, note, now)
            agent = None if deployed is None else put_deployed(connection, deployed, now)
            made = [
                _add(connection, attrs.evolve(child, parent_id=id_), now)[0] for child in children
            ]
            return Finished(
                row,
                _fail_approval(connection, row, now) if approval_failed else None,
                tuple(made),
                agent,
                _post(connection, notices),
            )

        return await self._database.write(work)

    async def cancel(
        self, id_: int, note: str, *, notices: Sequence[Draft] = ()
    ) -> Finished | None:
        """Cancel a job that was never begun; its approval, if it has one, has failed then.

        Returns None, and nothing is changed, for any other: what was begun has to be undone. Raises
        `NotFound`.
        """
        now = self._clock()

        def work(connection: Connection) -> Finished | None:
            found = _get(connection, id_)
            if found.state != QUEUED or found.attempts > 0:
                return None
            row = _end(connection, id_, CANCELLED, note, now)
            failed = _fail_approval(connection, row, now)
            return Finished(row, failed, posted=_post(connection, notices))

        return await self._database.write(work)

    async def mark_cancelled(self, id_: int, by: str) -> bool:
        """Keep that a job that was begun is to be undone, or not begun again; False: it is over."""
        begun = "id = ? AND attempts > 0 AND ended_at IS NULL"
        query = f"UPDATE jobs SET cancelled_by = ? WHERE {begun}"
        return await self._database.write(
            lambda connection: connection.execute(query, (by, id_)).rowcount == 1
        )

    async def cancelled_by(self, id_: int) -> str | None:
        """Return who cancelled a job while it ran, in this daemon or in an earlier one."""
        query = "SELECT cancelled_by FROM jobs WHERE id = ?"
        row = await self._database.read(
            lambda connection: connection.execute(query, (id_,)).fetchone()
        )
        return None if row is None else row[0]

    async def requeue(self) -> int:
        """Let what ran when the last daemon ended wait again, in its old place; return how many."""
        query = "UPDATE jobs SET state = ? WHERE state = ?"
        return await self._database.write(
            lambda connection: connection.execute(query, (QUEUED, RUNNING)).rowcount
        )

    async def next(self) -> JobRow | None:
        """Return the oldest job that is not over."""
        found = await self._select("WHERE ended_at IS NULL ORDER BY id LIMIT 1", ())
        return found[0] if found else None

    async def unfinished(self) -> list[JobRow]:
        """Return every job that waits or runs, oldest first."""
        return await self._select("WHERE ended_at IS NULL ORDER BY id", ())

    async def recent(self, limit: int) -> list[JobRow]:
        """Return the newest jobs that are over, newest first."""
        return await self._select("WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT ?", (limit,))

    async def get(self, id_: int) -> JobRow:
        """Return one job; raises `NotFound`."""
        return await self._database.read(lambda connection: _get(connection, id_))

    async def _select(self, where: str, values: tuple[object, ...]) -> list[JobRow]:
        return await self._database.read(lambda connection: _rows(connection, where, values))


def _is_cancelled(connection: Connection, id_: int) -> bool:
    """Whether a job that an earlier daemon began waits only to be undone."""
    found = connection.execute("SELECT cancelled_by FROM jobs WHERE id = ?", (id_,)).fetchone()
    return found[0] is not None


def _add(connection: Connection, job: NewJob, now: float) -> tuple[JobRow, bool]:
    if job.approval_id is None:
        # Only the newest: between two equal jobs another may undo what the first one does.
        where = "WHERE ended_at IS NULL AND agent IS ? ORDER BY id DESC LIMIT 1"
        for waiting in _rows(connection, where, (job.agent,)):
            same = (waiting.kind, waiting.args) == (job.kind, dict(job.args))
            is_plain = waiting.state == QUEUED and waiting.approval_id is None
            if is_plain and same and not _is_cancelled(connection, waiting.id):
                return waiting, False
    cursor = connection.execute(
        "INSERT INTO jobs (kind, agent, state, requested_by, created_at, args_json, approval_id,"
        " parent_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.kind,
            job.agent,
            QUEUED,
            job.requested_by,
            now,
            _args_text(job.args),
            job.approval_id,
            job.parent_id,
        ),
    )
    return _get(connection, cursor.lastrowid or 0), True


def _args_text(args: Mapping[str, str]) -> str:
    return json.dumps(dict(args), sort_keys=True, ensure_ascii=False)


def _end(connection: Connection, id_: int, state: str, note: str | None, now: float) -> JobRow:
    found = _get(connection, id_)
    if found.state in OVER:
        raise Conflict(f"job {id_} is {found.state} already")
    connection.execute(
        "UPDATE jobs SET state = ?, note = ?, ended_at = ? WHERE id = ?",
        (state, None if note is None else note[:NOTE_CHARS], now, id_),
    )
    return _get(connection, id_)


def _fail_approval(connection: Connection, row: JobRow, now: float) -> Approval | None:
    if row.approval_id is None:
        return None
    failed, expected = approval_states.FAILED, approval_states.APPROVED
    try:
        return approvals.move(connection, row.approval_id, failed, row.note, now, expected=expected)
    except Conflict:
        return None  # it has failed before: nobody is told twice


def _post(connection: Connection, drafts: Sequence[Draft]) -> tuple[Posted, ...]:
    return tuple(Posted(draft, tuple(messages.insert(connection, draft))) for draft in drafts)


def _get(connection: Connection, id_: int) -> JobRow:
    found = _rows(connection, "WHERE id = ?", (id_,))
    if not found:
        raise NotFound(f"there is no job {id_}: `hive.pyz queue` lists those there are")
    return found[0]


def _rows(connection: Connection, where: str, values: tuple[object, ...]) -> list[JobRow]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM jobs {where}", values)
    return [_row(row) for row in rows.fetchall()]


def _row(row: tuple[Any, ...]) -> JobRow:
    id_, kind, agent, state, requested_by, created_at, args, *others = row
    return JobRow(id_, kind, agent, state, requested_by, created_at, json.loads(args), *others)
