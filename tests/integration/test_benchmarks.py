"""The benchmarks still know what they measure: each runs to its end, whatever its figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORST_S = 300
NAMES = (
    "turns",
    "mcp_start",
    "memory",
    "idle",
    "sandbox",
    "event_streams",
    "agent_page",
    "dashboard",
    "search",
    "crash_event",
    "deploys",
    "deploy_git",
    "egress",
)
"""All but those that need a database server or hundreds of agents."""


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs_to_its_end(name: str) -> None:
    words = [sys.executable, "-m", "bench", "--quick", name]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=WORST_S)
    # 1 says that a bar was missed, and there is nothing on standard error then.
    assert done.returncode in {0, 1}
    assert "Traceback" not in done.stderr
    assert " s)" in done.stdout
