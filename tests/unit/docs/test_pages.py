"""What holds for all documents: indexes are whole, decisions have a shape, news have a kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.docs.pages import DOCS, ROOT, code, page, table

FRAGMENT = re.compile(r"\+[a-z0-9-]+\.(feature|fix|breaking|operator)\.md|README\.md")
ADRS = sorted((DOCS / "adr").glob("*.md"))


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:4] for path in ADRS]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.name[:4])
def test_a_decision_says_context_decision_consequences_and_status(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"^## (\w+)", text, re.MULTILINE)
    assert [word for word in found if word != "Status"] == ["Context", "Decision", "Consequences"]
    assert re.search(r"^(Status: )?[Aa]ccepted\.$", text, re.MULTILINE)


def test_news_have_a_kind() -> None:
    for path in (DOCS / "news").iterdir():
        assert FRAGMENT.fullmatch(path.name), path.name


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in DOCS.glob("*.md"):
        if path.name not in {"file-map.md", "performance.md"}:
            assert f"(docs/{path.name})" in readme, path.name


def test_the_index_for_assistants_names_documents_that_exist() -> None:
    for row in table((ROOT / "CLAUDE.md").read_text(encoding="utf-8")):
        for name in code(row[1]):
            if name != "docs/performance.md":
                assert (ROOT / name).exists(), name


def test_the_words_of_the_glossary_are_in_order() -> None:
    words = [row[0] for row in table(page("glossary.md"))]
    assert words == sorted(words)


def test_files_named_in_the_gotchas_exist() -> None:
    for name in set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", page("gotchas.md"))):
        assert (ROOT / "hive" / name).exists() or (ROOT / name).exists(), name
