"""Fixtures: each kind of meta repository as a subject, and a Nix store for all of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hive.host.git import Git
from tests.contract.meta.subjects import KINDS, Subject
from tests.fakes.nix_world import NixWorld


@pytest.fixture(scope="session")
def nix_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NixWorld]:
    """A Nix store of its own with what meta flakes are built from."""
    root = tmp_path_factory.mktemp("nix")
    yield NixWorld(root, Git()).make()
    # A store is read-only, and pytest wants to remove it later.
    subprocess.run(("chmod", "-R", "u+w", str(root)), check=True)


@pytest.fixture(params=KINDS)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    """Every kind of meta repository, not there yet."""
    world = request.getfixturevalue("nix_world") if request.param == "flake" else None
    return Subject(request.param, tmp_path, Git(), world)
