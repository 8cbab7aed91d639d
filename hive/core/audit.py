"""What is recorded of actions: who acts, what is begun and how it ends, and what was denied.

A surface says by `acting` who is at work; what is done inside of the block is that somebody's.
`recorded` writes that an action is begun before it is done, so that a disk which takes no line
refuses the action, and its end behind it. What others can cause as often as they like is gathered
per actor, so that nobody floods the log: `denied`, `counted`, and the actions of an agent that does
too much.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

import attrs
import trio

from hive.core import audit_gathering
from hive.core.audit_gathering import Event, Gathering
from hive.errors import HiveError, Unavailable
from hive.wire.audit import BEGUN, DONE, FAILED, REFUSED, AuditEntry, AuditReport, AuditRow, Scalar

if TYPE_CHECKING:
    from hive.store.audit import AuditLog

P = ParamSpec("P")
T = TypeVar("T")

AGENT_SOCKET = audit_gathering.AGENT_SOCKET
AGENT_BURST = 60.0
AGENT_EACH_S = 10.0
"""An agent causes lines of its own for so many actions at once, and for one more after each time
of this length; further ones are gathered."""
NOBODY = "nobody"
"""Whoever has not shown who it is."""


@attrs.frozen
class Who:
    """Who acts, and from where."""

    actor: str
    surface: str
    detail: dict[str, Scalar] = attrs.field(factory=dict)


HIVE_ITSELF = Who("system", "daemon")
_WHO: ContextVar[Who] = ContextVar("hive_who", default=HIVE_ITSELF)


def who() -> Who:
    """Return who acts here."""
    return _WHO.get()


def whoever() -> str:
    """Return who acts here and from where, for people."""
    someone = who()
    if someone.surface == "token":
        return f"{someone.actor} (token {someone.detail.get('token', '')})"
    return f"{someone.actor} (command line)" if someone.surface == "socket" else someone.actor


def acting(someone: Who) -> AbstractContextManager[None]:
    """Let what is done in the block, and in tasks begun there, be that somebody's."""
    return _Acting(someone)


class _Acting:
    """As a generator it would cost every message more than all of its checks."""

    __slots__ = ("_someone", "_token")

    def __init__(self, someone: Who) -> None:
        self._someone = someone

    def __enter__(self) -> None:
        self._token = _WHO.set(self._someone)

    def __exit__(self, *_: object) -> None:
        _WHO.reset(self._token)


@attrs.define
class _Room:
    """How many lines of its own an agent may still cause."""

    left: float
    since: float


class Audit:
    """The log, the clock, and what was gathered and is not written yet."""

    def __init__(self, log: AuditLog, clock: Callable[[], float]) -> None:
        """Over an open log; `run` writes what nobody waits for."""
        self._log = log
        self._clock = clock
        self._gathering = Gathering(clock)
        self._rooms: dict[str, _Room] = {}
        self.faults: tuple[str, ...] = ()
        """What is wrong with the log as it was found at the start."""

    @property
    def trouble(self) -> str | None:
        """Why it cannot be written at the moment, if it cannot."""
        return self._log.trouble

    async def begin(self, action: str, subject: str, detail: Mapping[str, Scalar]) -> int | None:
        """Write that somebody begins something; raises `Unavailable` when it cannot be written.

        None for an agent that does so much that its actions are only gathered.
        """
        someone = who()
        if someone.surface == AGENT_SOCKET and not self._takes_room(someone.actor):
            if self.trouble is not None:
                raise Unavailable(self.trouble)
            return None
        return await self._log.write(self._entry(someone, action, subject, BEGUN, detail))

    def tell(
        self,
        action: str,
        subject: str,
        outcome: str,
        detail: Mapping[str, Scalar] | None = None,
        someone: Who | None = None,
    ) -> None:
        """Let it be written soon what has happened; never waits."""
        self._log.put(self._entry(someone or who(), action, subject, outcome, detail or {}))

    def denied(self, *, actor: str, surface: str, action: str, subject: str, why: str) -> None:
        """Count what somebody was denied; never waits and never raises.

        `actor` is an agent's name as the daemon knows it, or `NOBODY`; `subject` is what it wanted
        and `why` the sentence it was told.
        """
        self.gather(actor, Event(actor, surface, action, subject, REFUSED, why))

    def gather(self, cause: str, event: Event) -> None:
        """Count what somebody, the `cause`, brings about as often as it likes."""
        self._gathering.add(cause, event)

    def happened(self, action: str, subject: str, outcome: str, why: str | None = None) -> None:
        """Tell what happened to an agent: by who acts here, or by hive itself, which is gathered.

        An agent that crashes all the time makes hive act all the time.
        """
        someone = who()
        if someone is HIVE_ITSELF:
            event = Event(someone.actor, someone.surface, action, subject, outcome, why or "")
            self.gather(subject, event)
        else:
            self.tell(action, subject, outcome, {"why": why})

    async def run_gathered(self) -> None:
        """Write down what was gathered when its time comes, until cancelled."""
        while True:
            await self._gathering.wait_due()
            self._write_due()

    async def run_log(self) -> None:
        """Write what was told, until cancelled."""
        await self._log.run()

    async def finish(self) -> None:
        """Write what is left, though cancelled."""
        self._write_due(all_of_it=True)
        await self._log.finish()

    def newest(self, limit: int) -> list[AuditRow]:
        """Return the newest lines, newest first."""
        return self._log.newest(limit)

    async def settle(self) -> None:
        """Write what was told and denied and is not written yet; raises `Unavailable`."""
        self._write_due(all_of_it=True)
        await self._log.flush()
        if self._log.trouble is not None:
            raise Unavailable(self._log.trouble)

    async def verify(self) -> AuditReport:
        """Check the whole log."""
        await self._log.flush()
        return await self._log.verify()

    async def export(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        agent: str | None = None,
        after: int = 0,
        limit: int,
    ) -> list[str]:
        """Return lines as they are written, oldest first."""
        await self._log.flush()
        return await self._log.export(
            since=since, until=until, agent=agent, after=after, limit=limit
        )

    def _takes_room(self, actor: str) -> bool:
        now = trio.current_time()
        room = self._rooms.setdefault(actor, _Room(AGENT_BURST, now))
        room.left = min(AGENT_BURST, room.left + (now - room.since) / AGENT_EACH_S)
        room.since = now
        if room.left < 1:
            return False
        room.left -= 1
        return True

    def _write_due(self, *, all_of_it: bool = False) -> None:
        for event, detail in self._gathering.take(all_of_it=all_of_it):
            someone = Who(event.actor, event.surface)
            self.tell(event.action, event.subject, event.outcome, detail, someone)

    def _entry(
        self, someone: Who, action: str, subject: str, outcome: str, detail: Mapping[str, Scalar]
    ) -> AuditEntry:
        known = {key: value for key, value in detail.items() if value is not None}
        return AuditEntry(
            self._clock(),
            someone.actor,
            someone.surface,
            action,
            subject,
            outcome,
            {**someone.detail, **known},
        )


