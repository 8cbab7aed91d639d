"""Fixtures every test may use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# How long an example takes says how busy the machine is.
settings.register_profile("hive", deadline=None)
settings.load_profile("hive")


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A directory with a short path, so that unix sockets below it fit their 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def pyz() -> Path:
    """The zipapp of this checkout, built when it is stale."""
    subprocess.run([sys.executable, ROOT / "tools/build_pyz.py"], check=True, timeout=600)
    return ROOT / "dist/hive.pyz"


@pytest.fixture(scope="session")
def unpacked(pyz: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for SHIV_ROOT below which the zipapp has been unpacked."""
    root = tmp_path_factory.mktemp("shiv")
    env = {"PATH": os.environ["PATH"], "HOME": "/dev/null", "SHIV_ROOT": str(root)}
    subprocess.run([sys.executable, pyz, "--help"], env=env, check=True, capture_output=True)
    return root
