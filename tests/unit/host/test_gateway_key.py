"""The key of the agents' words is made once and stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import Unavailable
from hive.host import gateway_key


def test_the_key_is_the_same_for_the_next_daemon_and_nobody_elses_to_read(tmp_path: Path) -> None:
    file = tmp_path / "gateway-key"
    key = gateway_key.read_or_make(file)
    assert gateway_key.read_or_make(file) == key
    assert len(key) == gateway_key.BYTES
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["gateway-key"]


def test_a_key_that_was_cut_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "gateway-key"
    file.write_bytes(b"short")
    with pytest.raises(Unavailable, match="rebuild every agent"):
        gateway_key.read_or_make(file)
    with pytest.raises(Unavailable, match="cannot use"):
        gateway_key.read_or_make(file / "below")
