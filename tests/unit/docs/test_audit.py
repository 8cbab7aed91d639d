"""docs/audit.md: its line is one that the log writes, its figures are those of the code."""

from __future__ import annotations

import json

import attrs

from hive.core import audit, audit_gathering
from hive.store import audit_chain, audit_files
from hive.wire.audit import OUTCOMES, AuditEntry
from tests.unit.docs.pages import blocks, code, page, section, table


def test_the_example_has_the_fields_of_a_line_in_their_order() -> None:
    (text,) = blocks(page("audit.md"), "json")
    known = {field.name: None for field in attrs.fields(AuditEntry)}
    line = json.loads(text)
    entry = AuditEntry(**{name: line[name] for name in known})
    written = json.loads(audit_chain.make(entry, audit_chain.START).data)
    assert list(line) == list(written)
    rows = table(section(page("audit.md"), "A line"))
    assert [code(row[0])[0] for row in rows] == list(written)


def test_the_outcomes_are_those_of_the_code() -> None:
    rows = {code(row[0])[0]: row[1] for row in table(section(page("audit.md"), "A line"))}
    assert tuple(code(rows["outcome"])) == OUTCOMES


def test_the_figures_are_those_of_the_code() -> None:
    told = section(page("audit.md"), "Who goes on and on")
    assert f"at most {_word(audit_gathering.PAUSE_MOST_S / 60)}" in told
    assert f"{_word(audit_gathering.EVENTS_MOST)} different ones" in told
    assert f"{audit.AGENT_BURST:.0f} actions" in told
    assert f"every {_word(audit.AGENT_EACH_S)} seconds" in told
    assert (audit_gathering.FIRST_S, audit_gathering.PAUSE_S) == (1, 60)
    size = f"{audit_files.SEGMENT_BYTES // 2**20} MiB"
    assert size in section(page("audit.md"), "Its files")


def _word(number: float) -> str:
    return {8: "eight", 10: "ten"}[int(number)]
