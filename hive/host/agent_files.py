"""agent.toml: reading it strictly, and what a container gets of what it says.

The file comes from a repository that an agent writes and the operator approved. Everything in it is
checked here, so that what is left for a start is looking things up.
"""

from __future__ import annotations

import ast
import re
import tomllib
import unicodedata
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from hive.config import HostConfig
from hive.errors import BadRequest
from hive.host import agent_looks, agent_servers, packages, toml_edit, toml_lines
from hive.host.agent_servers import GIVEN, TREE
from hive.host.runtime import Bind, ContainerSpec, Inside
from hive.host.toml_checks import Bad, check_env, within
from hive.wire import codec, destinations
from hive.wire.agent_config import FILE, STEERS, AgentConfig, Limits, Screen, check_context
from hive.wire.limits import check_body
from hive.wire.names import EVERYBODY, model_name, recipient_name

FILE_BYTES = 64 * 1024
MEMORY_MIB = (256, 4 * 1024 * 1024)
CPU_PERCENT = (5, 102_400)
TASKS = (64, 1_000_000)
OPEN_FILES = (256, 1_000_000)
DISK_MIB = (64, 64 * 1024 * 1024)
"""From the least that claude and the harness run with, to beyond any machine."""
SCREEN_PORT = (1024, 65535)
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
            raise Bad(("allowed_recipients",), _NOBODY)
    except BadRequest as error:
        keys = error.keys if isinstance(error, Bad) else _keys(error.message)
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


def _check(config: AgentConfig) -> None:
    if any(unicodedata.category(sign) in _NOT_IN_A_LINE for sign in config.description):
        raise Bad(("description",), "is one line: remove line breaks and control characters")
    within(("description",), lambda: check_body("it", config.description))
    for package in config.packages:
        within(("packages",), partial(packages.check_name, package))
    check_env(("env",), config.env)
    for name in config.env:
        is_proxy = name.upper().endswith(RESERVED_END)
        if name in RESERVED_NAMES or name.startswith(RESERVED_STARTS) or is_proxy:
            raise Bad(("env", name), "belongs to hive or to claude's account: choose another name")
    check_limits(config.limits)
    agent_servers.check(config)
    for who in config.allowed_recipients:
        if who == EVERYBODY:
            raise Bad(
                ("allowed_recipients",), "cannot hold '*': leave the key out to allow everybody"
            )
        within(("allowed_recipients",), partial(recipient_name, who))
    _check_network(config)
    _check_tending(config)
    _check_screen(config.screen)
    agent_looks.check(config)


def _check_tending(config: AgentConfig) -> None:
    if config.model is not None:
        within(("model",), partial(model_name, config.model))
    for name in config.available_models or ():
        within(("available_models",), partial(model_name, name))
    for key in ("compact_tokens", "reset_tokens"):
        within((key,), partial(check_context, key, getattr(config, key)))
    if config.steer is not None and config.steer not in STEERS:
        raise Bad(("steer",), f"is {config.steer[:40]!r}: give one of {', '.join(STEERS)}")


def _check_network(config: AgentConfig) -> None:
    if config.network is not None:
        within(("network",), partial(destinations.check_mode, config.network))
    within(("allow",), partial(destinations.parse_all, config.allow))


def _check_screen(screen: Screen) -> None:
    if screen.port is not None and not SCREEN_PORT[0] <= screen.port <= SCREEN_PORT[1]:
        least, most = SCREEN_PORT
        raise Bad(("screen", "port"), f"is {screen.port}: give {least} to {most}")
    if screen.port == destinations.PROXY_PORT:
        raise Bad(("screen", "port"), f"is {screen.port}, where the proxy listens: give another")


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
            raise Bad(("limits", key), f"is {value}: give {least} to {most}")


def _place(number: int) -> str:
    return f"{FILE} line {number}" if number else FILE


def _keys(message: str) -> tuple[str, ...]:
    """Return the keys that a message of the codec begins with or quotes."""
    found = _FIELD.fullmatch(message)
    if found is None:
        return tuple(message.partition(" must ")[0].split("."))
    (key, *_) = ast.literal_eval(f"[{found[1]}]")
    return (*found[2].split("."), key) if found[2] else (key,)
