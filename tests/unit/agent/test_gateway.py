"""What an agent's programs are told of the daemon's gateway."""

from __future__ import annotations

from pathlib import Path

import attrs

from hive.agent import gateway
from tests.unit.agent.test_prompts import config

URLS = ("https://forge.example.org", "https://git.example.org")


def test_git_takes_the_gateway_by_whatever_address_the_forge_has(tmp_path: Path) -> None:
    made = config(tmp_path, network="proxy", forge_urls=URLS)
    base = "http://127.0.0.1:3128/forge"
    assert gateway.environment(made) == {
        "HIVE_FORGE_URL": base,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.{base}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://forge.example.org/",
        "GIT_CONFIG_KEY_1": f"url.{base}/.insteadOf",
        "GIT_CONFIG_VALUE_1": "https://git.example.org/",
    }
    own = attrs.evolve(made, env={"GIT_CONFIG_COUNT": "1"})
    assert gateway.environment(own) == {"HIVE_FORGE_URL": base}
    assert gateway.environment(attrs.evolve(made, forge_urls=())) == {}
