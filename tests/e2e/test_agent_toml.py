"""An approved agent.toml in a whole hive with a real claude: the agent has what it says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from hive.host import program
from hive.host.limits import Limiter
from hive.wire.names import MANAGER, AgentName
from tests.e2e.stage import REAL, Stage, spawn, stage
from tests.fakes import mcp_http

ALICE = AgentName("alice")
SERVER = Path(__file__).parents[1] / "fakes/weather_server.py"
AGENT_TOML = """
model = "sonnet"
packages = ["greeter"]
allowed_recipients = ["operator"]
plugins = ["greeter@/etc/hive/config/shop"]

[env]
CITY = "Bremen"

[limits]
memory_mib = 1024
tasks = 300

[mcp_servers.weather]
command = "/etc/hive/config/run-weather"
allowed_tools = ["today"]
secrets = { UNIT = "/state/unit" }

[mcp_servers.tickets]
url = "%s"

[mcp_servers.gone]
command = "/state/not-there"
"""
SHOP = {
    ".claude-plugin/marketplace.json": {
        "name": "house",
        "owner": {"name": "the house"},
        "plugins": [{"name": "greeter", "source": "./greeter", "description": "greets"}],
    },
    "greeter/.claude-plugin/plugin.json": {"name": "greeter", "version": "1.0.0"},
}
SKILL = "---\nname: greet\ndescription: how to greet\n---\nBow twice.\n"


def _offer(root: Path) -> dict[str, str]:
    """Make a package of the operator's, and return the daemon's setting for it."""
    folder = root / "greeter/bin"
    folder.mkdir(parents=True)
    (folder / "greet").write_text('#!/bin/sh\necho "good day, $CITY"\n')
    (folder / "greet").chmod(0o755)
    return {"greeter": str(folder.parent)}


def _commit(folder: Path, toml: str) -> str:
    """Commit alice's configuration as the manager would; return the commit."""
    (folder / "agent.toml").write_text(toml)
    for name, value in SHOP.items():
        file = folder / "shop" / name
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(value))
    skill = folder / "shop/greeter/skills/greet/SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text(SKILL)
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


def _words(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _tool(name: str, **arguments: object) -> str:
    return f"!tool {name} {json.dumps(arguments)}"


@pytest.mark.parametrize("mode", ["live", pytest.param("process", marks=pytest.mark.slow)])
async def test_an_agent_has_what_was_approved_and_may_what_was_approved(
    short_tmp: Path, mode: str
) -> None:
    # Not an address that goes by no proxy, so that hive's is what leads there.
    with mcp_http.serve("127.0.0.2") as tickets:
        async with stage(short_tmp, REAL, mode, packages=_offer(short_tmp)) as hive:
            await spawn(hive, "alice", "bob")
            await _see_it_all(hive, AGENT_TOML % tickets.url)
        assert tickets.calls == ["open"]


async def _see_it_all(hive: Stage, toml: str) -> None:
    """Deploy alice's configuration, let her try what it gives her, and look what came of it."""
    (hive.paths.agent_state(ALICE) / "unit").write_text("celsius\n")
    await _deploy(hive, _commit(hive.paths.agent_config(ALICE), toml))
    shell = "greet >/shared/greeting; cat /etc/hive/config/agent.toml >/shared/read"
    shell += "; echo x >>/etc/hive/config/agent.toml || echo refused >/shared/written"
    await hive.send(
        "alice",
        _tool("mcp__weather__today"),
        _tool("mcp__tickets__open"),
        _tool("Skill", skill="greeter:greet"),
        _tool("Bash", command=shell, description="look around"),
        _tool("send", to="bob", body="psst"),
        _tool("send", to="operator", body="all seen"),
    )
    await hive.wait_inbox("all seen")
    shared = hive.paths.shared
    assert (shared / "weather").read_text() == "Bremen\n"
    assert (shared / "greeting").read_text() == "good day, Bremen\n"
    assert (shared / "read").read_text() == toml
    assert (shared / "written").read_text() == "refused\n"
    assert await hive.mail("bob") == []
    (told,) = [body for body in await hive.mail(MANAGER) if "I am without" in body]
    assert "without the MCP server gone of my agent.toml" in told
    note = (await hive.row("alice"))["note"]
    assert note.endswith("works without the MCP server gone: it did not come up")
    assert "sonnet" in (await hive.wait_settled("alice"))["active_model"]
    inside = list(hive.processes("alice"))
    # In process mode the server ends with the turn.
    is_server = [b"server.py" in _words(pid) for pid in inside]
    assert sum(is_server) == (hive.mode == "live")
    if "memory_mib" in Limiter(hive.paths, counts_tasks=False).ways():
        assert all("/h-alice\n" in _groups(pid) for pid in inside)
