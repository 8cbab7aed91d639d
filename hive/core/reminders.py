"""Reminders: what an agent wants to be told later, and telling it then.

A body too long for a message is put into a file in the agent's state directory when it is set, so
that a failure is told to whoever can act on it; what is delivered then points at the file.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import attrs
import trio

from hive.errors import BadRequest, NotFound
from hive.host import state_files
from hive.store.messages import Draft
from hive.store.reminders import Delivery, ReminderStore
from hive.wire.dashboard import RemindersChanged
from hive.wire.limits import BODY_BYTES, check_size
from hive.wire.messages import FROM_PEER, FROM_SYSTEM, Reminder
from hive.wire.names import REMINDER, AgentName

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hive.core.broker import Broker, Publish
    from hive.store.database import Clock

DUE_BATCH = 100
FOLDER = "reminders"
PREVIEW = 300
PATH_BYTES = 1024
"""Of a `file_path`; the pointer to it has to be a message of its own."""
FURTHEST_S = 366 * 86400.0


@attrs.frozen
class StateDir:
    """Where an agent's state is on the host, and how the agent sees it."""

    host: Path
    inside: str


class Reminders:
    """Sets, lists, cancels and delivers."""

    def __init__(
        self,
        store: ReminderStore,
        broker: Broker,
        *,
        clock: Clock,
        state_dir: Callable[[AgentName], StateDir],
        publish: Publish,
    ) -> None:
        """Delivers through `broker`; long bodies go below `state_dir`, frames to `publish`."""
        self._store = store
        self._broker = broker
        self._clock = clock
        self._state_dir = state_dir
        self._publish = publish

    async def remind(
        self,
        agent: AgentName,
        message: str,
        *,
        delay_seconds: float | None = None,
        at_unix_timestamp: float | None = None,
        file_path: str | None = None,
        dedupe_key: str | None = None,
    ) -> int:
        """Set a reminder at exactly one of the two times and return its id.

        Raises `BadRequest`, `Conflict` when too many are pending, `Unavailable` when the file for
        a long body cannot be written.
        """
        now = self._clock()
        due_at = _due_at(now, delay_seconds, at_unix_timestamp)
        if not message:
            raise BadRequest("the reminder is empty: say what to be reminded of")
        if dedupe_key is not None:
            known = await self._store.find(agent, dedupe_key)
            if known is not None:
                return known
        # Asked before the file is written: what is refused must leave no trace.
        await self._store.check_room(agent)
        text, path = await self._spill(agent, message, file_path, now)
        reminder = Reminder(
            id=0,
            agent=agent,
            message=text,
            file_path=path,
            due_at=due_at,
            created_at=now,
            attempt_count=0,
            last_error=None,
        )
        number = await self._store.add(reminder, dedupe_key)
        self._publish(RemindersChanged(agent))
        return number

    async def pending(self, agent: AgentName | None = None) -> list[Reminder]:
        """What is not delivered yet, the next due first: everybody's, or one agent's."""
        return await self._store.pending(agent)

    async def count_pending(self, agent: AgentName) -> int:
        """How many are pending for an agent."""
        return await self._store.count_pending(agent)

    async def counts(self) -> dict[str, int]:
        """How many are pending, by agent; agents without any are left out."""
        return await self._store.counts()

    async def cancel(self, id_: int, agent: AgentName | None = None) -> None:
        """Delete a pending reminder: anybody's, or one of `agent`; raises `NotFound`."""
        self._publish(RemindersChanged(await self._store.cancel(id_, agent)))

    async def retry(self, id_: int) -> None:
        """Let one that was given up on be tried again; raises `NotFound`."""
        self._publish(RemindersChanged(await self._store.retry(id_)))

    async def retry_all(self, agent: AgentName) -> None:
        """Let every one of an agent that was tried be tried again: it is there once more."""
        if await self._store.retry_all(agent):
            self._publish(RemindersChanged(agent))

    async def run_due(self, now: float) -> int:
        """Deliver what is due (Unix seconds), at most `DUE_BATCH`; return how many were delivered.

        One whose agent does not exist is tried a few times and then left to the operator. Raises
        `Unavailable` with nothing delivered when the database fails.
        """
        deliveries = []
        for reminder in await self._store.due(now, DUE_BATCH):
            try:
                self._broker.check_recipient(reminder.agent)
            except NotFound as error:
                await self._store.fail(reminder.id, error.message)
                self._publish(RemindersChanged(reminder.agent))
                continue
            # hive tells it, and the words are the agent's own.
            draft = Draft(
                REMINDER,
                (reminder.agent,),
                reminder.message,
                now,
                origin=FROM_SYSTEM,
                via=(FROM_PEER,),
            )
            deliveries.append(Delivery(reminder.id, draft))
        if not deliveries:
            return 0
        stored = await self._store.deliver(deliveries, now)
        for draft, ids in stored:
            self._broker.announce(draft, ids)
        for agent in sorted({to for draft, _ in stored for to in draft.recipients}):
            self._publish(RemindersChanged(agent))
        return len(stored)

    async def _spill(
        self, agent: AgentName, message: str, file_path: str | None, now: float
    ) -> tuple[str, str | None]:
        """Return what to deliver and, when the body went into a file, the path the agent sees."""
        size = _size(message)
        if file_path is None and size <= BODY_BYTES:
            return message, None
        where = self._state_dir(agent)
        parts = _parts(file_path, where.inside) if file_path else _new_name(message, now)
        await trio.to_thread.run_sync(state_files.write_below, where.host, parts, message)
        path = "/".join((where.inside.rstrip("/"), *parts))
        begin = message[:PREVIEW]
        return f"The reminder ({size} bytes) is in {path}. It begins:\n{begin}", path


def _due_at(now: float, delay: float | None, at: float | None) -> float:
    if delay is not None and at is None:
        if not 0 <= delay <= FURTHEST_S:
            raise BadRequest("delay_seconds must be between 0 and a year's worth")
        return now + delay
    if at is not None and delay is None:
        if not 0 <= at <= now + FURTHEST_S:
            raise BadRequest("at_unix_timestamp must be Unix seconds, at most a year ahead")
        return at
    raise BadRequest("give exactly one of delay_seconds and at_unix_timestamp")


def _size(message: str) -> int:
    try:
        return len(message.encode())
    except UnicodeEncodeError as error:
        raise BadRequest("the reminder is not valid Unicode: remove the lone surrogate") from error


def _parts(file_path: str, inside: str) -> tuple[str, ...]:
    """Return a path the agent gave as names below its state directory."""
    check_size("file_path", file_path, PATH_BYTES)
    root = inside.rstrip("/") + "/"
    if file_path.startswith("/") and not file_path.startswith(root):
        raise BadRequest(f"file_path must be below {inside}, or relative to it")
    return tuple(file_path.removeprefix(root).split("/"))


def _new_name(message: str, now: float) -> tuple[str, ...]:
    mark = hashlib.sha256(message.encode()).hexdigest()[:12]
    return (FOLDER, f"{int(now)}-{mark}.md")
