"""Writing into a directory an agent owns: whole files, and never into what it put there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hive.errors import BadRequest, Unavailable
from hive.host.state_files import write_below


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "agents/ada/state"
    folder.mkdir(parents=True)
    return folder


def test_a_file_is_written_for_everybody_to_read_and_nothing_beside_it(state: Path) -> None:
    (state / "notes").mkdir()
    (state / "notes/a.md").write_text("what was there is longer")
    write_below(state, ("notes", "a.md"), "new")
    assert [file.name for file in (state / "notes").iterdir()] == ["a.md"]
    assert (state / "notes/a.md").read_text() == "new"
    assert (state / "notes/a.md").stat().st_mode & 0o777 == 0o644


def test_a_pipe_that_somebody_reads_is_not_written_to(state: Path) -> None:
    os.mkfifo(state / "pipe")
    reader = os.open(state / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(BadRequest, match="no plain file"):
        write_below(state, ("pipe",), "secret")
    assert os.read(reader, 100) == b""
    os.close(reader)
    assert [file.name for file in state.iterdir()] == ["pipe"]


def test_another_name_of_a_file_keeps_what_it_had(state: Path) -> None:
    (state / "one").write_text("mine")
    (state / "two").hardlink_to(state / "one")
    write_below(state, ("two",), "new")
    assert (state / "one").read_text() == "mine"


@pytest.mark.parametrize("parts", [(), ("..",), ("a", ""), ("a/b",), ("a\0b",)])
def test_only_plain_names_are_taken(state: Path, parts: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest):
        write_below(state, parts, "x")
    assert list(state.iterdir()) == []


def test_what_cannot_be_written_is_said_and_leaves_nothing(state: Path) -> None:
    with pytest.raises(Unavailable, match="cannot write"):
        write_below(state, ("x" * 300,), "x")
    assert list(state.iterdir()) == []
