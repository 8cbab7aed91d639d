"""agent.toml: reading it strictly, and what a container gets of what it says.

The file comes from a repository that an agent writes and the operator approved. Everything in it is
checked here, so that what is left for a start is looking things up.
"""

from __future__ import annotations

import ast
import re
import tomllib
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from hive.config import HostConfig
from hive.errors import BadRequest
from hive.host import packages, toml_edit, toml_lines
from hive.host.runtime import Bind, ContainerSpec, Inside
from hive.wire import codec, destinations
from hive.wire.agent_config import (
    FILE,
    STEERS,
    AgentConfig,
    Limits,
    McpServer,
    check_context,
)
from hive.wire.limits import check_body
from hive.wire.names import EVERYBODY, model_name, recipient_name

GIVEN = "/etc/hive"
"""Where a container that has paths of its own finds what the daemon gives it."""
TREE = f"{GIVEN}/config"
"""Where it finds the files of its own repository, read-only."""
FILE_BYTES = 64 * 1024
ENV_BYTES = 32 * 1024
ENV_MOST = 64
SERVERS_MOST = 16
ARGS_MOST = 64
OWN_SERVER = "hyperhive"
"""The key of hive's own MCP server, which no other may have."""
MEMORY_MIB = (256, 4 * 1024 * 1024)
CPU_PERCENT = (5, 102_400)
TASKS = (64, 1_000_000)
OPEN_FILES = (256, 1_000_000)
DISK_MIB = (64, 64 * 1024 * 1024)
"""From the least that claude and the harness run with, to beyond any machine."""
RESERVED_NAMES = frozenset(
    {"PATH", "HOME", "TMPDIR", "PWD", "OLDPWD", "LANG", "IFS", "ENV", "BASH_ENV"}
    | {"MCP_TIMEOUT", "MCP_TOOL_TIMEOUT", "PYTHONPATH", "PYTHONHOME", "IS_SANDBOX"}
    | {"DISABLE_COMPACT", "DISABLE_AUTO_COMPACT"}
    | {"NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED"}
)
RESERVED_STARTS = ("ANTHROPIC_", "BUN_", "CLAUDE_", "HIVE_", "LD_", "SHIV_")
"""Variables that hive sets, that lead claude to an account, or that would break hive's tools."""
RESERVED_END = "_PROXY"
"""In small letters too: whoever is in between reads what claude sends, its token included."""

