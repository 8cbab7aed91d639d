"""One evaluator for all of these tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.nix_eval import Evaluator


@pytest.fixture(scope="session")
def nix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluator]:
    """The real evaluator, with a store that is removed afterwards."""
    root = tmp_path_factory.mktemp("nix")
    yield Evaluator(root)
    for folder in [root, *(each for each in root.rglob("*") if each.is_dir())]:
        folder.chmod(0o700)
    shutil.rmtree(root)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An agent's repository."""
    (tmp_path / "agent").mkdir()
    return tmp_path / "agent"
