"""Per-agent directories on the host: made, listed as kept state, purged.

Everything here blocks: call it through `trio.to_thread`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Container
from pathlib import Path

from hive.config import HarnessConfig
from hive.errors import BadRequest, Unavailable
from hive.host import state_files, trees
from hive.paths import Paths
from hive.wire import codec
from hive.wire.dashboard import Tombstone
from hive.wire.names import MANAGER, AgentName, new_agent_name

HARNESS_FILE = "harness.json"
SECRETS_DIR = "secrets"
TREE_DIR = "config"
PAUSED_FILE = "hyperhive-paused"
TOMBSTONES_MAX = 200


def prepare_hive(paths: Paths) -> None:
    """Make the directories of the hive itself; raises `Unavailable`.

    Also where another user could put something in their place: a directory that somebody made
    before us, in /tmp for example, stays theirs whatever its mode.
    """
    try:
        for folder in (paths.state, paths.run):
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            _refuse_foreign(folder.parent, {0, os.geteuid()})
            _refuse_foreign(folder, {os.geteuid()})
            folder.chmod(0o750)
        for folder in (paths.agents, paths.shared, paths.state / "applied", paths.state / "meta"):
            folder.mkdir(exist_ok=True)
        (paths.run / "agents").mkdir(exist_ok=True)
    except OSError as error:
        raise Unavailable(f"cannot make {error.filename}: {error.strerror}") from error


def _refuse_foreign(folder: Path, owners: set[int]) -> None:
    about = folder.stat()
    if about.st_uid not in owners:
        raise Unavailable(f"{folder} belongs to another user: give another --root")
    if about.st_mode & stat.S_IWOTH and not about.st_mode & stat.S_ISVTX:
        raise Unavailable(f"anybody can change what is in {folder}: chmod o-w it")


def prepare(paths: Paths, name: AgentName, config: HarnessConfig, secrets: dict[str, str]) -> None:
    """Make an agent's directories and write its harness's settings and secrets, atomically.

    What the daemon writes goes to a directory that is read-only inside: in one the agent can write
    to, a link it planted would lead the daemon anywhere. For the same reason what is to be mounted
    must be a directory and no link. Raises `Unavailable`.
    """
    given = paths.given(name)
    try:
        for folder in (
            paths.agent_run(name),
            paths.agent_root(name),
            paths.agent_state(name),
            paths.agent_claude(name),
            paths.agent_config(name),
        ):
            folder.mkdir(parents=True, exist_ok=True)
            _refuse_link(folder)
        given.parent.mkdir(mode=0o700, exist_ok=True)
        given.mkdir(mode=0o700, exist_ok=True)
        # A sandbox mounts the commit's files here, and cannot make the place itself.
        (given / TREE_DIR).mkdir(mode=0o755, exist_ok=True)
        folder = given / SECRETS_DIR
        folder.mkdir(mode=0o700, exist_ok=True)
        for variable, value in secrets.items():
            _write(folder / variable, value.encode(), 0o600)
        for file in folder.iterdir():
            if file.name not in secrets:
                file.unlink()
        _write(given / HARNESS_FILE, codec.dumps(codec.to_json(config)), 0o644)
    except OSError as error:
        raise Unavailable(
            f"cannot prepare the directories of {name}: {error.strerror}: {error.filename}"
        ) from error


def _refuse_link(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        raise Unavailable(f"{folder} is not a directory: look who put it there, and remove it")


def tombstones(paths: Paths, live: Container[str]) -> list[Tombstone]:
    """Return the state that is kept of agents that do not exist, at most `TOMBSTONES_MAX`.

    The manager can make as many and as large ones as it likes, so all share one measure.
    """
    found: list[Tombstone] = []
    left = trees.ENTRIES_MAX
    for folder in sorted(paths.agents.iterdir()):
        try:
            name = new_agent_name(folder.name)
        except BadRequest:
            continue
        if name not in live and not folder.is_symlink() and folder.is_dir():
            if len(found) == TOMBSTONES_MAX:
                break
            measure = trees.measure(folder, left)
            left -= measure.looked_at
            found.append(_tombstone(folder, measure))
    return found


def _tombstone(folder: Path, found: trees.Measure) -> Tombstone:
    # No link is followed: what one that was planted leads to is nobody's login.
    has_login = os.path.lexists(folder / "claude" / ".credentials.json")
    return Tombstone(folder.name, found.size, found.newest or folder.lstat().st_mtime, has_login)


def purge(paths: Paths, name: AgentName) -> None:
    """Remove everything kept of an agent; never the manager's. Raises `Unavailable`."""
    if name == MANAGER:
        raise Unavailable("the manager's state is not purged")
    folder = paths.forge_tokens / name
    try:
        folder.unlink(missing_ok=True)
        for folder in (
            paths.applied(name),
            paths.sandbox(name),
            paths.given(name),
            # Last: by it people see that something is kept.
            paths.agent_root(name),
        ):
            trees.remove(folder)
    except OSError as error:
        raise Unavailable(f"cannot remove all of {folder}: {error.strerror}") from error


def remove_run(paths: Paths, name: AgentName) -> None:
    """Remove what is there for a container to run: sockets, settings, secrets.

    Raises `Unavailable`.
    """
    try:
        for folder in (paths.agent_run(name), paths.given(name)):
            trees.remove(folder)
    except OSError as error:
        raise Unavailable(f"cannot remove all of {folder}: {error.strerror}") from error


def mark_paused(paths: Paths, name: AgentName, paused: bool) -> None:
    """Write or remove the marker an agent's harness obeys; raises `Unavailable`."""
    marker = paths.agent_state(name) / PAUSED_FILE
    try:
        if paused:
            state_files.write_below(marker.parent, (PAUSED_FILE,), "")
        else:
            marker.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(f"cannot write {marker}: {error.strerror}") from error


def _write(path: Path, data: bytes, mode: int) -> None:
    new = path.with_name(path.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
    new.chmod(mode)
    new.replace(path)
