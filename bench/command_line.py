"""Measures the command line: `hive.pyz list` against a running daemon beside `python3 -c pass`.

One Python for both and for the daemon, whole processes, warm, taken in turns so that whatever else
the machine does hits both alike. Prints the medians, their ratio and the bar.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hive import light

PYZ = Path(__file__).resolve().parent.parent / "dist/hive.pyz"
BAR = 3.0
WARM_UP = 5
START_S = 60.0
STOP_S = 20.0


def main() -> int:
    """Run the measurement; 0 when it is within the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60, help="runs of each command (60)")
    arguments = parser.parse_args()
    # The environment's interpreter: the machine's own may carry startup hooks that cost more than
    # all of this and would flatter the ratio. Below /tmp, because a socket's path is short.
    python = sys.executable
    root = tempfile.mkdtemp(prefix="h", dir="/tmp")
    words = ["up", "--root", root, "--port", "0", "--demo", "--no-browser"]
    daemon = subprocess.Popen(
        [python, PYZ, *words, "--containers", "process"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(Path(root) / "run/host.sock", daemon)
        commands = {
            "python3 -c pass": [python, "-c", "pass"],
            "hive.pyz list": [python, PYZ, "list", "--root", root],
            "hive.pyz pending": [python, PYZ, "pending", "--root", root],
        }
        taken = _measure(list(commands.values()), arguments.runs)
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


def _report(taken: dict[str, list[float]]) -> int:
    base = statistics.median(taken["python3 -c pass"])
    for name, times in taken.items():
        middle = statistics.median(times)
        print(
            f"{name:<18} median {middle:6.1f} ms  best {min(times):6.1f} ms  {middle / base:4.2f}x"
        )
    ratio = statistics.median(taken["hive.pyz list"]) / base
    print(f"hive.pyz list is {ratio:.2f} times python3 -c pass; the bar is {BAR:.0f} times")
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