_NOBODY = (
    'is empty: name those it may write to, or "manager" for nobody else; leave the key out to allow'
    " everybody"
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SERVER = re.compile(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?")
_TOOL = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FIELD = re.compile(r"(?:unknown|the) field (['\"].*['\"])(?: is missing)?(?: in ([^ ]+))?")
_LONG_NUMBER = re.compile(r"[0-9][0-9_]{4000,}")
_NOT_IN_A_LINE = frozenset({"Cc", "Zl", "Zp"})
"""The categories of what breaks a line or steers a terminal."""


def parse(data: bytes) -> AgentConfig:
    """Return what an agent.toml says; raises `BadRequest` that names the key and its line."""
    if len(data) > FILE_BYTES:
        raise BadRequest(f"{FILE} is longer than {FILE_BYTES} bytes: shorten it")
    try:
        text = data.decode()
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadRequest(f"{FILE} line {line}: it is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise BadRequest(f"{FILE}: {error}") from error
    except ValueError as error:
        # Python's own limit for a number's digits, which tomllib lets through without a place.
        found = _LONG_NUMBER.search(text)
        number = text.count("\n", 0, found.start()) + 1 if found else 0
        raise BadRequest(f"{_place(number)}: a number is too long: shorten it") from error
    except RecursionError as error:
        raise BadRequest(f"{FILE}: it is nested too deep") from error
    try:
        config = codec.from_json(AgentConfig, table)
        _check(config)
        if table.get("allowed_recipients") == []:
            raise _Bad(("allowed_recipients",), _NOBODY)
    except BadRequest as error:
        keys = error.keys if isinstance(error, _Bad) else _keys(error.message)
        raise BadRequest(f"{_place(toml_lines.find(text, keys))}: {error.message}") from error
    return config


def allowing(data: bytes, entries: tuple[str, ...]) -> bytes:
    """Return an agent.toml with entries added to `allow`, and nothing else of it changed.

    Raises `BadRequest` for one that is not in order, then or now, or that cannot be added to so.
    """
    before = parse(data)
    after = toml_edit.add_strings(data.decode(), "allow", entries).encode()
    wanted = attrs.evolve(before, allow=(*before.allow, *entries))
    try:
        is_right = parse(after) == wanted
    except BadRequest:
        # An entry too many says so; whatever else is wrong came by the change.
        _check(wanted)
        is_right = False
    if not is_right:
        raise BadRequest(f"{FILE} is written in a way hive does not extend: change it by hand")
    return after


def harness_words(words: tuple[str, ...], tree: str) -> tuple[str, ...]:
    """Return a command with `/etc/hive/config` replaced by where the files really are seen."""
    if tree == TREE:
        return words
    start = f"{TREE}/"
    return tuple(
        f"{tree}/{word[len(start) :]}" if word.startswith(start) else word for word in words
    )


def tree_inside(tree: Path | None, inside: Inside) -> str:
    """Return where a container finds the files of its commit, which are at `tree` on the host."""
    return TREE if tree is None or inside.given == GIVEN else str(tree)


def servers_for(config: AgentConfig, tree: Path | None, inside: Inside) -> dict[str, McpServer]:
    """Return the further MCP servers with every path as the container knows it."""
    seen = tree_inside(tree, inside)
    return {
        name: attrs.evolve(
            server,
            command=harness_words((server.command,), seen)[0],
            args=harness_words(server.args, seen),
        )
        for name, server in config.mcp_servers.items()
    }


def network_for(config: AgentConfig, host: HostConfig) -> str:
    """Return how the agent reaches the network, where a container can have one of its own."""
    return config.network or host.network


def env_for(config: AgentConfig) -> dict[str, str]:
    """Return what is added to the environment of claude and of everything it starts."""
    return dict(config.env)


def tending_for(config: AgentConfig, host: HostConfig) -> dict[str, Any]:
    """Return how the agent's conversation is looked after, with the daemon's where it says nothing.

    By the names the harness's settings have for it.
    """
    keys = ("available_models", "auto_compact", "compact_tokens", "reset_tokens", "steer")
    said = {key: getattr(config, key) for key in keys}
    return {key: getattr(host, key) if value is None else value for key, value in said.items()}


def path_for(path: str, config: AgentConfig, host: HostConfig, inside: Inside) -> str:
    """Return a PATH with the folders of the agent's packages behind hive's own."""
    is_own = inside.given == GIVEN
    added = [
        place.inside if is_own else str(place.programs) for place in packages.places(config, host)
    ]
    return ":".join([path, *added])


def limits_for(config: AgentConfig, host: HostConfig) -> Limits:
    """Return the agent's limits, with the daemon's where it names none."""
    own = attrs.asdict(config.limits)
    said = {key: value for key, value in own.items() if value is not None}
    return attrs.evolve(host.limits, **said)


def binds_for(
    config: AgentConfig, tree: Path, host: HostConfig, inside: Inside
) -> tuple[Bind, ...]:
    """Return what has to be seen inside: the files of the commit, and the packages; read-only."""
    if inside.given != GIVEN:
        return ()
    found = [Bind(place.source, place.target) for place in packages.places(config, host)]
    return (Bind(tree, TREE), *found)


def equip(
    spec: ContainerSpec, config: AgentConfig, tree: Path, host: HostConfig, inside: Inside
) -> ContainerSpec:
    """Return a container's spec with what its agent.toml adds: path, binds and limits.

    `tree` holds the files of the deployed commit. The environment, the model and the MCP servers
    are claude's: `Installation.harness_config` hands them on.
    """
    env = dict(spec.env)
    if "PATH" in env:
        env["PATH"] = path_for(env["PATH"], config, host, inside)
    return attrs.evolve(
        spec,
        env=env,
        binds=(*spec.binds, *binds_for(config, tree, host, inside)),
        limits=limits_for(config, host),
    )


class _Bad(BadRequest):
    """A value that is not allowed, and the keys that lead to it."""

    def __init__(self, keys: tuple[str, ...], message: str) -> None:
        super().__init__(f"{'.'.join(keys)} {message}")
        self.keys = keys


def _check(config: AgentConfig) -> None:
    if any(unicodedata.category(sign) in _NOT_IN_A_LINE for sign in config.description):
        raise _Bad(("description",), "is one line: remove line breaks and control characters")
    _within(("description",), lambda: check_body("it", config.description))
    for package in config.packages:
        _within(("packages",), partial(packages.check_name, package))
    _check_env(("env",), config.env)
    for name in config.env:
        is_proxy = name.upper().endswith(RESERVED_END)
        if name in RESERVED_NAMES or name.startswith(RESERVED_STARTS) or is_proxy:
            raise _Bad(("env", name), "belongs to hive or to claude's account: choose another name")
    check_limits(config.limits)
    if len(config.mcp_servers) > SERVERS_MOST:
        raise _Bad(("mcp_servers",), f"are more than {SERVERS_MOST}")
    for name, server in config.mcp_servers.items():
        _check_server(name, server)
    for who in config.allowed_recipients:
        if who == EVERYBODY:
            raise _Bad(
                ("allowed_recipients",), "cannot hold '*': leave the key out to allow everybody"
            )
        _within(("allowed_recipients",), partial(recipient_name, who))
    _check_network(config)
    _check_tending(config)


def _check_tending(config: AgentConfig) -> None:
    if config.model is not None:
        _within(("model",), partial(model_name, config.model))
    for name in config.available_models or ():
        _within(("available_models",), partial(model_name, name))
    for key in ("compact_tokens", "reset_tokens"):
        _within((key,), partial(check_context, key, getattr(config, key)))
    if config.steer is not None and config.steer not in STEERS:
        raise _Bad(("steer",), f"is {config.steer[:40]!r}: give one of {', '.join(STEERS)}")


def _check_network(config: AgentConfig) -> None:
    if config.network is not None:
        _within(("network",), partial(destinations.check_mode, config.network))
    _within(("allow",), partial(destinations.parse_all, config.allow))


def check_limits(limits: Limits) -> None:
    """Raise `BadRequest` for a limit that nothing could run with."""
    for key, value, (least, most) in (
        ("memory_mib", limits.memory_mib, MEMORY_MIB),
        ("cpu_percent", limits.cpu_percent, CPU_PERCENT),
        ("tasks", limits.tasks, TASKS),
        ("open_files", limits.open_files, OPEN_FILES),
        ("disk_mib", limits.disk_mib, DISK_MIB),
    ):
        if value is not None and not least <= value <= most:
            raise _Bad(("limits", key), f"is {value}: give {least} to {most}")


def _check_env(keys: tuple[str, ...], env: dict[str, str]) -> None:
    for name, value in env.items():
        if not _VARIABLE.fullmatch(name):
            raise _Bad((*keys, name[:40]), "is not a variable's name: use letters, digits and '_'")
        if "\0" in value:
            raise _Bad((*keys, name), "holds NUL, which nothing can be started with: remove it")
    if len(env) > ENV_MOST:
        raise _Bad(keys, f"has more than {ENV_MOST} variables")
    if sum(len(name) + len(value.encode()) for name, value in env.items()) > ENV_BYTES:
        raise _Bad(keys, f"is more than {ENV_BYTES} bytes: put long values into files")


def _check_server(name: str, server: McpServer) -> None:
    keys = ("mcp_servers", name[:40])
    if name == OWN_SERVER:
        raise _Bad(keys, "is hive's own server: choose another name")
    if not _SERVER.fullmatch(name):
        raise _Bad(
            keys,
            "is not a server's name: use 1 to 32 characters, a lower-case letter first, then"
            " lower-case letters, digits or '-', not ending in '-'",
        )
    command = server.command
    if not command or command != command.strip() or not command.isprintable():
        raise _Bad((*keys, "command"), "is not a program: give a name, or a path inside")
    if "/" in command and not command.startswith("/"):
        raise _Bad(
            (*keys, "command"),
            f"is {command[:80]!r}: give a program's name, or a whole path; a file of this"
            f" repository is below {TREE}",
        )
    if ".." in Path(command).parts:
        raise _Bad((*keys, "command"), "must not hold '..'")
    if len(server.args) > ARGS_MOST:
        raise _Bad((*keys, "args"), f"are more than {ARGS_MOST}")
    if any("\0" in word for word in server.args):
        raise _Bad((*keys, "args"), "hold NUL, which nothing can be started with: remove it")
    _check_env((*keys, "env"), server.env)
    for tool in server.allowed_tools:
        if tool != "*" and not _TOOL.fullmatch(tool):
            raise _Bad(
                (*keys, "allowed_tools"),
                f"holds {tool[:40]!r}: give the tools' own names, or '*' for all",
            )


def _within(keys: tuple[str, ...], check: Callable[[], object]) -> None:
    try:
        check()
    except BadRequest as error:
        raise _Bad(keys, f"is refused: {error.message}") from error


def _place(number: int) -> str:
    return f"{FILE} line {number}" if number else FILE


def _keys(message: str) -> tuple[str, ...]:
    """Return the keys that a message of the codec begins with or quotes."""
    found = _FIELD.fullmatch(message)
    if found is None:
        return tuple(message.partition(" must ")[0].split("."))
    (key, *_) = ast.literal_eval(f"[{found[1]}]")
    return (*found[2].split("."), key) if found[2] else (key,)
