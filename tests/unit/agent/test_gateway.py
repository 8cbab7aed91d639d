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
    assert gateway.environment(made, 3128) == {
        "HIVE_FORGE_URL": base,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.{base}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://forge.example.org/",
        "GIT_CONFIG_KEY_1": f"url.{base}/.insteadOf",
        "GIT_CONFIG_VALUE_1": "https://git.example.org/",
    }
    own = attrs.evolve(made, env={"GIT_CONFIG_COUNT": "1"})
    assert gateway.environment(own, 3128) == {"HIVE_FORGE_URL": base}
    assert gateway.environment(attrs.evolve(made, forge_urls=()), 3128) == {}


def test_on_the_hosts_network_what_goes_to_the_gateway_shows_the_agents_word(
    tmp_path: Path,
) -> None:
    made = config(tmp_path, network="host", gateway_word="w0rd", forge_urls=URLS[:1])
    base = "http://127.0.0.1:4711"
    shown = "Basic aGl2ZTp3MHJk"
    told = gateway.environment(made, 4711)
    assert told == {
        "HIVE_FORGE_URL": f"{base}/forge",
        "HIVE_FORGE_AUTHORIZATION": shown,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.{base}/forge/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://forge.example.org/",
        "GIT_CONFIG_KEY_1": f"http.{base}/forge/.extraHeader",
        "GIT_CONFIG_VALUE_1": f"Authorization: {shown}",
    }
    given = attrs.evolve(made, secret_files={"ANTHROPIC_API_KEY": "/k"}, forge_urls=())
    assert gateway.environment(given, 4711) == {"ANTHROPIC_BASE_URL": base}


def test_where_the_gateway_is_not_used_the_forge_has_its_own_address(tmp_path: Path) -> None:
    made = config(tmp_path, network="host", forge_urls=URLS)
    assert gateway.environment(made, 0) == {"HIVE_FORGE_URL": URLS[0]}
