"""A container's records, where the disk does not play along."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import Unavailable
from hive.host.records import Record, Run


def test_what_the_disk_refuses_is_told(tmp_path: Path) -> None:
    record = Record(tmp_path / "gone")
    for write in (
        lambda: record.begin(Run("process", "boot", 1.0, "")),
        lambda: record.add_line("text"),
        record.remove,
    ):
        with pytest.raises(Unavailable, match=r"cannot write .*gone"):
            write()
