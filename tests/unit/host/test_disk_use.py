"""What an agent has on the disk is counted as the disk has it, whatever it planted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hive.errors import Unavailable
from hive.host import trees
from hive.host.disk_use import used_mib

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
