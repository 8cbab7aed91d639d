"""`doctor` looks at what a service's daemon uses, by its settings, and not at its caller's own."""

from __future__ import annotations

import json
from pathlib import Path

from hive.agent.claude_version import TESTED
from hive.config import HostConfig
from hive.host.runtime import Finding
from hive.nursery import doctor
from hive.paths import Paths


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {each.what: each for each in findings}


async def test_a_service_has_the_claude_and_the_git_of_its_settings(tmp_path: Path) -> None:
    claude, git, file = tmp_path / "claude", tmp_path / "git", tmp_path / "config.json"
    for program in (claude, git):
        program.write_text(f"#!/bin/sh\necho '{TESTED} (Claude Code)'\n")
        program.chmod(0o755)
    file.write_text(json.dumps({"claude": str(claude), "git": str(git)}))
    config, (said,) = doctor.settings_of(file)
    assert (said.is_ok, said.detail) == (True, str(file))
    paths = Paths(tmp_path / "state", tmp_path / "run")
    found = by_name(await doctor.examine(paths, paths.host_socket, config, is_ours=False))
    assert found["claude"].detail.endswith(f" at {claude}")
    assert found["git"].detail == str(git)
    assert all(each.is_ok for each in found.values())
    # Whoever is not its user is told nothing wrong of what he cannot see.
    assert not {"state", "bubblewrap", "nixos-container"} & set(found)
    assert "ask as root" in found["host"].detail


def test_settings_that_keep_the_daemon_from_starting_are_found(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    assert doctor.settings_of(file) == (HostConfig(), [])
    file.write_text('{"host": "0.0.0.0"}')
    config, (said,) = doctor.settings_of(file)
    assert config == HostConfig()
    assert not said.is_ok
    assert str(file) in said.mend
