"""Supervised tasks: readiness, restart with backoff, giving up loudly, stopping in order.

Each task is a coroutine that says when it is ready and then runs until it is cancelled. One that
fails, or ends by itself, is started again after 1, 2, 4 ... 60 s; five healthy minutes forget its
failures; ten in a row end the whole hive, so that a person sees it. What the host refuses, a full
disk above all, is tried for ever and ends nothing: the dashboard says so, and agents go on.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import attrs
import trio

from hive import backoff
from hive.errors import HiveError, Unavailable
from hive.wire.dashboard import TaskRow

BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 60.0
HEALTHY_S = 300.0
FAILURES_MOST = 10
READY_S = 30.0
STOP_S = 1.5
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

log = logging.getLogger(__name__)


class Run(Protocol):
    """A task's body: it calls `task_status.started()` once it is ready."""

    async def __call__(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Run until cancelled."""
        ...


class GaveUp(HiveError):
    """A task failed too often in a row; the hive stops so that somebody looks."""


@attrs.frozen
class Task:
    """One supervised task."""

    name: str
    run: Run
    stop_s: float = STOP_S
    """How long its stop may take before the next one is stopped all the same."""
    ready_s: float = READY_S
    """How long it may take to be ready, before that is a failure; the next task begins after
    `READY_S` all the same.
    """


@attrs.define
class _Kept:
    """What the supervisor knows of one task."""

    task: Task
    state: str
    since: float
    restarts: int = 0
    failures: int = 0
    own_failures: int = 0
    """Of those, the ones that the host is not to blame for."""
    last_error: str | None = None
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    gone: trio.Event = attrs.field(factory=trio.Event)
    is_begun: bool = False


class Supervisor:
    """Runs a list of tasks; started in order, each ready before the next, stopped in reverse."""

    def __init__(
        self, clock: Callable[[], float], changed: Callable[[], None] = lambda: None
    ) -> None:
        """`clock` gives Unix seconds; `changed` is called when a row of `rows` changed."""
        self._clock = clock
        self._changed = changed
        self._kept: dict[str, _Kept] = {}
        self._stop = trio.Event()
        self._gave_up: GaveUp | None = None

    def rows(self) -> tuple[TaskRow, ...]:
        """Return the state of every task, in order of start."""
        return tuple(
            TaskRow(kept.task.name, kept.state, kept.since, kept.restarts, kept.last_error)
            for kept in self._kept.values()
        )

    async def run(
        self,
        tasks: Sequence[Task],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run `tasks` until cancelled; ready once each was ready, or has failed, once.

        Cancelled, it stops them in reverse order, each within its `stop_s`. Raises `GaveUp` after
        stopping the others in the same way.
        """
        for task in tasks:
            self._kept[task.name] = _Kept(task, "starting", self._clock())
        async with trio.open_nursery() as outer:
            await outer.start(self._wait_cancelled)
            # The tasks live under a shield, so that a stop is a sequence and not one blow.
            with trio.CancelScope(shield=True):
                async with trio.open_nursery() as inner:
                    inner.start_soon(self._start_all, inner, task_status)
                    await self._stop.wait()
                    await self._stop_all()
                    inner.cancel_scope.cancel()
            outer.cancel_scope.cancel()
        if self._gave_up is not None:
            raise self._gave_up

    async def _wait_cancelled(self, *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            self._stop.set()

    async def _start_all(self, inner: trio.Nursery, task_status: trio.TaskStatus[None]) -> None:
        for kept in self._kept.values():
            if self._stop.is_set():
                return
            kept.is_begun = True
            await inner.start(self._keep, kept)
        task_status.started()

    async def _stop_all(self) -> None:
        for kept in reversed(self._kept.values()):
            kept.scope.cancel()
            if not kept.is_begun:
                continue
            with trio.move_on_after(kept.task.stop_s) as late:
                await kept.gone.wait()
            if late.cancelled_caught:
                log.error("task %s does not stop within %g s", kept.task.name, kept.task.stop_s)

    async def _keep(self, kept: _Kept, *, task_status: trio.TaskStatus[None]) -> None:
        """Run one task again and again until its scope is cancelled."""
        ready = _Once(task_status)
        with kept.scope:
            while True:
                self._set(kept, "starting")
                since = trio.current_time()
                error, is_hosts = await self._attempt(kept, ready)
                if trio.current_time() - since >= HEALTHY_S:
                    kept.failures = kept.own_failures = 0
                kept.failures += 1
                kept.own_failures += not is_hosts
                kept.restarts += 1
                kept.last_error = error
                ready()
                if kept.own_failures >= FAILURES_MOST:
                    self._give_up(kept)
                    await trio.sleep_forever()
                self._set(kept, "backoff")
                await trio.sleep(backoff_s(kept.failures))
        if kept.state != "failed":
            self._set(kept, "stopped")
        kept.gone.set()
        ready()

    async def _attempt(self, kept: _Kept, ready: _Once) -> tuple[str, bool]:
        """Run a task once; return why it ended, and whether the host refused something."""
        try:
            async with trio.open_nursery() as nursery:
                with trio.fail_after(kept.task.ready_s):
                    async with trio.open_nursery() as waiting:
                        waiting.start_soon(_after, READY_S, ready)
                        await nursery.start(kept.task.run)
                        waiting.cancel_scope.cancel()
                self._set(kept, "running")
                ready()
        except Exception as error:
            log.exception("task %s failed", kept.task.name)
            return _first_words(error), _is_hosts(error)
        except BaseExceptionGroup as group:
            # Stopped, and a part of it failed in its stop: the others stop in order all the same.
            failed, cancelled = group.split(Exception)
            if failed is not None:
                log.exception("task %s failed while it stopped", kept.task.name, exc_info=failed)
                kept.last_error = _first_words(failed)
            assert cancelled is not None
            raise cancelled from None
        log.error("task %s ended by itself", kept.task.name)
        return "it ended by itself", False

    def _give_up(self, kept: _Kept) -> None:
        self._set(kept, "failed")
        self._gave_up = GaveUp(
            f"{kept.task.name} failed {kept.own_failures} times in a row, the last time with:"
            f" {kept.last_error}"
        )
        log.critical("giving up: %s", self._gave_up)
        self._stop.set()

    def _set(self, kept: _Kept, state: str) -> None:
        kept.state = state
        kept.since = self._clock()
        self._changed()


class _Once:
    """Says "started" the first time it is called."""

    def __init__(self, task_status: trio.TaskStatus[None]) -> None:
        self._task_status: trio.TaskStatus[None] | None = task_status

    def __call__(self) -> None:
        if self._task_status is not None:
            self._task_status.started()
            self._task_status = None


async def _after(seconds: float, ready: _Once) -> None:
    await trio.sleep(seconds)
    ready()


def backoff_s(failures: int) -> float:
    """Return the wait before the next start, in seconds, after that many failures in a row."""
    return backoff.after(failures, BACKOFF_FIRST_S, BACKOFF_MOST_S)


def _first_words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:500]


def _is_hosts(error: BaseException) -> bool:
    """Whether the host refused something, and nothing else went wrong."""
    return all(map(_is_refusal, _leaves(error)))


def _is_refusal(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in _OF_THE_DISK
    return isinstance(error, Unavailable)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
