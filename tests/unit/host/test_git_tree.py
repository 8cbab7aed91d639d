"""The bounds of a commit's files, and that the page for managers says them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.errors import BadRequest
from hive.host import git_tree, object_copy
from tests.unit.docs.pages import page, section


def test_the_bounds_are_what_the_page_says() -> None:
    said = section(page("agent-config.md"), "What a commit may hold")
    for text in (
        f"a file over {git_tree.FILE_BYTES >> 20} MiB",
        f"more than {git_tree.TREE_BYTES >> 20} MiB or {git_tree.FILES_MAX} files",
        f"a message over {object_copy.COMMIT_BYTES >> 10} KiB",
        f"over {git_tree.PATH_BYTES} bytes or {git_tree.DEPTH_MAX} directories",
        f"more than {object_copy.OBJECTS_MAX} loose objects or {object_copy.PACKS_MAX} packs",
    ):
        assert text in said


@given(st.text(min_size=1, max_size=60))
def test_a_path_that_is_taken_stays_below_its_root(path: str) -> None:
    try:
        git_tree.check_path(path)
    except BadRequest:
        return
    parts = path.split("/")
    assert not {"", ".", "..", ".git"} & {part.lower() for part in parts}
    assert "\0" not in path
    assert "\n" not in path


@pytest.mark.parametrize(
    "path", ["agent.toml", "a/b c/ü.txt", ".gitignore", "-x", "a..b", "a" * 255]
)
def test_usual_paths_are_taken(path: str) -> None:
    git_tree.check_path(path)


def test_a_half_of_a_surrogate_pair_is_no_name() -> None:
    with pytest.raises(BadRequest):
        git_tree.check_path("a\ud800")
