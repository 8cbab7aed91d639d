"""The repositories of a hive on a disk, for the tests of what is read from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.host.repos import Repos
from tests.fakes.manager_git import ALICE, make_repos, paths_of


@pytest.fixture
def repos(tmp_path: Path) -> Repos:
    """The repositories of a hive without agents."""
    return make_repos(tmp_path)


@pytest.fixture
async def proposed(repos: Repos, tmp_path: Path) -> Path:
    """The proposed repository of an agent that is deployed."""
    await repos.seed_proposed(ALICE)
    await repos.adopt(ALICE)
    return paths_of(tmp_path).agent_config(ALICE)
