"""What an agent has on the disk is counted as the disk has it, whatever it planted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hive.errors import Unavailable
from hive.host import trees
from hive.host.disk_use import owners_mib, used_mib

MIB = 1024 * 1024


async def test_directories_are_counted_together_and_links_are_not_followed(tmp_path: Path) -> None:
    for name in ("state", "claude", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(os.urandom(3 * MIB))
    (tmp_path / "state/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "state/again").hardlink_to(tmp_path / "state/file")
    folders = [tmp_path / "state", tmp_path / "claude"]
    assert 6 <= await used_mib(folders) <= 7


async def test_a_file_with_holes_takes_what_it_takes(tmp_path: Path) -> None:
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(1024 * MIB)
    assert await used_mib([tmp_path]) <= 1


async def test_a_directory_deeper_than_any_path_is_counted(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deeper", dir_fd=handle)
        inner = os.open("deeper", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    file = os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=handle)
    os.write(file, os.urandom(2 * MIB))
    os.close(file)
    os.close(handle)
    assert await used_mib([tmp_path]) >= 2
    # pytest's own clean-up recurses.
    trees.remove(tmp_path / "deeper")


async def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be counted"):
        await used_mib([tmp_path / "none"])


async def test_what_each_user_has_is_counted_by_whose_it_is_and_once(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(os.urandom(3 * MIB))
    (tmp_path / "again").hardlink_to(mine)
    (tmp_path / "odd\n7 99999 1 1").write_bytes(b"x")
    (tmp_path / "link").symlink_to("/usr")
    deep = tmp_path / "a/b"
    deep.mkdir(parents=True)
    (deep / "other").write_bytes(os.urandom(2 * MIB))
    me = os.geteuid()
    if me != 0:
        assert 5 <= (await owners_mib(tmp_path))[me] <= 6
        return
    os.chown(deep / "other", 1_800_000_000, 1_800_000_000)
    found = await owners_mib(tmp_path)
    assert set(found) == {0, 1_800_000_000}
    assert 3 <= found[0] <= 4
    assert found[1_800_000_000] == 2


async def test_a_shared_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be counted"):
        await owners_mib(tmp_path / "none")
