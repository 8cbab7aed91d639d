"""A container's records, where the disk does not play along."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hive.errors import Unavailable
from hive.host.records import LOG_BYTES, Record, Run, Told


def test_what_the_disk_refuses_is_told(tmp_path: Path) -> None:
    record = Record(tmp_path / "gone")
    for write in (
        lambda: record.begin(Run("process", "boot", 1.0, "")),
        lambda: record.add_line("text"),
        record.remove,
    ):
        with pytest.raises(Unavailable, match=r"cannot write .*gone"):
            write()


def test_a_log_that_is_too_long_stays_on_a_full_disk_and_is_moved_when_there_is_room(
    tmp_path: Path,
) -> None:
    record = Record(tmp_path / "bob")
    record.make()
    record.log.write_bytes(b"x" * LOG_BYTES + b"\nthe end\n")
    aside = record.directory / "log.tmp"
    aside.symlink_to("/dev/full")
    record.trim_log()
    assert record.log_size() == LOG_BYTES + 9
    assert not os.path.lexists(aside)
    record.trim_log()
    assert (record.log_size(), record.log_lines(1)) == (0, ["the end"])


def test_what_is_damaged_of_a_status_tells_nothing_and_hides_nothing(tmp_path: Path) -> None:
    record = Record(tmp_path / "bob")
    record.make()
    lines = [
        b'{"child-pid": 7}',
        b"\xff\0}",
        b"[1]}",
        b'{"exit-code": "x"}',
        b'{"pid-namespace": 9}',
    ]
    record.status.write_bytes(b"".join(line + b"\n" for line in lines))
    assert record.told() == Told(7, 9, None)
