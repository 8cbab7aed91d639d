"""Directories that an agent filled so that nobody can look at or remove them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hive.host import trees


def nest(folder: Path, depth: int) -> None:
    """Make a chain of directories that no path can name."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=handle))
    os.close(handle)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with something in it."""
    folder = tmp_path / "tree"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "text").write_text("12345")
    (folder / "text").write_text("123")
    return folder


def test_it_is_measured(tree: Path) -> None:
    os.utime(tree / "a" / "b" / "text", (6_000_000, 6_000_000))
    os.utime(tree / "text", (7_000_000, 7_000_000))
    assert trees.measure(tree).newest == 7_000_000
    assert trees.measure(tree).size == 8


def test_no_file_was_changed_at_a_time_that_its_owner_made_up(tree: Path) -> None:
    now = (tree / "text").stat().st_ctime
    os.utime(tree / "text", (7_000_000_000, 7_000_000_000))
    assert now <= trees.measure(tree).newest < 7_000_000_000


def test_it_is_removed(tree: Path) -> None:
    trees.remove(tree)
    assert not tree.exists()
    trees.remove(tree)


def test_nesting_beyond_any_path_stops_neither(tree: Path) -> None:
    nest(tree, 5000)
    assert trees.measure(tree).size == 8
    trees.remove(tree)
    assert not tree.exists()


def test_links_lead_neither_out(tree: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x" * 100)
    (tree / "a" / "link").symlink_to(precious)
    (tree / "long").symlink_to("x" * 300)
    # A link counts by the length of its own text.
    assert trees.measure(tree).size == 8 + len(str(precious)) + 300
    trees.remove(tree)
    assert (precious / "file").read_text() == "x" * 100


def test_a_link_itself_is_not_removed_as_a_directory(tree: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tree)
    with pytest.raises(OSError, match="link"):
        trees.remove(link)
    assert (tree / "text").exists()


def test_rights_taken_away_keep_nothing(tree: Path) -> None:
    for folder in (tree / "a" / "b", tree / "a", tree):
        folder.chmod(0)
    trees.measure(tree)
    trees.remove(tree)
    assert not tree.exists()


def test_a_measure_ends(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "ENTRIES_MAX", 3)
    for number in range(20):
        (tree / f"f{number}").write_text("x" * 100)
    assert trees.measure(tree).size <= 300
