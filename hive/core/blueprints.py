"""What a container is started from: a commit's files, its configuration, what was built of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import trio

from hive.core.hive import Hive
from hive.errors import BadRequest, HiveError
from hive.host import agent_files, trees
from hive.host.runtime import BuildOrder
from hive.store.agents import AgentRecord
from hive.wire.agent_config import FILE, AgentConfig
from hive.wire.names import AgentName


@attrs.frozen
class Blueprint:
    """A built commit."""

    sha: str
    """40 hex digits; empty for an agent of a hive that knew no repositories."""
    tag: str
    config: AgentConfig
    system: str
    """The runtime's name of what it built."""
    tree: Path | None
    """The commit's files on the host."""


async def build(
    hive: Hive, name: AgentName, sha: str, tag: str, say: Callable[[str], None]
) -> Blueprint:
    """Make ready what a container is started from; nothing that runs is touched.

    Raises `BadRequest` for a commit that is no configuration, `ProgramFailed` for a failed build.
    """
    try:
        await hive.repos.wire(name)
    except HiveError as error:
        # What the manager left there is no condition for what was taken from it.
        say(f"its proposed repository has no remote `applied` now: {error.message}")
    tree = hive.paths.generation(name, sha)
    await hive.repos.export(name, sha, tree)
    config = await read_config(hive, name, sha)
    system = await hive.runtime.build(BuildOrder(name, sha, config, tree), say)
    return Blueprint(sha, tag, config, system, tree)


async def read_config(hive: Hive, name: AgentName, sha: str) -> AgentConfig:
    """Return what the commit's `agent.toml` says; raises `BadRequest`."""
    data = await hive.repos.read_file(name, sha, FILE)
    if data is None:
        raise BadRequest(f"commit {sha[:12]} of {name} has no {FILE}: add one, it may be empty")
    return agent_files.parse(data)


async def deployed(hive: Hive, record: AgentRecord) -> Blueprint:
    """Return what an agent was last deployed from, its files put back where they are gone."""
    sha = record.deployed_sha
    config = record.config or AgentConfig()
    if sha is None:
        return Blueprint("", "", config, "", None)
    tree = hive.paths.generation(record.name, sha)
    await hive.repos.export(record.name, sha, tree)
    return Blueprint(sha, record.deployed_tag or "", config, record.system or "", tree)


async def sweep(hive: Hive, name: AgentName) -> None:
    """Remove the files of every commit of an agent but the deployed one."""
    keep = hive.agents.get(name).deployed_sha
    await trio.to_thread.run_sync(_sweep, hive.paths.generation(name, "any").parent, keep)


def _sweep(folder: Path, keep: str | None) -> None:
    if folder.is_dir():
        for entry in folder.iterdir():
            if entry.name != keep:
                trees.remove(entry)
