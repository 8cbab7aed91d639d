"""Typed settings of the daemon and of the harness, with their defaults, read from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import attrs

from hive.errors import BadRequest, Unavailable
from hive.wire import agent_config, codec, destinations
from hive.wire.agent_config import USUAL, Limits, McpServer

T = TypeVar("T")

FIRST_AGENT_UID = 1_900_000_000
KEY_CACHE_S = 300.0
LOGIN_CACHE_S = 3600.0
"""How long the service keeps a prompt it has read: for an API key, and for a subscription."""


@attrs.frozen
class HostConfig:
    """Settings of the daemon, from defaults, a JSON file and the command line, in that order."""

    root: str | None = None
    """Directory that holds `state` and `run`; None: the places of the command that runs."""
    host: str = "127.0.0.1"
    """Address the dashboard binds; anything but loopback needs `tls_in_front`."""
    port: int = 7000
    """TCP port of the dashboard; 0 takes a free one."""
    tls_in_front: bool = False
    """True when a proxy that speaks TLS stands before the dashboard."""
    allowed_hosts: tuple[str, ...] = ()
    """Further `Host` names the dashboard answers to, without a port."""
    operator_group: str | None = None
    """Whose members may act as the operator beside the daemon's own user; None: its own group."""
    containers: str | None = None
    """`nixos`, `bubblewrap` or `process`; None: the first that works here, never `process`."""
    demo: bool = False
    """Put the scripted stand-in in claude's place."""
    claude: str | None = None
    """Path of claude; None: `HIVE_CLAUDE`, else the one on `PATH`."""
    git: str | None = None
    """Path of git; None: `HIVE_GIT`, else the one on `PATH`."""
    turn_mode: str = "live"
    """`live`: one long claude per agent; `process`: one per turn."""
    model: str = "haiku"
    """Model of an agent that has not chosen one."""
    operator_pronouns: str = "she/her"
    """How the prompts speak of the operator."""
    rate_limit_s: float = 300.0
    """How long an agent waits at its account's limit when claude does not say until when."""
    overloaded_s: float = 30.0
    """How long an agent waits when claude's service is overloaded; longer each time, up to ten
    times that."""
    auto_compact: bool = True
    """Have a conversation compacted before it is full, behind a turn."""
    compact_tokens: int | None = None
    """From how many tokens on; None: three quarters of what the model takes, 0: never."""
    reset_tokens: int | None = None
    """From how many tokens on a conversation that was left alone is begun anew; None: half of what
    the model takes, 0: never."""
    cache_ttl_s: float | None = None
    """How long it must have been left alone for that; None: 300 with an API key, 3600 with a login
    or a token."""
    park_s: float = 600.0
    """After how long without a turn claude's process is let go until the next one; 0: never."""
    steer: str = agent_config.STEER_OPERATOR
    """Whose messages are put into a running turn: `operator`, `everybody` or `nobody`."""
    available_models: tuple[str, ...] = ()
    """The models an agent's page offers beside the present one."""
    settle_s: float = 3.0
    """How long a newly deployed container is watched when its harness stays silent; one that ends
    within is rolled back."""
    stop_containers: bool = False
    """True: stopping the daemon stops every container (`up`); else they are found again."""
    auto_update: bool = True
    """Build agents anew at the start that an older hive built, the manager first."""
    history_keep_days: float = 7.0
    """How long what an agent's page showed is kept."""
    stats_keep_days: float = 90.0
    """How long an agent's turns are kept for the statistics."""
    migrate: bool = True
    """Bring the layout of an older hive up to date at the start."""
    claude_env: dict[str, str] = attrs.field(factory=dict)
    """Non-secret variables for claude: `ANTHROPIC_BASE_URL`, `CLAUDE_CODE_MAX_RETRIES`."""
    claude_secret_files: dict[str, str] = attrs.field(factory=dict)
    """Variable to the path of the file that holds its value, for the three secrets."""
    packages: dict[str, str] = attrs.field(factory=dict)
    """What agents may ask for by name in their agent.toml: name to a directory on the host."""
    limits: Limits = USUAL
    """What a container may use whose agent.toml does not say; what is left out of a table that is
    given has no limit."""
    disk_reserve_mib: int = 1024
    """Below so much free space where the state is, who writes most is stopped; 0: nobody is."""
    network: str = destinations.PROXY
    """How an agent reaches the network whose agent.toml does not say: `proxy` or `host`."""
    allow: tuple[str, ...] = ()
    """What every agent may connect to through the proxy, beside what its agent.toml lists."""
    agent_uids: int = FIRST_AGENT_UID
    """The first of the users that a daemon which is root gives its agents, one each; on NixOS 65536
    each."""
    build_s: float = 3600.0
    """How long nix may build an agent's system, on NixOS."""
    hive_flake: str | None = None
    """Reference of the flake of hive that agents' systems are built with, on NixOS."""
    forge_url: str | None = None
    """Address of a Forgejo or Gitea that deployed configurations are mirrored to."""
    forge_token_file: str | None = None
    """File with the token of an administrator there, who is the daemon's own user."""
    forge_public_url: str | None = None
    """Its address for the operator's browser; None: the same."""
    public_url: str | None = None
    """The dashboard's address as the operator opens it, for every link; None: where it is bound."""
    push_contact: str | None = None
    """`mailto:` or https address that push services may write to about this hive."""
    webhook_url: str | None = None
    """Address that notifications are posted to."""
    webhook_secret_file: str | None = None
    """File with the secret that they are signed with."""
    ntfy_url: str | None = None
    """Address of a topic of ntfy that notifications are published to."""
    ntfy_token_file: str | None = None
    """File with an access token for it."""


