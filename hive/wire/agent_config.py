"""An agent's configuration: the one declarative file of its repository, `agent.toml`, typed."""

from __future__ import annotations

import attrs

from hive.errors import BadRequest

FILE = "agent.toml"
LEAST_CONTEXT = 20_000
"""Fewer tokens than claude's own prompt and tools take make no mark for a conversation."""
STEER_OPERATOR = "operator"
STEER_EVERYBODY = "everybody"
STEER_NOBODY = "nobody"
STEERS = (STEER_OPERATOR, STEER_EVERYBODY, STEER_NOBODY)
"""Whose messages may be put into a turn that runs."""
STATE = "/state/"
"""Where an agent's own directory is in a container; with it paths in the file begin."""


@attrs.frozen
class McpServer:
    """A further MCP server for claude: started inside the container, or reached over HTTP."""

    command: str | None = None
    """A program on the agent's path, or a path inside the container."""
    args: tuple[str, ...] = ()
    env: dict[str, str] = attrs.field(factory=dict)
    allowed_tools: tuple[str, ...] = ("*",)
    """Names of the tools claude may call without asking; `*` is all of them."""
    url: str | None = None
    """Where a server answers that runs elsewhere, in the place of a command."""
    headers: dict[str, str] = attrs.field(factory=dict)
    """What each request to `url` carries; `${NAME}` is that of `secrets`."""
    secrets: dict[str, str] = attrs.field(factory=dict)
    """Variable to the file below `/state` that holds it: of the command's environment, or for the
    headers."""


@attrs.frozen
class Link:
    """A link that the agent's row and page show."""

    label: str
    url: str
    """`http://` or `https://`, or a path below the agent's page."""


@attrs.frozen
class Limits:
    """What the container may use; None leaves the daemon's default."""

    memory_mib: int | None = None
    cpu_percent: int | None = None
    """100 is one whole core."""
    tasks: int | None = None
    """Processes and threads together."""
    open_files: int | None = None
    """Of each process."""
    disk_mib: int | None = None
    """What an agent may have on the disk; watched. The kernel holds each file to it alone."""


@attrs.frozen
class Screen:
    """A screen of the agent's that its page shows."""

    port: int | None = None
    """Where a VNC server listens on the container's loopback; None: there is no screen."""


USUAL = Limits(memory_mib=4096, tasks=1024, open_files=4096, disk_mib=10_240)
"""What an agent may use where neither its agent.toml nor the operator says anything. The processor
is shared alike where there are control groups, so no share of it is cut off."""


@attrs.frozen
class AgentConfig:
    """What `agent.toml` says; every key is optional."""

    description: str = ""
    """One line for people: what this agent is for."""
    packages: tuple[str, ...] = ()
    """Programs the agent's path must hold, or packages the operator named in `packages`."""
    env: dict[str, str] = attrs.field(factory=dict)
    """Environment of claude and everything it starts."""
    limits: Limits = Limits()
    mcp_servers: dict[str, McpServer] = attrs.field(factory=dict)
    plugins: tuple[str, ...] = ()
    """Plugins of claude, `NAME@MARKETPLACE`, installed when the harness starts."""
    allowed_recipients: tuple[str, ...] = ()
    """Whom the agent may write to beside the manager; empty: everybody."""
    network: str | None = None
    """`proxy`: by the daemon's proxy alone; `host`: as the host does; None: the daemon's."""
    allow: tuple[str, ...] = ()
    """What the agent may connect to through the proxy: HOST, `*.HOST`, an address or a network,
    with `:PORT` if need be."""
    model: str | None = None
    """The model until the operator chooses another on the page; None: the daemon's default."""
    available_models: tuple[str, ...] | None = None
    """The models the agent's page offers; None: the daemon's."""
    auto_compact: bool | None = None
    """Whether a conversation is compacted before it is full; None: as the daemon says, in these and
    the following ones too."""
    compact_tokens: int | None = None
    """From how many tokens on; 0: never."""
    reset_tokens: int | None = None
    """From how many tokens on a conversation left alone is begun anew; 0: never."""
    screen: Screen = Screen()
    """Where the agent's page finds a screen of it."""
    steer: str | None = None
    """Whose messages are put into a running turn: `operator`, `everybody` or `nobody`."""
    icon: str = ""
    """An emoji, or a letter or two, beside its name."""
    links: tuple[Link, ...] = ()
    """What its row and its page lead to."""


def check_context(key: str, tokens: int | None) -> None:
    """Raise `BadRequest` for a mark that every conversation would be above."""
    if tokens is not None and tokens != 0 and tokens < LEAST_CONTEXT:
        raise BadRequest(f"{key} is {tokens}: give at least {LEAST_CONTEXT}, or 0 for never")
