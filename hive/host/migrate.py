"""Bringing older layouts of the state directory up to date, each once, and safe to be done again.

An older hive kept agents without repositories. Each gets its proposed repository from the template,
the applied one with `deployed/0`, and its place in the meta repository; nothing that runs is
touched. A marker says that it is done; a start that is broken off goes on where it was at the next.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Sequence

import attrs
import trio

from hive.errors import HiveError, Unavailable
from hive.host.meta import Meta
from hive.host.repos import Repos
from hive.paths import Paths
from hive.wire.names import AgentName

REPOSITORIES = "repositories"
"""The step that gives agents repositories."""
FIRST_TAG = "deployed/0"


@attrs.frozen
class Adopted:
    """What an agent is said to run from now on."""

    name: AgentName
    sha: str
    tag: str


Record = Callable[[Adopted], Awaitable[None]]


async def run(
    paths: Paths, names: Sequence[AgentName], repos: Repos, meta: Meta, record: Record
) -> dict[AgentName, str]:
    """Do what the marker does not say was done; returns why it failed, by agent.

    `names` are the agents that have nothing deployed by their records, and `record` writes one of
    them down. One that fails is left as it is, holds up no other, and is tried again at the next
    start. Raises `Unavailable` when the marker cannot be read or written.
    """
    done = await trio.to_thread.run_sync(_read, paths)
    if REPOSITORIES in done:
        return {}
    failed = {}
    for name in names:
        try:
            await _adopt(name, repos, meta, record)
        except HiveError as error:
            failed[name] = error.message
    if not failed:
        await trio.to_thread.run_sync(_write, paths, [*done, REPOSITORIES])
    return failed


async def _adopt(name: AgentName, repos: Repos, meta: Meta, record: Record) -> None:
    if not await repos.has_proposed(name):
        await repos.seed_proposed(name)
    sha = await repos.adopt(name)
    await repos.wire(name)
    tag, _ = await repos.deployed(name) or (FIRST_TAG, sha)
    await meta.finalize(name, sha, tag)
    # Last: what is recorded is no longer looked at.
    await record(Adopted(name, sha, tag))


def _read(paths: Paths) -> list[str]:
    try:
        found = json.loads(paths.migrated.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise _unusable(paths, error) from error
    if not isinstance(found, list):
        raise _unusable(paths, "it holds no list")
    return [str(each) for each in found]


def _write(paths: Paths, done: list[str]) -> None:
    new = paths.migrated.with_suffix(".new")
    try:
        with new.open("w") as file:
            json.dump(done, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(paths.migrated)
    except OSError as error:
        raise _unusable(paths, error) from error


def _unusable(paths: Paths, why: object) -> Unavailable:
    return Unavailable(f"cannot use {paths.migrated}: {why}; remove it, and it is made anew")