@attrs.frozen
class HarnessConfig:
    """Settings of one harness; the daemon writes them to `harness.json`, read-only inside."""

    label: str
    """The agent's name."""
    role: str
    """`agent` or `manager`."""
    run_dir: str
    """`/run/hive` in a container."""
    state_dir: str
    """`/state` in a container; claude's working directory."""
    claude_dir: str
    """`/root/.claude` in a container; claude's CLAUDE_CONFIG_DIR."""
    home: str
    """claude's HOME."""
    shared_dir: str
    """`/shared` in a container."""
    claude: tuple[str, ...]
    """The command that is claude, arguments that come first included."""
    hive: tuple[str, ...]
    """The command that is this hive, for claude to start `agent mcp` with."""
    path: str
    """claude's PATH."""
    turn_mode: str = "live"
    model: str = "haiku"
    operator_pronouns: str = "she/her"
    demo: bool = False
    rate_limit_s: float = 300.0
    overloaded_s: float = 30.0
    auto_compact: bool = True
    compact_tokens: int | None = None
    reset_tokens: int | None = None
    cache_ttl_s: float = KEY_CACHE_S
    park_s: float = 600.0
    steer: str = agent_config.STEER_OPERATOR
    available_models: tuple[str, ...] = ()
    history_keep_days: float = 7.0
    stats_keep_days: float = 90.0
    claude_env: dict[str, str] = attrs.field(factory=dict)
    """Further variables for claude, no secret among them."""
    secret_files: dict[str, str] = attrs.field(factory=dict)
    """Variable to the file that holds it, readable inside the container."""
    network: str = destinations.HOST
    """`proxy`: the harness passes what reaches its loopback port on to the daemon's proxy."""
    gateway_word: str = ""
    """What the agent's programs show at the gateway where its network is the host's; empty where
    they go to the API and the forge themselves."""
    forge_urls: tuple[str, ...] = ()
    """The addresses by which the forge is known; it is reached by the gateway instead."""
    local_services: tuple[str, ...] = ()
    """`HOST:PORT` on the host's loopback that are answered on the same port of the container's."""
    agents_dir: str = "/agents"
    """Every agent's directory; the manager's alone, as the next two."""
    applied_dir: str = "/applied"
    """What the agents were built from; read-only."""
    meta_dir: str = "/meta"
    """What is deployed, and the history of it; read-only."""
    env: dict[str, str] = attrs.field(factory=dict)
    """What agent.toml adds to the environment of claude and of what it starts."""
    mcp_servers: dict[str, McpServer] = attrs.field(factory=dict)
    """What agent.toml adds to hive's own MCP server, by the name claude knows it by."""
    plugins: tuple[str, ...] = ()
    """Plugins of claude that agent.toml names, `NAME@MARKETPLACE`."""
    allowed_recipients: tuple[str, ...] = ()
    """Whom the agent may write to beside the manager, for its prompt; empty: everybody. The daemon
    is the one that holds it to that."""
    screen_port: int | None = None
    """Where on its loopback the VNC server of the agent's screen listens, by agent.toml."""

    @property
    def socket(self) -> Path:
        """The socket that makes this harness its agent."""
        return Path(self.run_dir) / "mcp.sock"

    @property
    def egress_socket(self) -> Path:
        """The way out of a container with a network of its own."""
        return Path(self.run_dir) / "egress.sock"

    @property
    def gateway_socket(self) -> Path:
        """The way to the gateway where the container has the host's network."""
        return Path(self.run_dir) / "gateway.sock"

    @property
    def web_socket(self) -> Path:
        """Where the agent's page is served."""
        return Path(self.run_dir) / "web.sock"

    @property
    def terminal_socket(self) -> Path:
        """Where programs are started for the operator."""
        return Path(self.run_dir) / "terminal.sock"


def load_host_config(file: Path | None) -> HostConfig:
    """Read the daemon's settings; raises `BadRequest` for an unknown key.

    What the values are is for `config_checks`.
    """
    return HostConfig() if file is None else _load(HostConfig, file)


def load_harness_config(file: Path) -> HarnessConfig:
    """Read a harness's settings; raises `BadRequest` or `Unavailable`."""
    return _load(HarnessConfig, file)


def _load(kind: type[T], file: Path) -> T:
    try:
        return codec.from_json(kind, codec.loads(file.read_bytes()))
    except OSError as error:
        raise Unavailable(f"cannot read {file}: {error.strerror}") from error
    except BadRequest as error:
        raise BadRequest(f"{file}: {error.message}") from error
