"""What every container is told: its paths, and the forge where there is one."""

from __future__ import annotations

import attrs

from hive.config import HostConfig
from hive.host.installation import Installation
from hive.host.program import Program
from hive.host.runtime import Inside
from hive.wire.names import MANAGER, agent_name

INSIDE = Inside("/run/hive", "/state", "/root", "/root/.claude", "/shared", "/etc/hive")
INSTALLATION = Installation(
    Program(("hive",), {}, ()), ("claude",), (), "/bin", {"ANTHROPIC_BASE_URL": "x"}, {}, None
)


def test_claude_is_told_where_the_forge_is() -> None:
    config = HostConfig(forge_url="https://forge.example.org", forge_token_file="/t")
    told = INSTALLATION.harness_config(config, INSIDE, agent_name("alice")).claude_env
    assert told == {
        "ANTHROPIC_BASE_URL": "x",
        "HIVE_FORGE_URL": "https://forge.example.org",
    }


def test_without_a_forge_nothing_is_said_of_one() -> None:
    told = INSTALLATION.harness_config(HostConfig(), INSIDE, agent_name("alice")).claude_env
    assert told == {"ANTHROPIC_BASE_URL": "x"}


def test_the_manager_knows_the_hives_directories_by_the_runtimes_names() -> None:
    inside = attrs.evolve(INSIDE, agents="/a", applied="/b", meta="/c")
    told = INSTALLATION.harness_config(HostConfig(), inside, MANAGER)
    assert (told.agents_dir, told.applied_dir, told.meta_dir) == ("/a", "/b", "/c")
