"""What the operator runs inside of an agent's sandbox, through the whole hive."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.stage import STAND_IN, Stage, spawn, stage
from tests.fakes.inside import Terminal

OURS = str(Path("/proc/self/ns/pid").readlink())
LOOK = (
    "id -u; pwd; echo $HIVE_CLAUDE_MARK | wc -c; readlink /proc/self/ns/pid /proc/1/ns/pid;"
    " grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; ls /dev/pts; tty; ls /run/hive"
)


def command(hive: Stage, verb: str, *words: str) -> list[str]:
    """Return a command line of the operator's."""
    return [sys.executable, "-m", "hive", verb, "--socket", str(hive.paths.host_socket), *words]


@pytest.mark.parametrize(
    "containers", ["bubblewrap", pytest.param("process", marks=pytest.mark.slow)]
)
async def test_a_shell_is_inside_of_the_agent_and_nowhere_else(
    short_tmp: Path, containers: str
) -> None:
    async with stage(short_tmp, STAND_IN, "live", containers=containers) as hive:
        await spawn(hive, "alice")
        await hive.wait_settled("alice")
        terminal = Terminal(command(hive, "shell", "alice"))
        before = terminal.modes()
        await terminal.wait_shown("alice:")
        terminal.type(f"{LOOK}; echo over-$((1+1))\r")
        await terminal.wait_shown("over-2")
        said = terminal.shown.decode(errors="replace")
        terminal.type("exit 9\r")
        assert await terminal.end(before) == 9
        if containers == "bubblewrap":
            assert "/state\r\n" in said
            assert "NoNewPrivs:\t1" in said
            assert "Seccomp:\t2" in said
            spaces = [line for line in said.splitlines() if line.startswith("pid:[")]
            # Those of the agent's first process, which are not the host's.
            assert len(spaces) == 2
            assert spaces[0] == spaces[1] != OURS
            assert "mcp.sock" in said
