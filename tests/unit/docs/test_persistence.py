"""docs/persistence.md names every table, and only files that something in hive names."""

from __future__ import annotations

import sqlite3

from hive.nursery import message_vacuum
from hive.store import schema, turn_events, turn_stats
from tests.unit.docs.pages import ROOT, code, page, section, table


def tables_of(migrations: tuple[schema.Migration, ...]) -> set[str]:
    connection = sqlite3.connect(":memory:")
    for migration in migrations:
        migration(connection)
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    connection.close()
    return {row[0] for row in rows}


def test_every_table_is_listed() -> None:
    rows = table(section(page("persistence.md"), "Tables"))
    listed = {(code(row[0])[0], code(row[1])[0]) for row in rows}
    assert listed == {
        *(("broker.sqlite", name) for name in tables_of(schema.BROKER)),
        *((turn_events.FILE, name) for name in tables_of(turn_events.MIGRATIONS)),
        *((turn_stats.FILE, name) for name in tables_of(turn_stats.MIGRATIONS)),
    }


def test_acknowledged_messages_are_kept_as_long_as_is_said() -> None:
    days = message_vacuum.KEEP_S / 86400
    assert f"{days:.0f} days from its acknowledgement" in page("persistence.md")


def test_every_file_of_hives_that_is_listed_is_named_in_the_code() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "hive").rglob("*.py"))
    rows = table(section(page("persistence.md"), "Files"))
    for name in (word for row in rows for word in code(row[0]) if word.startswith("hyperhive-")):
        assert f'"{name}"' in source, name
