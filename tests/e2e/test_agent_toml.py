"""An approved agent.toml in a whole hive with a real claude: the agent has what it says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from hive.host import program
from hive.host.limits import Limiter
from hive.wire.names import MANAGER
from tests.e2e.stage import REAL, Stage, spawn, stage

SERVER = Path(__file__).parents[1] / "fakes/weather_server.py"
AGENT_TOML = """
model = "sonnet"
packages = ["greeter"]
allowed_recipients = ["operator"]

[env]
CITY = "Bremen"

[limits]
memory_mib = 1024
tasks = 300

[mcp_servers.weather]
command = "/etc/hive/config/run-weather"
allowed_tools = ["today"]
"""


def _offer(root: Path) -> dict[str, str]:
    """Make a package of the operator's, and return the daemon's setting for it."""
    folder = root / "greeter/bin"
    folder.mkdir(parents=True)
    (folder / "greet").write_text('#!/bin/sh\necho "good day, $CITY"\n')
    (folder / "greet").chmod(0o755)
    return {"greeter": str(folder.parent)}


def _commit(folder: Path) -> str:
    """Commit alice's configuration as the manager would; return the commit."""
    (folder / "agent.toml").write_text(AGENT_TOML)
    python = program.find(isolated=True).argv[2]
    text = (
        f'#!/bin/sh\necho "$CITY" >/shared/weather\nexec {python} -S /etc/hive/config/server.py\n'
    )
    (folder / "run-weather").write_text(text)
    (folder / "run-weather").chmod(0o755)
    (folder / "server.py").write_text(SERVER.read_text())
    # It is the manager's, and we may be root.
    git = ["git", "-C", str(folder), "-c", "user.name=m", "-c", "user.email=m@hive"]
    git += ["-c", f"safe.directory={folder}"]
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "equip alice"], check=True)
    words = [*git, "rev-parse", "HEAD"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


async def _deploy(hive: Stage, sha: str) -> None:
    """Propose a commit as the manager and approve it as the operator."""
    queued = await hive.as_agent(MANAGER, "request_apply_commit", agent="alice", commit_ref=sha)
    assert queued["kind"] == "approval_queued", queued
    reply = await hive.operator("approve", id=queued["id"])
    assert reply["ok"], reply


def _groups(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text()


def _tool(name: str, **arguments: object) -> str:
    return f"!tool {name} {json.dumps(arguments)}"


@pytest.mark.parametrize("mode", ["live", pytest.param("process", marks=pytest.mark.slow)])
async def test_an_agent_has_what_was_approved_and_may_what_was_approved(
    short_tmp: Path, mode: str
) -> None:
    async with stage(short_tmp, REAL, mode, packages=_offer(short_tmp)) as hive:
        await spawn(hive, "alice", "bob")
        await _deploy(hive, _commit(hive.paths.agents / "alice" / "config"))
        shell = "greet >/shared/greeting; cat /etc/hive/config/agent.toml >/shared/read"
        shell += "; echo x >>/etc/hive/config/agent.toml || echo refused >/shared/written"
        await hive.send(
            "alice",
            _tool("mcp__weather__today"),
            _tool("Bash", command=shell, description="look around"),
            _tool("send", to="bob", body="psst"),
            _tool("send", to="operator", body="all seen"),
        )
        await hive.wait_inbox("all seen")
        shared = hive.paths.shared
        assert (shared / "weather").read_text() == "Bremen\n"
        assert (shared / "greeting").read_text() == "good day, Bremen\n"
        assert (shared / "read").read_text() == AGENT_TOML
        assert (shared / "written").read_text() == "refused\n"
        assert await hive.mail("bob") == []
        assert "sonnet" in (await hive.wait_settled("alice"))["active_model"]
        inside = list(hive.processes("alice"))
        assert inside
        if "memory_mib" in Limiter(hive.paths, counts_tasks=False).ways():
            assert all("/h-alice\n" in _groups(pid) for pid in inside)
