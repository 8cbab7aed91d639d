"""A broker and its neighbours for the tests of the hive's mind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.post import Post, open_post


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    """A broker that commits as in production, by its writer thread."""
    async with open_post(tmp_path) as opened:
        yield opened


@pytest.fixture
async def simulated(tmp_path: Path) -> AsyncIterator[Post]:
    """A broker for a simulated clock: it commits in the loop, so that time waits for it."""
    async with open_post(tmp_path, commits_in_loop=True) as opened:
        yield opened
