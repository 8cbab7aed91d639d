"""Whether agents can have users of their own, from what a daemon may do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hive.host import private_mounts, users
from hive.host.runtime import Bind

FIRST = 1_900_000_000
ALL = 0x000001FFFFFFFFFF
WHOLE = "         0          0 4294967295\n"


def _self(folder: Path, capabilities: int = ALL, ids: str = WHOLE) -> Path:
    (folder / "status").write_text(f"Name:\thive\nCapEff:\t{capabilities:016x}\n")
    (folder / "uid_map").write_text(ids)
    return folder


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pass for root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.usefixtures("as_root")
def test_root_with_all_rights_gives_each_agent_a_user(tmp_path: Path) -> None:
    assert users.why_shared(FIRST, _self(tmp_path)) is None


def test_an_ordinary_user_cannot_and_is_told_what_that_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said = users.why_shared(FIRST, _self(tmp_path))
    assert said is not None
    assert "your user (uid 1000)" in said
    assert "a daemon that is root gives each agent a user of its own" in said


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize(("name", "bit"), users.CAPABILITIES.items())
def test_root_that_lacks_a_right_is_told_which(tmp_path: Path, name: str, bit: int) -> None:
    said = users.why_shared(FIRST, _self(tmp_path, ALL & ~(1 << bit)))
    assert said is not None
    assert said.endswith(f"this root has no {name}")


@pytest.mark.usefixtures("as_root")
def test_root_of_a_user_namespace_without_such_users_is_told_the_setting(tmp_path: Path) -> None:
    ids = "         0       1000          1\n         1     100000      65536\n"
    said = users.why_shared(FIRST, _self(tmp_path, ids=ids))
    assert said is not None
    assert "set agent_uids" in said
    assert users.why_shared(2000, _self(tmp_path, ids=ids)) is None


def test_a_hive_that_others_cannot_read_is_named(tmp_path: Path) -> None:
    package = tmp_path / "hive"
    package.mkdir(mode=0o700)
    archive = tmp_path / "hive.pyz"
    archive.touch(0o755)
    assert users.why_unreadable((Bind(archive, "/a"), Bind(tmp_path / "gone", "/b"))) is None
    said = users.why_unreadable((Bind(archive, "/a"), Bind(package, "/b")))
    assert said is not None
    assert f"chmod -R o+rX {package}" not in said
    assert f"cannot read {package}: chmod -R o+rX it" in said


def test_what_is_behind_a_closed_directory_is_out_of_reach(tmp_path: Path) -> None:
    open_folder, closed = tmp_path / "open", tmp_path / "closed"
    open_folder.mkdir(mode=0o755)
    closed.mkdir(mode=0o700)
    for folder in tmp_path.parents:
        assert folder.exists()
    is_open = private_mounts.is_reachable(open_folder)
    assert private_mounts.is_reachable(Path("/usr/bin"))
    assert private_mounts.is_reachable(open_folder / "x") is is_open
    assert not private_mounts.is_reachable(closed / "x")
    assert not private_mounts.is_reachable(tmp_path / "gone/x")
