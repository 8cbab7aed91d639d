"""docs/approvals.md names every kind, state, tag and job that the code knows, and real rows."""

from __future__ import annotations

import re

from hive.core import proposals
from hive.host import applied
from hive.wire import approvals, jobs
from tests.unit.docs.pages import ROOT, code, page, section, table

PAGE = "approvals.md"


def test_every_kind_says_whether_it_has_a_commit() -> None:
    said = {code(row[0])[0]: row[2] for row in table(section(page(PAGE), "What waits for you"))}
    assert said == {
        kind: "yes" if kind in approvals.WITH_COMMIT else "no" for kind in approvals.KINDS
    }


def test_every_state_and_every_tag_is_explained() -> None:
    rows = table(section(page(PAGE), "States and tags"))
    assert [code(row[0])[0] for row in rows] == [
        approvals.PENDING,
        approvals.APPROVED,
        approvals.FAILED,
        approvals.DENIED,
        approvals.CANCELLED,
    ]
    tags = {word.partition("/")[0] for row in rows for word in code(row[1])}
    assert tags == set(applied.STATES)


def test_every_job_and_every_base_is_named() -> None:
    first = section(page(PAGE), "The build queue").strip().splitlines()[0]
    assert tuple(code(first)) == jobs.KINDS
    (line,) = (each for each in page(PAGE).splitlines() if "three bases" in each)
    assert tuple(code(line)) == proposals.BASES


def test_the_sentences_to_be_mended_are_ones_that_hive_says() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "hive").rglob("*.py"))
    # A sentence may be broken into several literals.
    whole = re.sub(r'"\s*\n\s*f?"', "", source)
    for row in table(section(page(PAGE), "Mend by hand")):
        for quoted in code(row[0]):
            for piece in quoted.split("..."):
                assert piece.strip() in whole, quoted
