"""What every container is told: its paths, and the forge where there is one."""

from __future__ import annotations

import attrs
import pytest

from hive.config import HostConfig
from hive.host.installation import Installation
from hive.host.program import Program
from hive.host.runtime import Inside
from hive.wire.agent_config import AgentConfig, McpServer
from hive.wire.names import MANAGER, agent_name

INSIDE = Inside("/run/hive", "/state", "/root", "/root/.claude", "/shared", "/etc/hive")
INSTALLATION = Installation(
    Program(("hive",), {}, ()), ("claude",), (), "/bin", {"ANTHROPIC_BASE_URL": "x"}, {}, None
)


def test_a_harness_is_told_where_the_forge_is() -> None:
    config = HostConfig(forge_url="https://forge.example.org", forge_token_file="/t")
    told = INSTALLATION.harness_config(config, INSIDE, agent_name("alice"))
    assert told.forge_urls == ("https://forge.example.org",)
    public = attrs.evolve(config, forge_public_url="https://git.example.org/")
    told = INSTALLATION.harness_config(public, INSIDE, agent_name("alice"))
    assert told.forge_urls == ("https://forge.example.org", "https://git.example.org")


def test_without_a_forge_nothing_is_said_of_one() -> None:
    told = INSTALLATION.harness_config(HostConfig(), INSIDE, agent_name("alice"))
    assert told.forge_urls == ()
    assert told.claude_env == {"ANTHROPIC_BASE_URL": "x"}


def test_the_manager_knows_the_hives_directories_by_the_runtimes_names() -> None:
    inside = attrs.evolve(INSIDE, agents="/a", applied="/b", meta="/c")
    told = INSTALLATION.harness_config(HostConfig(), inside, MANAGER)
    assert (told.agents_dir, told.applied_dir, told.meta_dir) == ("/a", "/b", "/c")


SECRET = {"ANTHROPIC_API_KEY": "sk-real", "CLAUDE_CODE_OAUTH_TOKEN": "token-real"}
ALICE = agent_name("alice")


def test_behind_the_proxy_claude_is_told_of_it_and_asks_the_gateway() -> None:
    told = INSTALLATION.harness_config(HostConfig(), INSIDE, ALICE, network="proxy")
    assert told.network == "proxy"
    assert told.claude_env == {
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:3128",
        "HTTPS_PROXY": "http://127.0.0.1:3128",
        "HTTP_PROXY": "http://127.0.0.1:3128",
        "NO_PROXY": "localhost,127.0.0.1,::1",
        "https_proxy": "http://127.0.0.1:3128",
        "http_proxy": "http://127.0.0.1:3128",
        "no_proxy": "localhost,127.0.0.1,::1",
    }


def test_an_agent_with_a_login_of_its_own_asks_the_api_itself() -> None:
    plain = attrs.evolve(INSTALLATION, claude_env={})
    told = plain.harness_config(HostConfig(), INSIDE, ALICE, network="proxy")
    assert "ANTHROPIC_BASE_URL" not in told.claude_env
    assert told.claude_env["HTTPS_PROXY"] == "http://127.0.0.1:3128"


def test_behind_the_proxy_every_secret_is_a_placeholder_of_its_own() -> None:
    mine = attrs.evolve(INSTALLATION, secrets=SECRET)
    given = mine.secrets_for(ALICE, "proxy")
    assert set(given) == set(SECRET)
    assert not set(given.values()) & set(SECRET.values())
    assert len(set(given.values())) == len(SECRET)


def test_with_the_hosts_network_every_placeholder_ends_with_the_agents_word() -> None:
    mine = attrs.evolve(INSTALLATION, secrets=SECRET, gateway_key=b"k" * 32)
    word = mine.word_for(ALICE, "host")
    assert len(word) == 64
    assert word != mine.word_for(agent_name("bob"), "host")
    assert word != attrs.evolve(mine, gateway_key=b"l" * 32).word_for(ALICE, "host")
    assert mine.word_for(ALICE, "proxy") == ""
    given = mine.secrets_for(ALICE, "host")
    assert all(value.endswith(f"-{word}") for value in given.values())
    assert not set(given.values()) & set(SECRET.values())
    told = mine.harness_config(HostConfig(), INSIDE, ALICE, network="host")
    assert told.gateway_word == word


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "NODE_EXTRA_CA_CERTS"])
def test_where_the_operator_leads_claude_to_its_api_it_goes_by_itself(variable: str) -> None:
    mine = attrs.evolve(INSTALLATION, secrets=SECRET, claude_env={variable: "x"})
    assert mine.word_for(ALICE, "host") == ""
    assert mine.secrets_for(ALICE, "host") == SECRET


def test_what_listens_on_the_hosts_loopback_is_offered_where_it_may_be_reached() -> None:
    config = HostConfig(
        allow=("localhost:5432", "pypi.org", "127.0.0.0/8:9", "*.localhost:7"),
        forge_url="http://127.0.0.1:3000",
        forge_token_file="/t",
    )
    agent = AgentConfig(
        allow=("127.0.0.1:8080", "[::1]:8081", "10.0.0.1:1234"),
        mcp_servers={"near": McpServer(url="http://localhost:9000/mcp")},
    )
    told = INSTALLATION.harness_config(config, INSIDE, ALICE, agent, network="proxy")
    assert told.local_services == (
        "localhost:5432",
        "127.0.0.1:8080",
        "[::1]:8081",
        "localhost:9000",
        "127.0.0.1:3000",
    )
    with_hosts = INSTALLATION.harness_config(config, INSIDE, ALICE, agent, network="host")
    assert with_hosts.local_services == ()
