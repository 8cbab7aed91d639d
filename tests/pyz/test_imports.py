"""What each subcommand imports: only what it needs, so that it starts fast and stays small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pyz.conftest import ScriptedDaemon

HEAVY = {"attrs", "attr", "cattrs", "hypercorn", "mcp", "pydantic", "quart", "trio", "asyncio"}
FRAMEWORK = {"hive.web.dashboard.framework", "quart", "flask", "werkzeug", "jinja2", "asyncio"}
"""What comes with the first snapshot, and stays: a fifth of the daemon."""
RARE = {
    "hive.web.dashboard.openapi",
    "hive.web.json_schema",
    "hive.web.dashboard.screen_link",
    "hive.host.nixos_container",
    "hive.host.nixos_probe",
    "hive.host.flake_meta",
    "webbrowser",
    "trio_websocket",
    "cryptography",
    "httpx2",
}
"""What a daemon imports when somebody asks for it; each is some hundred KiB, for ever."""


@pytest.fixture(scope="module")
def site(unpacked: Path) -> Path:
    """The unpacked tree."""
    (site,) = unpacked.glob("hive.pyz_*/site-packages")
    return site


def loaded_by(site: Path, program: str) -> set[str]:
    """Return the modules that a program loads, of those that are heavy or rarely needed."""
    tail = "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    argv = [sys.executable, "-P", "-c", program + tail]
    env = {"PYTHONPATH": str(site)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (HEAVY | FRAMEWORK | RARE) & set(json.loads(done.stdout.splitlines()[-1]))


def test_list_imports_nothing_of_hive(pyz: Path, daemon: ScriptedDaemon) -> None:
    daemon.replies(ok=True, agent_statuses=[])
    argv = [sys.executable, "-X", "importtime", pyz, "list", "--socket", daemon.path]
    done = subprocess.run(argv, env={}, capture_output=True, text=True)
    assert done.stdout == "No agents.\n"
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "_light" in imported
    unwanted = HEAVY | {"hive", "socket", "argparse", "zipfile", "subprocess", "typing"}
    assert not imported & unwanted


def test_the_command_line_alone_is_light(site: Path) -> None:
    program = "import hive.cli; hive.cli.make_parser()"
    assert loaded_by(site, program) == set()


def test_a_client_verb_is_light(site: Path, daemon: ScriptedDaemon) -> None:
    daemon.replies(ok=True, id=7)
    words = ["send", "manager", "hello", "--socket", str(daemon.path)]
    program = f"import hive.cli; assert hive.cli.main({words!r}) == 0"
    assert loaded_by(site, program) == set()
    assert json.loads(daemon.requests[0])["body"] == "hello"


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("hive.nursery.commands", {"mcp", "pydantic", *FRAMEWORK, *RARE}),
        ("hive.nursery.in_container", {"mcp", "pydantic", "quart"}),
        ("hive.agent.mcp_server", {"mcp", "quart", "hypercorn"}),
        ("hive.agent.wake", {"mcp", "pydantic", "quart", "hypercorn"}),
        ("hive.agent.stand_in", {"mcp", "pydantic", "quart", "hypercorn"}),
        ("hive.nursery.doctor", {"mcp", "pydantic"}),
    ],
)
def test_a_room_imports_only_what_it_needs(site: Path, module: str, unwanted: set[str]) -> None:
    assert not loaded_by(site, f"import {module}") & unwanted
