"""The MCP servers and plugins of an agent.toml: what may stand there, and where things are."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import attrs

from hive.errors import BadRequest
from hive.host.runtime import Inside
from hive.host.toml_checks import Bad, check_env, check_size, check_variable, within
from hive.wire import destinations
from hive.wire.agent_config import STATE, AgentConfig, McpServer
from hive.wire.destinations import Target
from hive.wire.plugins import parse_plugin

GIVEN = "/etc/hive"
"""Where a container that has paths of its own finds what the daemon gives it."""
TREE = f"{GIVEN}/config"
"""Where it finds the files of its own repository, read-only."""
OWN_SERVER = "hyperhive"
"""The key of hive's own MCP server, which no other may have."""
SERVERS_MOST = 16
PLUGINS_MOST = 16
ARGS_MOST = 64
HEADERS_MOST = 32
URL_BYTES = 2048

_SERVER = re.compile(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?")
_TOOL = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_URL = re.compile(r"https?://[!-~]+")
_PORTS = {"https": 443, "http": 80}


def check(config: AgentConfig) -> None:
    """Raise `Bad` for a server or a plugin that cannot be."""
    if len(config.mcp_servers) > SERVERS_MOST:
        raise Bad(("mcp_servers",), f"are more than {SERVERS_MOST}")
    for name, server in config.mcp_servers.items():
        _check_server(name, server)
    if len(config.plugins) > PLUGINS_MOST:
        raise Bad(("plugins",), f"are more than {PLUGINS_MOST}")
    for plugin in config.plugins:
        within(("plugins",), partial(parse_plugin, plugin))
    places = [parse_plugin(plugin).source for plugin in config.plugins]
    for place in (place for place in places if place.startswith("/")):
        if not Path(place).is_relative_to(TREE):
            raise Bad(
                ("plugins",),
                f"holds {place!r}: a directory of this repository is below {TREE}, and no other"
                " can be named",
            )


def servers_for(config: AgentConfig, tree: Path | None, inside: Inside) -> dict[str, McpServer]:
    """Return the further MCP servers with every path as the container knows it."""
    seen = tree_inside(tree, inside)
    return {
        name: attrs.evolve(
            server,
            command=server.command and harness_words((server.command,), seen)[0],
            args=harness_words(server.args, seen),
        )
        for name, server in config.mcp_servers.items()
    }


def plugins_for(config: AgentConfig, tree: Path | None, inside: Inside) -> tuple[str, ...]:
    """Return the plugins with every path as the container knows it."""
    seen = tree_inside(tree, inside)
    found = (parse_plugin(plugin) for plugin in config.plugins)
    return tuple(f"{each.name}@{harness_words((each.source,), seen)[0]}" for each in found)


def harness_words(words: tuple[str, ...], tree: str) -> tuple[str, ...]:
    """Return a command with `/etc/hive/config` replaced by where the files really are seen."""
    if tree == TREE:
        return words
    return tuple(
        f"{tree}{word.removeprefix(TREE)}" if word == TREE or word.startswith(f"{TREE}/") else word
        for word in words
    )


def tree_inside(tree: Path | None, inside: Inside) -> str:
    """Return where a container finds the files of its commit, which are at `tree` on the host."""
    return TREE if tree is None or inside.given == GIVEN else str(tree)


def reached(config: AgentConfig) -> tuple[str, ...]:
    """Return what the servers by url make the agent connect to, as entries of `allow`."""
    urls = (server.url for server in config.mcp_servers.values())
    return tuple(dict.fromkeys(str(_target(urlsplit(url))) for url in urls if url is not None))


def _target(parts: SplitResult) -> Target:
    """Return where a url leads; raises `BadRequest`."""
    try:
        port = parts.port
    except ValueError as error:
        raise BadRequest(f"{parts.netloc[:80]!r} is no place: a port is a number") from error
    return destinations.parse_target(
        parts.netloc.rpartition(":")[0] if port is not None else parts.netloc.rstrip(":"),
        port or _PORTS[parts.scheme],
    )


def _check_server(name: str, server: McpServer) -> None:
    keys = ("mcp_servers", name[:40])
    if name == OWN_SERVER:
        raise Bad(keys, "is hive's own server: choose another name")
    if not _SERVER.fullmatch(name):
        raise Bad(
            keys,
            "is not a server's name: use 1 to 32 characters, a lower-case letter first, then"
            " lower-case letters, digits or '-', not ending in '-'",
        )
    if (server.command is None) == (server.url is None):
        raise Bad(keys, "needs either a command, or the url of a server that runs elsewhere")
    if server.command is None:
        _check_remote(keys, server)
    else:
        _check_local(keys, server, server.command)
    _check_secrets(keys, server)
    for tool in server.allowed_tools:
        if tool != "*" and not _TOOL.fullmatch(tool):
            raise Bad(
                (*keys, "allowed_tools"),
                f"holds {tool[:40]!r}: give the tools' own names, or '*' for all",
            )


def _check_local(keys: tuple[str, ...], server: McpServer, command: str) -> None:
    if server.headers:
        raise Bad((*keys, "headers"), "are for a server with a url: this one has a command")
    if not command or command != command.strip() or not command.isprintable():
        raise Bad((*keys, "command"), "is not a program: give a name, or a path inside")
    if "/" in command and not command.startswith("/"):
        raise Bad(
            (*keys, "command"),
            f"is {command[:80]!r}: give a program's name, or a whole path; a file of this"
            f" repository is below {TREE}",
        )
    if ".." in Path(command).parts:
        raise Bad((*keys, "command"), "must not hold '..'")
    if len(server.args) > ARGS_MOST:
        raise Bad((*keys, "args"), f"are more than {ARGS_MOST}")
    if any("\0" in word for word in server.args):
        raise Bad((*keys, "args"), "hold NUL, which nothing can be started with: remove it")
    check_env((*keys, "env"), server.env)


def _check_remote(keys: tuple[str, ...], server: McpServer) -> None:
    url = server.url or ""
    for key in ("args", "env"):
        if getattr(server, key):
            raise Bad((*keys, key), "are for a server with a command: this one has a url")
    if not _URL.fullmatch(url) or len(url) > URL_BYTES:
        raise Bad((*keys, "url"), "must read as https://HOST/PATH, with a port if need be")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Bad((*keys, "url"), f"is not one: {error}") from error
    if "@" in parts.netloc or parts.fragment or "$" in url:
        raise Bad(
            (*keys, "url"), "must hold no user, fragment or variable: put a secret into headers"
        )
    within((*keys, "url"), partial(_target, parts))
    if len(server.headers) > HEADERS_MOST:
        raise Bad((*keys, "headers"), f"are more than {HEADERS_MOST}")
    check_size((*keys, "headers"), server.headers)
    for header, value in server.headers.items():
        if not _HEADER.fullmatch(header):
            raise Bad((*keys, "headers", header[:40]), "is not a header's name")
        if not value.isascii() or not value.isprintable():
            raise Bad((*keys, "headers", header), "must be one line of ASCII")


def _check_secrets(keys: tuple[str, ...], server: McpServer) -> None:
    keys = (*keys, "secrets")
    check_size(keys, server.secrets)
    for variable, file in server.secrets.items():
        check_variable(keys, variable)
        if variable in server.env:
            raise Bad((*keys, variable), "stands in env as well: name it once")
        path = Path(file)
        is_plain = file.isprintable() and not file.endswith("/") and ".." not in path.parts
        if (
            not file.startswith(STATE)
            or not is_plain
            or len(path.parts) < len(Path(STATE).parts) + 1
        ):
            raise Bad(
                (*keys, variable),
                f"is {file[:80]!r}: give the path of a file below {STATE}, where the operator puts"
                " the secret",
            )
