"""The browser modules' own tests, run by node and told as one test per file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
FILES = sorted(path.name for path in HERE.glob("*.test.js"))


def test_there_are_modules_to_test() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES)
def test_browser_module(file: str) -> None:
    node = shutil.which("node")
    assert node, "node is missing: ./build.sh test brings one"
    argv = [node, "--test", str(HERE / file)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
