"""Measures the command line: `hive.pyz list` against a running daemon beside `python3 -c pass`.

One Python for both and for the daemon, whole processes, warm, taken in turns so that whatever else
the machine does hits both alike.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import hives
from bench.figures import Figure, Report, median, part
from hive import light

BAR = 3.0
RUNS = 60
QUICK_RUNS = 10
WARM_UP = 5
START_S = 60.0
STOP_S = 20.0


def measure(*, quick: bool = False) -> Report:
    """Start a hive and time whole processes beside each other."""
    # The environment's interpreter: the machine's own may carry startup hooks that cost more than
    # all of this and would flatter the ratio. Below /tmp, because a socket's path is short.
    python, pyz = sys.executable, hives.need_pyz()
    root = tempfile.mkdtemp(prefix="h", dir="/tmp")
    words = ["up", "--root", root, "--port", "0", "--demo", "--no-browser"]
    daemon = subprocess.Popen(
        [python, pyz, *words, "--containers", "process"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(Path(root) / "run/host.sock", daemon)
        commands: dict[str, list[str | Path]] = {
            "python3 -c pass": [python, "-c", "pass"],
            "hive.pyz list": [python, pyz, "list", "--root", root],
            "hive.pyz pending": [python, pyz, "pending", "--root", root],
        }
        taken = _measure(list(commands.values()), QUICK_RUNS if quick else RUNS)
    finally:
        daemon.terminate()
        daemon.wait(STOP_S)
        shutil.rmtree(root, ignore_errors=True)
    return _report(dict(zip(commands, taken, strict=True)))


def _wait_for(path: Path, daemon: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_S
    while True:
        try:
            light.call(str(path), {"cmd": "agent_status"})
        except light.Failure as failure:
            if daemon.poll() is not None or time.monotonic() > give_up:
                sys.exit(f"the daemon did not start: {failure}")
            time.sleep(0.1)
        else:
            return


def _measure(commands: list[list[str | Path]], runs: int) -> list[list[float]]:
    taken: list[list[float]] = [[] for _ in commands]
    for run in range(WARM_UP + runs):
        for command, times in zip(commands, taken, strict=True):
            before = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if run >= WARM_UP:
                times.append((time.perf_counter() - before) * 1000)
    return taken


def _report(taken: dict[str, list[float]]) -> Report:
    base = taken.pop("python3 -c pass")
    compared = f"python3 -c pass: {_spread(base)}"
    figures = []
    for name, times in taken.items():
        ratio = median(times) / median(base)
        measured = f"{ratio:.2f} times: {_spread(times)}"
        if name == "hive.pyz list":
            bar = f"at most {BAR:.0f} times"
            figures.append(Figure(name, measured, compared, bar, ratio <= BAR))
        else:
            figures.append(Figure(name, measured, compared))
    return Report(
        "Command line",
        tuple(figures),
        (
            "`list` is answered by the zipapp's first code, before anything is unpacked or put on"
            " the path; `pending` goes the way of every other client subcommand.",
            "Of what `list` costs beyond the bare interpreter, a third is starting from a zip"
            " archive, a third compiling its first code, a third `json` and the daemon's answer.",
        ),
    )


def _spread(times: list[float]) -> str:
    return f"median {median(times):.1f} ms, p90 {part(times, 0.9):.1f} ms"
