"""What an agent's repository begins with changes nothing, and every key it shows is one."""

from __future__ import annotations

import re

import attrs
import pytest

from hive.host import agent_files, template
from hive.wire.agent_config import FILE, AgentConfig
from tests.fakes.manager_git import ALICE

KINDS = ("nixos", "bubblewrap", "process")


@pytest.mark.parametrize("kind", KINDS)
def test_the_template_is_the_default_configuration(kind: str) -> None:
    text = template.files(kind, ALICE)[FILE]
    assert agent_files.parse(text.encode()) == AgentConfig()


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_shown_as_it_may_be_written(kind: str) -> None:
    text = template.files(kind, ALICE)[FILE]
    shown = re.sub(r"(?m)^# (?=[a-z_]+ = |[A-Z]+ = |\[)", "", text)
    config = agent_files.parse(shown.encode())
    plain = attrs.asdict(AgentConfig())
    assert [key for key, value in attrs.asdict(config).items() if value == plain[key]] == []


def test_only_nixos_has_a_system_of_its_own() -> None:
    assert set(template.files("bubblewrap", ALICE)) == {FILE}
    made = template.files("nixos", ALICE)
    assert set(made) == {FILE, "agent.nix", "flake.nix"}
    assert "nixosModules.default = ./agent.nix" in made["flake.nix"]
    assert all("alice" in text and "{{" not in text for text in made.values())
