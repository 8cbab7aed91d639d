"""An agent's turn statistics: one row per turn, in a file of its own.

The file is the agent's, so a row is taken for nothing before its every field has been checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from hive.errors import Unavailable
from hive.wire.stats import COLUMNS, NUMBER_MOST, Turn

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeVar

    from hive.store.database import Database

    T = TypeVar("T")

FILE = "hyperhive-turn-stats.sqlite"
TEXT_MOST = 1000
"""Characters of a name or a note."""

_VERSION_1 = (
    """
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        started_at REAL NOT NULL,
        ended_at REAL NOT NULL,
        duration_ms INTEGER NOT NULL,
        wake TEXT NOT NULL,
        wake_from TEXT NOT NULL,
        result TEXT NOT NULL,
        model TEXT NOT NULL,
        input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL,
        cache_read_tokens INTEGER NOT NULL,
        cache_creation_tokens INTEGER NOT NULL,
        context_tokens INTEGER,
        context_window INTEGER,
        cost_usd REAL,
        messages INTEGER NOT NULL,
        tool_calls INTEGER NOT NULL,
        tools TEXT NOT NULL,
        note TEXT
    )
    """,
    "CREATE INDEX turns_by_end ON turns (ended_at)",
)
_LIST = ", ".join(COLUMNS)
_MARKS = ", ".join("?" for _ in COLUMNS)
_NEWEST = f"SELECT {_LIST} FROM turns WHERE ended_at >= ? ORDER BY ended_at DESC, id DESC"
_PAGE = f"SELECT id, {_LIST} FROM turns WHERE id < ? AND ended_at >= ? ORDER BY id DESC LIMIT ?"


def _first(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_1:
        connection.execute(statement)


MIGRATIONS = (_first,)


class TurnStats:
    """The table `turns` of one open database."""

    def __init__(self, database: Database) -> None:
        """Use a database that was opened with `MIGRATIONS`."""
        self._database = database

    async def append(self, turns: Sequence[Turn]) -> None:
        """Store a batch at once; a power cut may cost the newest. Raises `Unavailable`."""
        rows = [_cells(each) for each in turns]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(f"INSERT INTO turns ({_LIST}) VALUES ({_MARKS})", rows)

        await self._database.write(work, is_synced=False)

    async def sum(self, since: float, make: Callable[[Iterable[Turn]], T]) -> T:
        """Return what `make` makes of the turns that ended since then, newest first.

        It is called in a thread and takes them one by one. Raises `Unavailable`.
        """

        def work(connection: sqlite3.Connection) -> T:
            return make(_turns(connection.execute(_NEWEST, (since,))))

        return await self._database.read(work, is_large=True)

    async def page(self, before: int, since: float, limit: int) -> list[tuple[int, Turn]]:
        """Return turns that ended since then with ids below `before`, newest first, with ids."""

        def work(connection: sqlite3.Connection) -> list[tuple[int, Turn]]:
            rows = connection.execute(_PAGE, (before, since, limit))
            return [(row[0], turn_of(row[1:])) for row in rows]

        return await self._database.read(work, is_large=True)

    async def sweep(self, older_than: float) -> int:
        """Delete what ended before this moment in Unix seconds; returns how many rows went."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "DELETE FROM turns WHERE ended_at < ?", (older_than,)
            ).rowcount

        return await self._database.write(work)


def stats_file(state: Path) -> Path:
    """Return the file in an agent's state directory."""
    return state / FILE


def turn_of(row: Sequence[object]) -> Turn:
    """Return a row of the table as a turn; raises `Unavailable` when it holds anything else.

    By hand and not by the codec, because a window may hold tens of thousands.
    """
    cells: list[Any] = list(row)
    try:
        cells[_TOOLS] = json.loads(cells[_TOOLS])
        wrong = [
            name
            for name, is_right, cell in zip(COLUMNS, _RIGHT, cells, strict=True)
            if not is_right(cell)
        ]
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise _no_turn(str(error)) from error
    if wrong:
        raise _no_turn(f"{wrong[0]} is wrong")
    return Turn(*cells)


def _no_turn(why: str) -> Unavailable:
    return Unavailable(f"{FILE} holds a row that is no turn ({why}): move the file away")


def _is_count(cell: object) -> bool:
    return type(cell) is int and 0 <= cell <= NUMBER_MOST


def _is_number(cell: object) -> bool:
    return type(cell) in (int, float) and 0 <= cell <= NUMBER_MOST  # type: ignore[operator]


def _is_text(cell: object) -> bool:
    return type(cell) is str and len(cell) <= TEXT_MOST


def _is_tools(cell: object) -> bool:
    return isinstance(cell, dict) and all(
        _is_text(name) and _is_count(count) for name, count in cell.items()
    )


_KINDS: dict[str, Callable[[object], bool]] = {
    "int": _is_count,
    "float": _is_number,
    "str": _is_text,
    "dict[str, int]": _is_tools,
    "int | None": lambda cell: cell is None or _is_count(cell),
    "float | None": lambda cell: cell is None or _is_number(cell),
    "str | None": lambda cell: cell is None or _is_text(cell),
}
_RIGHT = tuple(_KINDS[str(field.type)] for field in attrs.fields(Turn))
_TOOLS = COLUMNS.index("tools")


def _turns(rows: Iterable[Sequence[object]]) -> Iterator[Turn]:
    return (turn_of(row) for row in rows)


def _cells(turn: Turn) -> tuple[object, ...]:
    cells = attrs.astuple(turn, recurse=False)
    return tuple(json.dumps(cell) if isinstance(cell, dict) else cell for cell in cells)