class Recording:
    """An action that was begun; what is learned of it while it is done."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.detail: dict[str, Scalar] = {}


@asynccontextmanager
async def recorded(
    audit: Audit, action: str, subject: str = "", **detail: Scalar
) -> AsyncIterator[Recording]:
    """Write that an action is begun, and behind the block how it ended.

    Raises `Unavailable` before the block when the log cannot be written: it is not to be done then.
    """
    number = await audit.begin(action, subject, detail)
    async with _ending(audit, action, subject, number, who().actor) as learned:
        yield learned


@asynccontextmanager
async def counted(audit: Audit, action: str, subject: str) -> AsyncIterator[Recording]:
    """Count that something is begun, and behind the block how it ended.

    For what only reads, is begun again and again, and is no less done on a full disk.
    """
    someone = who()
    audit.gather(subject, Event(someone.actor, someone.surface, action, subject, BEGUN, ""))
    async with _ending(audit, action, subject, None, subject) as learned:
        yield learned


@asynccontextmanager
async def _ending(
    audit: Audit, action: str, subject: str, number: int | None, cause: str
) -> AsyncIterator[Recording]:
    """Write or count how the block ended; `number` is the line that began it."""
    learned = Recording()
    outcome, why = FAILED, "it was broken off, or hive failed: its log says why"
    try:
        yield learned
        outcome, why = DONE, ""
    except HiveError as error:
        outcome = FAILED if isinstance(error, Unavailable) or error.http_status >= 500 else REFUSED
        why = error.message
        raise
    finally:
        if number is None:
            someone = who()
            why = str(learned.detail.get("why") or why)
            event = Event(someone.actor, someone.surface, action, subject, outcome, why)
            audit.gather(cause, event)
        else:
            detail = {"of": number, "why": why or None, **learned.detail}
            audit.tell(action, subject, outcome, detail)


class Audited(Protocol):
    """What a verb takes first."""

    @property
    def audit(self) -> Audit:
        """Where it is recorded."""
        ...


H = TypeVar("H", bound=Audited)


class Recorded(Protocol):
    """What makes a verb one that is recorded."""

    def __call__(
        self, verb: Callable[Concatenate[H, P], Coroutine[Any, Any, T]]
    ) -> Callable[Concatenate[H, P], Coroutine[Any, Any, T]]:
        """Return the verb that records itself."""
        ...


def action(word: str, *shown: str) -> Recorded:
    """Record each call of a verb of the operator's; its first argument is whom it concerns.

    `shown` names further arguments that are written down; bodies and notes never are. A result
    with a number is part of the end's line.
    """

    def wrap(
        verb: Callable[Concatenate[H, P], Coroutine[Any, Any, T]],
    ) -> Callable[Concatenate[H, P], Coroutine[Any, Any, T]]:
        signature = inspect.signature(verb)

        async def run(hive: H, /, *args: P.args, **kwargs: P.kwargs) -> T:
            given = list(signature.bind(hive, *args, **kwargs).arguments.items())[1:]
            subject = _text(given[0][1]) if given else ""
            detail = {name: _scalar(value) for name, value in given[1:] if name in shown}
            async with recorded(hive.audit, word, subject, **detail) as recording:
                result = await verb(hive, *args, **kwargs)
                recording.detail |= _learned(result)
                return result

        functools.update_wrapper(run, verb)
        return run

    return wrap


def _learned(result: object) -> dict[str, Scalar]:
    """Return what a result says: the number of what was made, and whom it concerns."""
    if isinstance(result, int) and not isinstance(result, bool):
        return {"result": result}
    row = getattr(result, "row", result)
    number, agent = getattr(row, "id", None), getattr(row, "agent", None)
    found: dict[str, Scalar] = {} if not isinstance(number, int) else {"result": number}
    return {**found, "agent": agent} if isinstance(agent, str) else found


def _text(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(each) for each in value)
    return str(value)


def _scalar(value: object) -> Scalar:
    return value if isinstance(value, bool | int | float | None) else _text(value)
