"""Directories that are given away: all of them, and nothing that is not in them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hive.errors import Unavailable
from hive.host import ownership, trees

USER = 1_900_000_123


def _give(folder: Path, mode: int = 0o700) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        ownership.give(handle, USER, mode)
    finally:
        os.close(handle)


def _owner(path: Path) -> int:
    return path.lstat().st_uid


if os.geteuid() == 0:

    @pytest.fixture
    def folder(tmp_path: Path) -> Path:
        """A directory to be given, with something in it."""
        made = tmp_path / "given"
        (made / "a/b").mkdir(parents=True)
        (made / "a/b/file").write_text("x")
        return made

    def test_all_that_is_in_it_belongs_to_the_user(folder: Path) -> None:
        _give(folder)
        paths = [folder, *folder.rglob("*")]
        assert {(path.lstat().st_uid, path.lstat().st_gid) for path in paths} == {(USER, USER)}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_what_a_link_leads_to_stays_whose_it_is(folder: Path, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        victim.mkdir()
        (victim / "file").write_text("x")
        (folder / "a/link").symlink_to(victim)
        (folder / "a/to-file").symlink_to(victim / "file")
        _give(folder)
        assert (_owner(victim), _owner(victim / "file")) == (0, 0)
        assert _owner(folder / "a/link") == USER

    def test_a_file_that_is_also_elsewhere_stays_there_and_is_a_copy_here(
        folder: Path, tmp_path: Path
    ) -> None:
        victim = tmp_path / "victim"
        victim.write_text("theirs")
        victim.chmod(0o4751)
        (folder / "a/one").hardlink_to(victim)
        (folder / "a/two").hardlink_to(victim)
        _give(folder)
        assert _owner(victim) == 0
        assert victim.stat().st_nlink == 1
        for copy in (folder / "a/one", folder / "a/two"):
            assert (copy.read_text(), _owner(copy)) == ("theirs", USER)
            assert stat.S_IMODE(copy.stat().st_mode) == 0o751

    def test_a_pipe_that_is_also_elsewhere_stays_whose_it_is(folder: Path, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        (folder / "pipe").hardlink_to(pipe)
        _give(folder)
        assert _owner(pipe) == 0

    def test_files_whose_names_are_all_inside_stay_one(folder: Path) -> None:
        (folder / "a/again").hardlink_to(folder / "a/b/file")
        _give(folder)
        assert (folder / "a/again").samefile(folder / "a/b/file")
        assert _owner(folder / "a/again") == USER

    def test_a_program_of_roots_does_not_become_the_users_with_its_rights(folder: Path) -> None:
        (folder / "program").write_text("x")
        (folder / "program").chmod(0o4755)
        _give(folder)
        assert stat.S_IMODE((folder / "program").stat().st_mode) == 0o755

    def test_one_that_is_nested_deeper_than_any_path_is_given(folder: Path) -> None:
        here = os.open(folder, os.O_RDONLY)
        for _ in range(3000):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        _give(folder)
        assert os.fstat(here).st_uid == USER
        os.close(here)
        # pytest cannot.
        trees.remove(folder)

    def test_what_is_done_is_not_done_again(folder: Path) -> None:
        _give(folder)
        late = folder / "late"
        late.write_text("x")
        _give(folder, 0o755)
        assert _owner(late) == 0
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_one_that_takes_too_long_goes_on_the_next_time(
        folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ownership, "GIVE_S", -1)
        with pytest.raises(Unavailable, match="too much"):
            _give(folder)
        assert _owner(folder) == 0
        monkeypatch.undo()
        _give(folder)
        assert _owner(folder / "a/b/file") == USER


def test_what_is_opened_can_be_read_and_not_written_by_everybody(tmp_path: Path) -> None:
    folder = tmp_path / "applied"
    (folder / "in").mkdir(parents=True)
    (folder / "in/file").write_text("x")
    (folder / "in/program").write_text("x")
    for path, mode in (("in/program", 0o750), ("in/file", 0o640), ("in", 0o750), ("", 0o750)):
        (folder / path).chmod(mode)
    (folder / "link").symlink_to("/nonexistent")
    ownership.open_up(folder)
    modes = [stat.S_IMODE((folder / each).stat().st_mode) for each in ("", "in", "in/file")]
    assert modes == [0o755, 0o755, 0o644]
    assert stat.S_IMODE((folder / "in/program").stat().st_mode) == 0o755


def test_what_is_open_is_not_looked_through_again(tmp_path: Path) -> None:
    folder = tmp_path / "applied"
    folder.mkdir(mode=0o755)
    (folder / "file").write_text("x")
    (folder / "file").chmod(0o600)
    ownership.open_up(folder)
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o600
