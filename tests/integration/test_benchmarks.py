"""The benchmarks still know what they measure: each runs to its end, whatever its figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import NAMES

ROOT = Path(__file__).parents[2]
WORST_S = 300
ELSEWHERE = {"durable_send", "many_agents"}
"""They need database servers, and hundreds of agents."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ELSEWHERE])
def test_a_benchmark_runs_to_its_end(name: str) -> None:
    words = [sys.executable, "-m", "bench", "--quick", name]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=WORST_S)
    # 1 says that a bar was missed, and there is nothing on standard error then.
    assert done.returncode in {0, 1}
    assert "Traceback" not in done.stderr
    assert " s)" in done.stdout
