"""Whose an agent's directories are: its own user's, the manager's, or the daemon's.

Only a daemon that is root can give anything away; where agents share its user, all is its own, and
what an agent had of its own before comes back. What agents can write to is reached through no link.
Everything here blocks.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hive.errors import Unavailable
from hive.host import folders, ownership, safe_repos
from hive.paths import Paths
from hive.wire.names import MANAGER, AgentName

OPEN = 0o755
"""For whoever gets as far as the directory: `STATE` and `RUN` are closed to the host's others."""
PRIVATE = 0o700
PASSAGE = 0o711
SHARED = 0o1777
"""Everybody may add, and change or remove what is theirs."""
_LOGIN_ENTRIES = 1000


def prepare_hive(paths: Paths, manager: int) -> None:
    """Let the agents' users get to what is theirs, and to nothing else; as root alone.

    `manager` is the manager's user. What an older hive left is opened or given away once. Raises
    `Unavailable`.
    """
    with _told("the directories of the hive"):
        for folder in (paths.all_applied, paths.meta, paths.state / "generations"):
            if folder.is_dir():
                ownership.open_up(folder)
        for folder in (paths.agents, paths.state / "generations", paths.given(MANAGER).parent):
            folder.mkdir(exist_ok=True)
        paths.agents.chmod(OPEN)
        (paths.run / "agents").chmod(PASSAGE)
        paths.given(MANAGER).parent.chmod(PASSAGE)
        (paths.state / "generations").chmod(PASSAGE)
        for name in os.listdir(paths.agents):  # noqa: PTH208 - names are what is wanted
            _close_login(paths.agents, name)
        _prepare_shared(paths.shared, manager)
    safe_repos.write(paths.all_applied)


def settle(paths: Paths, name: AgentName, user: int, manager: int) -> None:
    """Give an agent's directories to whom they belong to, before its container is started.

    `user` is its own, `manager` the one whose the proposed repositories are. Nothing happens where
    the daemon is not root. Raises `Unavailable`.
    """
    if os.geteuid() != 0:
        return
    with _told(f"the directories of {name}"):
        paths.agent_root(name).chmod(OPEN)
        for part, owner, mode in (
            ("state", user, OPEN),
            ("claude", user, PRIVATE),
            ("config", manager, OPEN),
        ):
            with _opened(paths.agents, name, part) as folder:
                ownership.give(folder, owner, mode)
        with _opened(paths.agent_run(name).parent, paths.agent_run(name).name) as folder:
            ownership.give(folder, user, OPEN)
            _give_sockets(folder, user)
        _settle_given(paths.given(name), user)
        if name == MANAGER:
            _give_configs(paths.agents, manager)


def give_made(folder: Path, user: int) -> None:
    """Give a user a directory that the daemon made for it and nobody else reaches.

    As root alone. Raises `Unavailable`.
    """
    if os.geteuid() == 0:
        with _told(str(folder)), _opened(folder) as made:
            ownership.give(made, user, stat.S_IMODE(os.fstat(made).st_mode))


def give_to_owner(file: int, folder: int) -> None:
    """Make a file or directory that was just written belong to whom its directory belongs to.

    Both are descriptors; as root alone. Raises `OSError`.
    """
    about, owner = os.fstat(file), os.fstat(folder)
    if os.geteuid() == 0 and about.st_uid != owner.st_uid and _is_single(about):
        os.fchown(file, owner.st_uid, owner.st_gid)


def take_login(paths: Paths, name: AgentName, user: int) -> None:
    """Let an agent have what the operator, as root, put into its claude's directory.

    That is how somebody logs it in. Raises `Unavailable`.
    """
    with _told(f"the login of {name}"), _opened(paths.agents, name, "claude") as folder:
        entries = os.listdir(folder)[:_LOGIN_ENTRIES]  # noqa: PTH208 - of a descriptor
        for entry in entries:
            try:
                about = os.stat(entry, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if about.st_uid != 0 or user == 0:
                continue
            if stat.S_ISDIR(about.st_mode):
                with _opened_at(folder, entry) as below:
                    ownership.give(below, user, stat.S_IMODE(about.st_mode))
            elif _is_single(about):
                os.chown(entry, user, user, dir_fd=folder, follow_symlinks=False)
                # Its harness looks when the time of the login's file changes.
                os.utime(entry, dir_fd=folder, follow_symlinks=False)


def _is_single(about: os.stat_result) -> bool:
    return stat.S_ISDIR(about.st_mode) or about.st_nlink == 1


def _close_login(agents: Path, name: str) -> None:
    """Let nobody else into what claude keeps for an agent, whether that runs or is gone."""
    try:
        with _opened(agents, name) as folder:
            os.fchmod(folder, OPEN)
            with _opened_at(folder, "claude") as claude:
                os.fchmod(claude, PRIVATE)
    except FileNotFoundError:
        return
    except OSError as error:
        # What the manager of an older hive put there is no agent's.
        if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
            raise


def _prepare_shared(shared: Path, manager: int) -> None:
    if stat.S_IMODE(shared.stat().st_mode) == SHARED:
        return
    with _opened(shared.parent, shared.name) as folder:
        for name in os.listdir(folder):  # noqa: PTH208 - of a descriptor
            # What an agent that still runs moves under our hands stays whose it is.
            with suppress(OSError, Unavailable):
                about = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISDIR(about.st_mode):
                    with _opened_at(folder, name) as below:
                        ownership.give(below, manager, stat.S_IMODE(about.st_mode))
                elif _is_single(about):
                    os.chown(name, manager, manager, dir_fd=folder, follow_symlinks=False)
        # Last: it says that the rest is done.
        os.fchmod(folder, SHARED)


def _give_sockets(folder: int, user: int) -> None:
    """The daemon makes them before it knows who is started; what comes later it gives itself."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".sock"):
                os.chown(entry.name, user, user, dir_fd=folder, follow_symlinks=False)


def _settle_given(given: Path, user: int) -> None:
    """Let the agent's group alone read; what is given is never the agent's own."""
    os.chown(given, -1, user)
    given.chmod(0o750)
    secrets = given / "secrets"
    os.chown(secrets, -1, user)
    secrets.chmod(0o750)
    for file in secrets.iterdir():
        os.chown(file, -1, user)
        file.chmod(0o640)


def _give_configs(agents: Path, manager: int) -> None:
    for name in os.listdir(agents):  # noqa: PTH208 - names are what is wanted
        try:
            with _opened(agents, name, "config") as folder:
                ownership.give(folder, manager, OPEN)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise


@contextmanager
def _opened(base: Path, *parts: str) -> Iterator[int]:
    """Hold a directory below `base`, reached through no link."""
    folder = folders.pin(base, parts)
    try:
        yield folder
    finally:
        os.close(folder)


@contextmanager
def _opened_at(folder: int, name: str) -> Iterator[int]:
    below = os.open(name, folders.NO_LINK, dir_fd=folder)
    try:
        yield below
    finally:
        os.close(below)


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"cannot give {what} to whom they belong: {error.strerror}: {error.filename}"
        ) from error
    except Unavailable as error:
        raise Unavailable(f"{what}: {error.message}") from error
