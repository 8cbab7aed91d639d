"""Fixtures every test may use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("hive", deadline=None)
settings.load_profile("hive")


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A directory with a short path, so that unix sockets below it fit their 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
