"""References are read as files: whatever is in them, the answer is a commit, nothing, or a no."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive.errors import BadRequest
from hive.host import git_refs

SHA = "0123456789" * 4
OTHER = "f" * 40


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    for part in ("refs/heads", "refs/tags/deployed", "logs/refs/heads"):
        (tmp_path / part).mkdir(parents=True)
    opened = os.open(tmp_path, os.O_RDONLY)
    yield opened
    os.close(opened)


def test_a_loose_reference_is_newer_than_a_packed_one(tmp_path: Path, folder: int) -> None:
    packed = f"# pack-refs with: peeled\n{OTHER} refs/heads/main\n^{SHA}\n{OTHER} refs/heads/b\n"
    (tmp_path / "packed-refs").write_text(packed)
    (tmp_path / "refs/heads/main").write_text(f"{SHA}\n")
    assert git_refs.read_ref(folder, "refs/heads/main") == SHA
    assert git_refs.read_ref(folder, "refs/heads/b") == OTHER
    assert git_refs.read_ref(folder, "refs/heads/c") is None
    assert git_refs.read_below(folder, ("refs", "heads")) == {"main": SHA, "b": OTHER}


def test_a_folder_of_a_branch_is_no_branch(tmp_path: Path, folder: int) -> None:
    (tmp_path / "refs/heads/a/b").mkdir(parents=True)
    (tmp_path / "refs/heads/main").write_text(SHA)
    assert git_refs.read_ref(folder, "refs/heads/a") is None
    assert git_refs.read_ref(folder, "refs/heads/main/sub") is None


@pytest.mark.parametrize(
    "name",
    ["", "main", "refs", "refs/heads", "refs//main", "refs/heads/../../x", "/refs/heads/main",
     "refs/heads/a.lock", "refs/heads/a\n", "refs/heads/.a", "refs/heads/a/", "refs/heads/é"],
)  # fmt: skip
def test_names_that_are_none_are_refused(folder: int, name: str) -> None:
    with pytest.raises(BadRequest):
        git_refs.read_ref(folder, name)


def test_the_log_of_a_branch_tells_its_moves(tmp_path: Path, folder: int) -> None:
    log = f"{'0' * 40} {SHA} a b <c> 100 +0000\tone\nodd\n{SHA} {OTHER} a <c> 200 +0000\n"
    (tmp_path / "logs/refs/heads/main").write_text(log)
    assert git_refs.read_log(folder, "refs/heads/main") == [
        ("0" * 40, SHA, 100.0),
        (SHA, OTHER, 200.0),
    ]
    assert git_refs.read_log(folder, "refs/heads/other") == []


def test_files_beyond_their_bounds_are_refused(tmp_path: Path, folder: int) -> None:
    (tmp_path / "HEAD").write_bytes(b"x" * 11)
    assert len(git_refs.read_bounded(folder, ("HEAD",), 11)) == 11
    with pytest.raises(BadRequest, match="larger than 10 bytes"):
        git_refs.read_bounded(folder, ("HEAD",), 10)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.binary(max_size=80), packed=st.binary(max_size=200))
def test_whatever_is_in_the_files_the_answer_is_clear(
    tmp_path: Path, folder: int, head: bytes, packed: bytes
) -> None:
    (tmp_path / "HEAD").write_bytes(head)
    (tmp_path / "packed-refs").write_bytes(packed)
    for read in (git_refs.read_head, lambda at: git_refs.read_ref(at, "refs/heads/main")):
        try:
            found = read(folder)
        except BadRequest:
            continue
        assert found is None or git_refs.SHA.fullmatch(found)
