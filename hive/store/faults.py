"""What a failure of sqlite means to a person: which file, what is wrong, how to mend it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from hive.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

_CORRUPT = (
    "is damaged: stop hive, keep a copy of it, and put back a backup or what"
    " `sqlite3 FILE .recover` saves of it"
)
_MENDS = {
    sqlite3.SQLITE_FULL: "cannot grow, its disk is full: free space on it",
    sqlite3.SQLITE_READONLY: "cannot be written: make it and its directory writable for hive",
    sqlite3.SQLITE_PERM: "may not be used by hive: give hive's user access to it",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: see that its directory exists and is writable",
    sqlite3.SQLITE_BUSY: "is held by another program: end that program",
    sqlite3.SQLITE_LOCKED: "is held by another program: end that program",
    sqlite3.SQLITE_IOERR: "cannot be read or written, its disk failed or is full: check the disk",
    sqlite3.SQLITE_PROTOCOL: "is held by another program: end that program",
    sqlite3.SQLITE_CORRUPT: _CORRUPT,
    sqlite3.SQLITE_NOTADB: "is not a hive database: put back a backup, or move it away",
}


def is_fault(error: BaseException) -> bool:
    """Whether the file or the disk failed, rather than the statement that was asked for."""
    return isinstance(error, sqlite3.Error) and _code(error) in _MENDS


def explain(error: sqlite3.Error, path: Path) -> Unavailable:
    """Return the error a caller gets for a fault of the database at `path`."""
    mend = _MENDS.get(_code(error), f"cannot be used: {error}")
    return Unavailable(f"the database {path} {mend}")


def _code(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
