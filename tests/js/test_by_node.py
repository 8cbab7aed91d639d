"""Runs the tests of the browser modules, which are JavaScript, by node's own runner."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEADLINE_S = 120


def test_every_test_of_the_browser_modules_passes() -> None:
    # Where the machine has no node, the build has put one beside the interpreter.
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    node = shutil.which("node", path=path)
    assert node is not None, "node is missing: install your system's nodejs"
    files = sorted(str(file) for file in HERE.glob("*.test.js"))
    result = subprocess.run(
        [node, "--test", *files], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
    assert "# pass 0" not in result.stdout
