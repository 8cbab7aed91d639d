"""What runs inside every container: this hive, claude, and what the operator gave for claude."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from hive import config as settings
from hive import environment
from hive.config import HarnessConfig, HostConfig
from hive.errors import Unavailable
from hive.host import agent_files, agent_servers, gateway_key, packages, program, sandbox
from hive.host.program import Program
from hive.host.runtime import Bind, Inside
from hive.host.state_dirs import SECRETS_DIR
from hive.wire import destinations
from hive.wire.agent_config import AgentConfig
from hive.wire.destinations import Target
from hive.wire.names import MANAGER, AgentName

PATH_INSIDE = sandbox.PATH
BASE_URL = "ANTHROPIC_BASE_URL"
NO_PROXY = "localhost,127.0.0.1,::1"
"""What is reached without the proxy: the container's own loopback."""
OWN_WAY = frozenset({"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NODE_EXTRA_CA_CERTS"})
"""Variables by which an operator leads claude to its API in a way that the daemon does not go."""
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
PLAIN = AgentConfig()
"""An agent whose repository says nothing."""


@attrs.frozen
class Installation:
    """The programs and the settings that every container gets."""

    program: Program
    claude: tuple[str, ...]
    """The command inside; when no claude was found, the name it would have."""
    binds: tuple[Bind, ...]
    path: str
    claude_env: dict[str, str]
    secrets: dict[str, str]
    """Variable to value; written to files, never to an environment."""
    claude_found: str | None
    """Where claude is on the host; None when there is none, or in a demo."""
    gateway_key: bytes = attrs.field(default=b"", repr=False)
    """What the agents' words at the gateway are made from."""

    @property
    def has_gateway(self) -> bool:
        """Whether claude reaches its API through the daemon's gateway, where there is a proxy."""
        return bool(self.secrets) or BASE_URL in self.claude_env

    def word_for(self, name: AgentName, network: str) -> str:
        """Return what an agent with the host's network shows at the gateway.

        Empty for one behind the proxy, whose socket says who it is, and where the operator names a
        proxy or certificates for claude, which the daemon would not use.
        """
        if network == destinations.PROXY or not OWN_WAY.isdisjoint(map(str.upper, self.claude_env)):
            return ""
        return gateway_key.word_of(self.gateway_key, name)

    def secrets_for(self, name: AgentName, network: str) -> dict[str, str]:
        """Return what is written for an agent as its secrets: placeholders, by the gateway."""
        word = self.word_for(name, network)
        if network != destinations.PROXY and not word:
            return self.secrets
        return {variable: placeholder(variable, word) for variable in self.secrets}

    def _network_env(self, network: str) -> dict[str, str]:
        if network != destinations.PROXY:
            return {}
        url = destinations.PROXY_URL
        env = {"HTTPS_PROXY": url, "HTTP_PROXY": url, "NO_PROXY": NO_PROXY}
        env |= {name.lower(): value for name, value in env.items()}
        return env | ({BASE_URL: url} if self.has_gateway else {})

    def _cache_ttl_s(self, config: HostConfig) -> float:
        if config.cache_ttl_s is not None:
            return config.cache_ttl_s
        has_key = config.demo or "ANTHROPIC_API_KEY" in self.secrets
        return settings.KEY_CACHE_S if has_key else settings.LOGIN_CACHE_S

    def harness_config(
        self,
        config: HostConfig,
        inside: Inside,
        name: AgentName,
        agent: AgentConfig = PLAIN,
        tree: Path | None = None,
        network: str = destinations.HOST,
    ) -> HarnessConfig:
        """Return the settings of one agent's harness.

        `agent` is what its agent.toml says, `network` how it reaches the network. `tree` holds the
        files of its deployed commit on the host; a runtime without paths of its own needs it.
        """
        secrets = Path(inside.given) / SECRETS_DIR
        return HarnessConfig(
            label=name,
            role="manager" if name == MANAGER else "agent",
            run_dir=inside.run,
            state_dir=inside.state,
            claude_dir=inside.claude,
            home=inside.home,
            shared_dir=inside.shared,
            agents_dir=inside.agents,
            applied_dir=inside.applied,
            meta_dir=inside.meta,
            claude=self.claude,
            hive=self.program.argv,
            path=agent_files.path_for(self.path, agent, config, inside),
            turn_mode=config.turn_mode,
            model=agent.model or config.model,
            operator_pronouns=config.operator_pronouns,
            demo=config.demo,
            rate_limit_s=config.rate_limit_s,
            overloaded_s=config.overloaded_s,
            **agent_files.tending_for(agent, config),
            cache_ttl_s=self._cache_ttl_s(config),
            park_s=config.park_s,
            history_keep_days=config.history_keep_days,
            stats_keep_days=config.stats_keep_days,
            claude_env={**self.claude_env, **self._network_env(network)},
            secret_files={variable: str(secrets / variable) for variable in self.secrets},
            env=agent_files.env_for(agent),
            network=network,
            gateway_word=self.word_for(name, network),
            forge_urls=_forge(config),
            local_services=_local_services(config, agent) if network == destinations.PROXY else (),
            mcp_servers=agent_servers.servers_for(agent, tree, inside),
            plugins=agent_servers.plugins_for(agent, tree, inside),
            allowed_recipients=agent.allowed_recipients,
            screen_port=agent.screen.port,
        )


