"""A batch of works on one connection: together when all goes well, apart when one fails.

The works run bare in one transaction. When one of them fails, that is rolled back and all are run
again, each in a savepoint of its own, so that the failing one fails alone. A work may therefore run
twice, and only its last run counts: it keeps nothing but what it returns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import outcome

from hive.store import faults

if TYPE_CHECKING:
    import trio

T = TypeVar("T")
A = TypeVar("A")
Connection = sqlite3.Connection
Work = Callable[[Connection], T]


class Together(Generic[A, T]):
    """A kind of work that is done for all who wait at once."""

    def __init__(
        self,
        run: Callable[[Connection, list[A]], list[T]],
        is_one_statement: Callable[[list[A]], bool],
    ) -> None:
        """`run` returns a result for each argument, in order.

        `is_one_statement` says whether it writes by at most one statement: that is a transaction
        already, and to begin and to commit another around it costs more than the statement.
        """
        self.run = run
        self.is_one_statement = is_one_statement


class Item:
    """A work, or one argument of a kind of work; who waits for it and what came of it."""

    __slots__ = ("argument", "is_synced", "kind", "outcome", "task", "work")

    def __init__(
        self,
        work: Work[Any] | None,
        kind: Together[Any, Any] | None = None,
        argument: object = None,
        *,
        is_synced: bool = True,
    ) -> None:
        self.work = work
        self.is_synced = is_synced
        self.kind = kind
        self.argument = argument
        self.task: trio.lowlevel.Task | None = None
        self.outcome: outcome.Value[Any] | outcome.Error = outcome.Value(None)


def run_as_one_statement(connection: Connection, batch: list[Item]) -> bool:
    """Do a batch of one kind by the one statement it is; False when it must be done else."""
    kind = batch[0].kind
    if kind is None or any(item.kind is not kind for item in batch):
        return False
    if not kind.is_one_statement([item.argument for item in batch]):
        return False
    done = outcome.capture(_run_together, connection, kind, batch)
    return not _has_failed(done)


def run_bare(connection: Connection, batch: list[Item]) -> bool:
    """Run the works without savepoints; True when one of them failed."""
    failed = False
    together: dict[Together[Any, Any], list[Item]] = {}
    for item in batch:
        if item.kind is None:
            item.outcome = outcome.capture(_run_one, connection, item)
            failed |= _has_failed(item.outcome)
        else:
            together.setdefault(item.kind, []).append(item)
    for kind, items in together.items():
        done = outcome.capture(_run_together, connection, kind, items)
        if _has_failed(done):
            # Which of them it was shows when each is run apart.
            failed = True
            for item in items:
                item.outcome = done
    return failed


def run_apart(connection: Connection, batch: list[Item]) -> None:
    """Run each work in a savepoint of its own inside a running transaction."""
    for item in batch:
        connection.execute("SAVEPOINT work")
        item.outcome = outcome.capture(_run_one, connection, item)
        if _has_failed(item.outcome):
            connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")


def _run_one(connection: Connection, item: Item) -> object:
    if item.work is not None:
        return item.work(connection)
    assert item.kind is not None
    return item.kind.run(connection, [item.argument])[0]


def _run_together(connection: Connection, kind: Together[Any, Any], items: list[Item]) -> None:
    results = kind.run(connection, [item.argument for item in items])
    for item, result in zip(items, results, strict=True):
        item.outcome = outcome.Value(result)


def _has_failed(result: outcome.Outcome[Any]) -> bool:
    """Whether a work failed; raises its error when it is the file's or the disk's."""
    if not isinstance(result, outcome.Error):
        return False
    if isinstance(result.error, sqlite3.Error) and faults.is_fault(result.error):
        raise result.error
    return True
