"""README and docs show the pictures that the tests take, all of them, and nothing else."""

from __future__ import annotations

import re

import pytest

from tests.fakes.pictures import FOLDER, MOST_BYTES, PICTURES, Picture, size_of
from tests.unit.docs.pages import DOCS, ROOT

SHOWN = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def shown() -> list[tuple[str, str, str]]:
    """Return every picture of every document: where, its words, and its file below docs."""
    found = []
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]:
        for words, target in SHOWN.findall(document.read_text()):
            file = (document.parent / target).resolve()
            found.append((document.name, words, str(file.relative_to(ROOT))))
    return found


def test_the_documents_show_what_is_taken_and_all_of_it() -> None:
    taken = {f"docs/images/{one.name}" for one in PICTURES}
    assert {file for _, _, file in shown()} == taken
    assert {one.name for one in FOLDER.iterdir()} == {one.name for one in PICTURES}


def test_a_picture_is_told_in_words_too() -> None:
    assert [(where, file) for where, words, file in shown() if len(words) < 10] == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda one: one.name)
def test_a_picture_has_the_size_it_is_taken_in(picture: Picture) -> None:
    assert size_of((FOLDER / picture.name).read_bytes()) == picture.size


def test_all_pictures_together_are_light() -> None:
    assert sum(one.stat().st_size for one in FOLDER.iterdir()) < MOST_BYTES
