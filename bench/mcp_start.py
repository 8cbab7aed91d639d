"""Measures how long claude waits for `agent mcp`: from exec to the answer to `tools/list`.

Beside it the `mcp` package's own hello-world server, asked the same by the same few lines, and what
the bare interpreter takes of either. Whole processes, warm, taken in turns.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from bench import hives
from bench.figures import Figure, Report, median, part

RUNS = 30
QUICK_RUNS = 3
WARM_UP = 2
END_S = 20.0
PROTOCOL = "2025-11-25"
HELLO = """
from mcp.server.mcpserver import MCPServer

server = MCPServer("hello")

@server.tool()
def hello(name: str) -> str:
    return f"hello {name}"

server.run("stdio")
"""
"""What the package's own documentation begins with."""


def measure(*, quick: bool = False) -> Report:
    """Start both servers again and again."""
    python, pyz = sys.executable, str(hives.need_pyz())
    servers = {
        "hive": [python, pyz, "agent", "mcp", "--socket", "/nowhere"],
        "hello": [python, "-c", HELLO],
    }
    runs = QUICK_RUNS if quick else RUNS
    taken: dict[str, list[float]] = {name: [] for name in (*servers, "bare")}
    for run in range(WARM_UP + runs):
        times = {name: _until_listed(words) for name, words in servers.items()}
        times["bare"] = _whole([python, "-c", "pass"])
        if run >= WARM_UP:
            for name, spent in times.items():
                taken[name].append(spent)
    return _report(taken)


def _until_listed(words: list[str]) -> float:
    """Start a server, list its tools as claude does, end it; returns the ms to the list."""
    before = time.perf_counter()
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        client = {"name": "bench", "version": "1"}
        hello = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
        _ask(process, {"id": 1, "method": "initialize", "params": hello})
        _tell(process, {"method": "notifications/initialized"})
        listed = _ask(process, {"id": 2, "method": "tools/list"})
        spent = (time.perf_counter() - before) * 1000
        assert listed["result"]["tools"]
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(END_S)
        process.stdout.close()
    return spent


def _tell(process: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    process.stdin.flush()


def _ask(process: subprocess.Popen[bytes], message: dict[str, Any]) -> dict[str, Any]:
    _tell(process, message)
    assert process.stdout is not None
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def _whole(words: list[str]) -> float:
    before = time.perf_counter()
    subprocess.run(words, check=True)
    return (time.perf_counter() - before) * 1000


def _report(taken: dict[str, list[float]]) -> Report:
    ours, theirs = taken["hive"], taken["hello"]
    figure = Figure(
        "`agent mcp` of `hive.pyz`, exec to `tools/list`",
        f"{_spread(ours)}, {median(theirs) / median(ours):.1f} times faster",
        f"the `mcp` package's hello world, {_spread(theirs)}",
        "faster",
        median(ours) < median(theirs),
    )
    bare = Figure("of it, a bare interpreter", _spread(taken["bare"]))
    return Report(
        "Start of the MCP server",
        (figure, bare),
        (
            "What a turn in `process` mode waits for; in `live` mode there is no such process.",
            "Both are asked `initialize` and `tools/list` over pipes, hive for its nine tools, the"
            " other for its one.",
        ),
    )


def _spread(times: list[float]) -> str:
    return f"median {median(times):.0f} ms, p90 {part(times, 0.9):.0f} ms"
