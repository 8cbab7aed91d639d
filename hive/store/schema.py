"""The tables, as numbered migrations: each runs once, in one transaction, under `user_version`."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hive.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

Migration = Callable[[sqlite3.Connection], None]

_VERSION_1 = (
    """
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY,
        sender TEXT NOT NULL,
        recipient TEXT NOT NULL,
        body TEXT NOT NULL,
        sent_at REAL NOT NULL,
        delivered_at REAL,
        acked_at REAL,
        in_reply_to INTEGER,
        dedupe_key TEXT,
        broadcast INTEGER NOT NULL DEFAULT 0,
        redelivered INTEGER NOT NULL DEFAULT 0,
        origin TEXT NOT NULL DEFAULT 'peer'
    )
    """,
    # By recipient: `recent`. Open ones apart: a lease never walks over what was acknowledged.
    "CREATE INDEX messages_by_recipient ON messages (recipient)",
    "CREATE INDEX messages_open ON messages (recipient) WHERE acked_at IS NULL",
    """
    CREATE UNIQUE INDEX messages_by_key ON messages (sender, dedupe_key, recipient)
        WHERE dedupe_key IS NOT NULL
    """,
    """
    CREATE TABLE approvals (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        agent TEXT NOT NULL,
        kind TEXT NOT NULL,
        commit_ref TEXT NOT NULL,
        requested_at REAL NOT NULL,
        status TEXT NOT NULL,
        fetched_sha TEXT,
        resolved_at REAL,
        note TEXT,
        description TEXT
    )
    """,
    "CREATE INDEX approvals_by_status ON approvals (status)",
    """
    CREATE TABLE operator_questions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        asker TEXT NOT NULL,
        target TEXT,
        question TEXT NOT NULL,
        options_json TEXT NOT NULL,
        multi INTEGER NOT NULL,
        asked_at REAL NOT NULL,
        deadline_at REAL,
        answered_at REAL,
        answer TEXT,
        answerer TEXT,
        dedupe_key TEXT
    )
    """,
    """
    CREATE INDEX operator_questions_open ON operator_questions (deadline_at)
        WHERE answered_at IS NULL
    """,
    """
    CREATE UNIQUE INDEX operator_questions_by_key ON operator_questions (asker, dedupe_key)
        WHERE dedupe_key IS NOT NULL
    """,
    """
    CREATE TABLE reminders (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        agent TEXT NOT NULL,
        message TEXT NOT NULL,
        file_path TEXT,
        due_at REAL NOT NULL,
        created_at REAL NOT NULL,
        sent_at REAL,
        attempt_count INTEGER NOT NULL DEFAULT 0,
        last_error TEXT,
        dedupe_key TEXT
    )
    """,
    "CREATE INDEX reminders_pending ON reminders (due_at) WHERE sent_at IS NULL",
    """
    CREATE UNIQUE INDEX reminders_by_key ON reminders (agent, dedupe_key)
        WHERE dedupe_key IS NOT NULL
    """,
    """
    CREATE TABLE agents (
        name TEXT PRIMARY KEY,
        created_at REAL NOT NULL,
        wanted TEXT NOT NULL,
        paused INTEGER NOT NULL DEFAULT 0,
        status_text TEXT,
        status_set_at REAL,
        parent TEXT
    )
    """,
)


_VERSION_2 = (
    """
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        agent TEXT,
        state TEXT NOT NULL,
        requested_by TEXT NOT NULL,
        created_at REAL NOT NULL,
        args_json TEXT NOT NULL,
        started_at REAL,
        ended_at REAL,
        step TEXT,
        note TEXT,
        approval_id INTEGER,
        parent_id INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0,
        cancelled_by TEXT
    )
    """,
    "CREATE INDEX jobs_unfinished ON jobs (id) WHERE ended_at IS NULL",
    # However an approval is decided, it is carried out by one job at most.
    "CREATE UNIQUE INDEX jobs_by_approval ON jobs (approval_id) WHERE approval_id IS NOT NULL",
    "ALTER TABLE agents ADD COLUMN deployed_sha TEXT",
    "ALTER TABLE agents ADD COLUMN deployed_tag TEXT",
    "ALTER TABLE agents ADD COLUMN system TEXT",
    "ALTER TABLE agents ADD COLUMN config_json TEXT",
    "ALTER TABLE agents ADD COLUMN hive_rev TEXT",
)

_VERSION_3 = (
    # What a reply answers came from: origins, the nearest first, with commas between.
    "ALTER TABLE messages ADD COLUMN via TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE audit_head (id INTEGER PRIMARY KEY CHECK (id = 1), n INTEGER, hash TEXT)",
    """
    CREATE TABLE destinations (
        agent TEXT NOT NULL,
        host TEXT NOT NULL,
        port INTEGER NOT NULL,
        verdict TEXT NOT NULL,
        count INTEGER NOT NULL,
        sent INTEGER NOT NULL,
        received INTEGER NOT NULL,
        first_at REAL NOT NULL,
        last_at REAL NOT NULL,
        why TEXT,
        PRIMARY KEY (agent, host, port, verdict)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE connections (
        id INTEGER PRIMARY KEY,
        agent TEXT NOT NULL,
        host TEXT NOT NULL,
        port INTEGER NOT NULL,
        verdict TEXT NOT NULL,
        at REAL NOT NULL,
        ended_at REAL,
        sent INTEGER NOT NULL,
        received INTEGER NOT NULL,
        address TEXT,
        why TEXT
    )
    """,
    "CREATE INDEX connections_by_agent ON connections (agent)",
    # Never emptied: a number that was an agent's once is never another's.
    """
    CREATE TABLE users (
        name TEXT PRIMARY KEY,
        number INTEGER NOT NULL UNIQUE
    )
    """,
)

_VERSION_4 = (
    # Up to which message the index of the search goes; the index itself is made by its store,
    # because not every sqlite has what it is made of.
    "CREATE TABLE search_index (id INTEGER PRIMARY KEY CHECK (id = 1), upto INTEGER NOT NULL)",
    "INSERT INTO search_index VALUES (1, 0)",
    # The replies to a message: a thread is read from its first one down.
    """
    CREATE INDEX messages_by_parent ON messages (in_reply_to) WHERE in_reply_to IS NOT NULL
    """,
)

_VERSION_5 = (
    "ALTER TABLE approvals ADD COLUMN resolved_by TEXT",
    # The history is read page by page, the newest first.
    "CREATE INDEX approvals_by_end ON approvals (resolved_at, id) WHERE resolved_at IS NOT NULL",
    """
    CREATE TABLE review_comments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        approval_id INTEGER NOT NULL,
        path TEXT NOT NULL,
        side TEXT NOT NULL,
        line INTEGER NOT NULL,
        quote TEXT NOT NULL,
        text TEXT NOT NULL,
        base_ref TEXT NOT NULL,
        base_sha TEXT,
        written_at REAL NOT NULL,
        sent_at REAL
    )
    """,
    "CREATE INDEX review_comments_by_approval ON review_comments (approval_id)",
)

_HAPPENED = "INSERT INTO happenings (class, subject, ref, at, text) VALUES"
_VERSION_6 = (
    # What the operator may want to know at once. Written by triggers, so that it is in the same
    # transaction as the thing itself, whoever writes that. Of messages, which have to be fast,
    # `messages_upto` says up to which the operator was told.
    """
    CREATE TABLE happenings (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        class TEXT NOT NULL,
        subject TEXT NOT NULL,
        ref INTEGER,
        at REAL NOT NULL,
        text TEXT NOT NULL
    )
    """,
    f"""
    CREATE TRIGGER approval_happened AFTER INSERT ON approvals WHEN NEW.status = 'pending' BEGIN
        {_HAPPENED} ('approval', NEW.agent, NEW.id, NEW.requested_at,
            NEW.kind || coalesce(': ' || substr(NEW.description, 1, 400), ''));
    END
    """,
    f"""
    CREATE TRIGGER question_happened AFTER INSERT ON operator_questions
    WHEN NEW.target IS NULL BEGIN
        {_HAPPENED} ('question', NEW.asker, NEW.id, NEW.asked_at, substr(NEW.question, 1, 400));
    END
    """,
    f"""
    CREATE TRIGGER job_failed AFTER UPDATE OF state ON jobs
    WHEN NEW.state = 'failed' AND OLD.state <> 'failed' BEGIN
        {_HAPPENED} ('fault', coalesce(NEW.agent, 'hive'), NEW.id,
            coalesce(NEW.ended_at, NEW.created_at),
            NEW.kind || coalesce(': ' || substr(NEW.note, 1, 400), ''));
    END
    """,
    # One row for each notification and outlet; what is not tried yet grows with what happens.
    """
    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        outlet TEXT NOT NULL,
        together TEXT NOT NULL,
        class TEXT NOT NULL,
        subject TEXT NOT NULL,
        ref INTEGER,
        at REAL NOT NULL,
        text TEXT NOT NULL,
        counts_json TEXT NOT NULL,
        is_quiet INTEGER NOT NULL,
        state TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        made_at REAL NOT NULL,
        due_at REAL NOT NULL,
        answer TEXT
    )
    """,
    "CREATE INDEX deliveries_together ON deliveries (outlet, together)",
    "CREATE INDEX deliveries_waiting ON deliveries (due_at) WHERE state = 'waiting'",
    """
    CREATE TABLE push_subscriptions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        endpoint TEXT NOT NULL UNIQUE,
        p256dh TEXT NOT NULL,
        auth TEXT NOT NULL,
        label TEXT NOT NULL,
        made_at REAL NOT NULL
    )
    """,
    "CREATE TABLE outlet_answers (outlet TEXT PRIMARY KEY, answer TEXT NOT NULL, at REAL NOT NULL)",
    "CREATE TABLE faults_told (fault TEXT PRIMARY KEY)",
    """
    CREATE TABLE notify_settings (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        hive TEXT NOT NULL,
        settings_json TEXT,
        messages_upto INTEGER NOT NULL
    )
    """,
    """
    INSERT INTO notify_settings
    SELECT 1, lower(hex(randomblob(8))), NULL, coalesce(max(id), 0) FROM messages
    """,
)


def _statements(statements: Sequence[str]) -> Migration:
    def run(connection: sqlite3.Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    return run


BROKER: tuple[Migration, ...] = tuple(
    _statements(version)
    for version in (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5, _VERSION_6)
)
"""Migrations of broker.sqlite; the one at index n brings version n to n + 1."""


def check_version(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]
) -> None:
    """Raise `Unavailable` for a file of a newer hive; nothing is written."""
    found = version_of(connection)
    if found > len(migrations):
        raise Unavailable(
            f"the database {path} has version {found} and this hive knows {len(migrations)}:"
            " start the newer hive that wrote it, or put back the backup beside it"
        )


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Bring an open database to the newest version; an older file is copied aside first.

    The copy is `<file>.v<version>`.
    """
    found = version_of(connection)
    if 0 < found < len(migrations):
        _copy_aside(connection, path.with_name(f"{path.name}.v{found}"))
    for number in range(found, len(migrations)):
        _step(connection, migrations[number], number + 1)


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version of an open database; 0 is an empty one."""
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])


def _step(connection: sqlite3.Connection, migration: Migration, version: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    is_done = False
    try:
        migration(connection)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
        is_done = True
    finally:
        if not is_done and connection.in_transaction:
            connection.execute("ROLLBACK")


def _copy_aside(connection: sqlite3.Connection, copy: Path) -> None:
    """Write a whole copy under its final name only when it is on disk."""
    unfinished = copy.with_name(copy.name + ".new")
    unfinished.unlink(missing_ok=True)
    # It holds what the file holds, so nobody else may read it either.
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    target = sqlite3.connect(unfinished)
    try:
        connection.backup(target)
    finally:
        target.close()
    _fsync(unfinished)
    unfinished.replace(copy)
    _fsync(copy.parent)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
