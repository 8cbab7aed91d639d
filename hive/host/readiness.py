"""Whether this host can give a container what its agent.toml asks for, asked before it is stopped.

`check` is for the runtimes that build nothing, `check_own` and `check_system` are for those that
build a system. Blocks on the disk.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hive.config import HostConfig
from hive.errors import BadRequest
from hive.host import agent_servers, packages
from hive.host.runtime import BuildOrder, Inside
from hive.host.sandbox import is_visible
from hive.wire.agent_config import AgentConfig, McpServer
from hive.wire.plugins import parse_plugin

PROGRAM = 0o111
CHANGING = ("/state/", "/shared/")
"""Where a program may appear after the build: it cannot be looked for before."""

STORE = Path("/nix/store")
MARKETPLACE = ".claude-plugin/marketplace.json"


def check(order: BuildOrder, host: HostConfig, inside: Inside, path: str) -> list[str]:
    """Return what was found, one line each; `path` is where the host's own programs are.

    Raises `BadRequest` for what this host cannot give, with the mend.
    """
    config = order.config
    told = packages.check(config, host, path)
    offered = [str(place.programs) for place in packages.places(config, host)]
    search = ":".join([path, *offered])
    for name, server in config.mcp_servers.items():
        told.append(f"mcp server {name}: {_server(order, name, server, inside, search)}")
    _check_plugins(order)
    # Its own alone: more than there is, said for all agents of all hosts, is no limit here.
    _check_memory(config.limits.memory_mib)
    return told


def check_own(order: BuildOrder) -> None:
    """Look at what can be seen of a configuration before its system is built.

    Raises `BadRequest` with the mend.
    """
    for name, server in order.config.mcp_servers.items():
        if server.command is not None and server.command.startswith(f"{agent_servers.TREE}/"):
            _own_program(order, name, server.command.removeprefix(f"{agent_servers.TREE}/"))
    _check_plugins(order)
    _check_memory(order.config.limits.memory_mib)


def check_system(config: AgentConfig, system: Path) -> None:
    """Look for the MCP servers that can only be programs of the system that was built.

    What is elsewhere inside may be made when the container starts. Raises `BadRequest` with the
    mend.
    """
    for name, server in config.mcp_servers.items():
        if server.command is None:
            continue
        command = Path(server.command)
        if command.is_absolute() and not command.is_relative_to(STORE):
            continue
        # A whole path stays what it is: a container sees the store of its host.
        if shutil.which(server.command, path=str(system / "sw/bin")) is None:
            raise BadRequest(
                f"mcp_servers.{name}: there is no program {server.command!r} in the system that was"
                " built: add what holds it to packages or to agent.nix"
            )


def _server(order: BuildOrder, name: str, server: McpServer, inside: Inside, search: str) -> str:
    command = server.command
    if command is None:
        return f"at {server.url}, which is looked for when claude starts"
    start = f"{agent_servers.TREE}/"
    if not command.startswith("/"):
        found = shutil.which(command, path=search)
        if found is None:
            raise BadRequest(
                f"mcp_servers.{name}: there is no program {command!r} on the agent's path: add what"
                " holds it to packages, or give a whole path"
            )
        return found
    if command.startswith(start):
        return _own_program(order, name, command.removeprefix(start))
    if inside.given == agent_servers.GIVEN and not is_visible(Path(command)):
        if command.startswith(CHANGING):
            return f"{command}, which is looked for when it is started"
        raise BadRequest(
            f"mcp_servers.{name}: {command} is not seen inside: put the program into the"
            f" repository, which is at {agent_servers.TREE}, or into packages"
        )
    if not os.access(command, os.X_OK):
        raise BadRequest(f"mcp_servers.{name}: {command} is not a program on this host")
    return command


def _own_program(order: BuildOrder, name: str, path: str) -> str:
    file = order.tree / path
    tree = order.tree.resolve()
    try:
        real = file.resolve(strict=True)
        is_program = real.is_file() and bool(real.stat().st_mode & PROGRAM)
    except (OSError, RuntimeError) as error:
        raise BadRequest(
            f"mcp_servers.{name}: the repository has no file {path!r}: commit it"
        ) from error
    if not real.is_relative_to(tree):
        raise BadRequest(f"mcp_servers.{name}: {path!r} leads out of the repository")
    if not is_program:
        raise BadRequest(
            f"mcp_servers.{name}: {path!r} is not executable: chmod +x it and commit that"
        )
    return f"{path} of the repository"


def _check_plugins(order: BuildOrder) -> None:
    """Look for the marketplaces that are to be directories of the repository."""
    tree = order.tree.resolve()
    for each in map(parse_plugin, order.config.plugins):
        if each.is_known or not each.source.startswith("/"):
            continue
        path = each.source.removeprefix(agent_servers.TREE).lstrip("/")
        file = (order.tree / path / MARKETPLACE).resolve()
        if not file.is_file() or not file.is_relative_to(tree):
            raise BadRequest(
                f"plugins: the repository has no file {path}/{MARKETPLACE}: a directory that is a"
                " marketplace holds one; commit it"
            )


def _check_memory(memory_mib: int | None) -> None:
    if memory_mib is None:
        return
    has_mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024)
    if memory_mib > has_mib:
        raise BadRequest(
            f"limits.memory_mib is {memory_mib} and this host has {has_mib}: give less"
        )
