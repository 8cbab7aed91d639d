"""The head of the audit log as the database keeps it, so that a log that was cut is found out."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from hive.store import faults
from hive.store.audit_chain import START
from hive.wire.audit import AuditHead

if TYPE_CHECKING:
    from hive.store.database import Connection, Database

_QUERY = "SELECT n, hash FROM audit_head"


async def load(database: Database) -> AuditHead:
    """Return the kept head; `START` when there never was one."""
    return await database.read(_load)


async def save(database: Database, head: AuditHead) -> None:
    """Keep a head; the disk is not waited for, because the log itself is there already."""

    def work(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO audit_head (id, n, hash) VALUES (1, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET n = excluded.n, hash = excluded.hash",
            (head.n, head.hash),
        )

    await database.write(work, is_synced=False)


def look(file: Path) -> AuditHead:
    """Return the head that a database holds which no daemon has open; blocks.

    `START` where there is no database, or one of a hive that kept none. Raises `Unavailable`.
    """
    if not file.exists():
        return START
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        try:
            known = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'audit_head'"
            ).fetchone()
            return START if known is None else _load(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise faults.explain(error, file) from error


def _load(connection: Connection) -> AuditHead:
    found = connection.execute(_QUERY).fetchone()
    return START if found is None else AuditHead(int(found[0]), str(found[1]))
