"""Which kind of meta repository a runtime gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.config import HostConfig
from hive.errors import Unavailable
from hive.host.flake_meta import FlakeMeta
from hive.host.git import Git
from hive.host.meta import choose_meta
from hive.host.plain_meta import PlainMeta
from hive.paths import Paths


def paths(root: Path) -> Paths:
    return Paths(root / "state", root / "run")


@pytest.mark.parametrize("kind", ["bubblewrap", "process", "fake"])
def test_what_builds_nothing_has_a_lock_alone(tmp_path: Path, kind: str) -> None:
    meta = choose_meta(kind, paths(tmp_path), Git(), installed_rev="r1")
    assert isinstance(meta, PlainMeta)
    assert meta.hive_rev() == "r1"
    assert not (tmp_path / "state").exists()


def test_nixos_has_a_flake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nix").write_text("#!/bin/sh\n")
    (tmp_path / "nix").chmod(0o755)
    git = Git()
    monkeypatch.setenv("PATH", str(tmp_path))
    config = HostConfig(hive_flake="path:/hive")
    meta = choose_meta("nixos", paths(tmp_path), git, installed_rev="r", config=config)
    assert isinstance(meta, FlakeMeta)


@pytest.mark.parametrize("config", [None, HostConfig()])
def test_nixos_wants_hives_own_flake(tmp_path: Path, config: HostConfig | None) -> None:
    with pytest.raises(Unavailable, match="name it in the setting `hive_flake`"):
        choose_meta("nixos", paths(tmp_path), Git(), installed_rev="r", config=config)