def placeholder(variable: str, word: str = "") -> str:
    """Return what claude is given in a secret's place where the daemon adds the secret itself.

    It begins as the secret would, for whoever looks at that, and ends with the agent's word.
    """
    start = {"ANTHROPIC_API_KEY": "sk-ant-api03-", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-"}
    name = variable.lower().replace("_", "-")
    return f"{start.get(variable, '')}hive-puts-the-secret-here-{name}" + (word and f"-{word}")


def _local_services(config: HostConfig, agent: AgentConfig) -> tuple[str, ...]:
    """Return what an agent may reach on the host's loopback, and finds on its own."""
    found = []
    entries = (config.allow, agent.allow, agent_servers.reached(agent))
    for each in (each for some in entries for each in destinations.parse_all(some)):
        is_one = each.network is not None and each.network.num_addresses == 1
        host = str(each.network.network_address) if each.network is not None else each.name
        if host in LOOPBACK_NAMES and not each.is_below and (is_one or each.name):
            found += [str(Target(host, port)) for port in each.ports]
    forge = urlsplit(config.forge_url or "")
    if forge.hostname in LOOPBACK_NAMES:
        usual = 443 if forge.scheme == "https" else 80
        found.append(str(Target(forge.hostname, forge.port or usual)))
    return tuple(dict.fromkeys(found))


def _forge(config: HostConfig) -> tuple[str, ...]:
    """Return every address of the forge, as agents may come to read it."""
    urls = [url.rstrip("/") for url in (config.forge_url, config.forge_public_url) if url]
    return tuple(dict.fromkeys(urls)) if config.forge_url is not None else ()


def find(config: HostConfig, *, isolates: bool) -> Installation:
    """Look for everything on this host.

    Raises `Unavailable` for a secret that cannot be read, `BadRequest` for settings of the
    daemon's that no agent could be given.
    """
    packages.check_host(config)
    agent_files.check_limits(config.limits)
    here = program.find(isolated=isolates)
    plain, secrets = environment.claude_variables()
    found = None if config.demo else find_claude(config)
    binds = list(here.binds)
    claude: tuple[str, ...] = (*here.argv, "stand-in")
    if not config.demo:
        claude = (str(found) if found else "claude",)
        if found and isolates:
            binds += program.claude_binds(found)
    path = f"{PATH_INSIDE}:{program.BIN_INSIDE}" if isolates else environment.search_path()
    return Installation(
        program=here,
        claude=claude,
        binds=tuple(binds),
        path=path,
        claude_env={**here.env, **plain, **config.claude_env},
        secrets={**secrets, **_read_secrets(config)},
        claude_found=str(found) if found else None,
    )


def find_claude(config: HostConfig) -> Path | None:
    """Return the claude that is configured, named by `HIVE_CLAUDE`, or first on `PATH`.

    Raises `Unavailable` when one is named and is not there.
    """
    named = config.claude or environment.claude_override()
    if named is not None:
        path = Path(named).resolve()
        if not path.is_file():
            raise Unavailable(f"there is no claude at {named}: correct HIVE_CLAUDE or the setting")
        return path
    found = shutil.which("claude", path=environment.search_path())
    return Path(found).resolve() if found else None


def _read_secrets(config: HostConfig) -> dict[str, str]:
    values = {}
    for variable, file in config.claude_secret_files.items():
        if variable not in environment.CLAUDE_SECRETS:
            known = ", ".join(environment.CLAUDE_SECRETS)
            raise Unavailable(f"claude_secret_files knows {known}, not {variable!r}")
        try:
            values[variable] = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Unavailable(f"cannot read {file}: {error.strerror}") from error
    return values
