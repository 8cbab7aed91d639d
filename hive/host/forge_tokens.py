"""Where tokens for the forge are kept: the daemon's own, and each agent's, which no agent reads.

An agent's stood in its own state directory once: it is taken away there when a new one is made,
which ends the old one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

import trio

from hive.errors import BadRequest, Unavailable
from hive.host import folders
from hive.host.forge import TOKEN
from hive.wire.names import AgentName, agent_name

FILE = "forge-token"
"""In an agent's state directory, by an older hive."""
MODE = 0o600
FILE_BYTES = 1024
_PLANTED = 2
_NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR})


async def read_own(file: Path) -> str:
    """Return the daemon's token; raises `BadRequest`, `Unavailable` naming the file."""
    try:
        raw = await trio.to_thread.run_sync(_read_start, file)
    except OSError as error:
        raise Unavailable(f"cannot read forge_token_file {file}: {error.strerror}") from error
    return _token(raw) or _bad(file)


async def read_kept(folder: Path) -> dict[AgentName, str]:
    """Return the tokens that are kept, by agent; raises `Unavailable`."""
    try:
        return await trio.to_thread.run_sync(_read_kept, folder)
    except OSError as error:
        raise Unavailable(f"cannot read the tokens in {folder}: {error.strerror}") from error


async def keep(folder: Path, name: AgentName, token: str) -> None:
    """Write an agent's token where the daemon alone reads it; raises `Unavailable`."""
    try:
        await trio.to_thread.run_sync(_keep, folder, name, token)
    except OSError as error:
        raise Unavailable(f"cannot keep a token in {folder}: {error.strerror}") from error


async def take_away(state: Path) -> None:
    """Remove the token that an older hive put into an agent's state directory.

    Reached through no link; raises `Unavailable` where it is there and stays.
    """
    try:
        await trio.to_thread.run_sync(_take_away, state)
    except OSError as error:
        if error.errno not in _NOTHING_THERE:
            raise Unavailable(f"cannot remove {state / FILE}: {error.strerror}") from error


def _read_start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(FILE_BYTES)


def _read_kept(folder: Path) -> dict[AgentName, str]:
    found: dict[AgentName, str] = {}
    if not folder.is_dir():
        return found
    for file in folder.iterdir():
        # What was being written when the daemon ended has no agent's name.
        with contextlib.suppress(BadRequest):
            token = _token(_read_start(file))
            if token is not None:
                found[agent_name(file.name)] = token
    return found


def _keep(folder: Path, name: AgentName, token: str) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    new = folder / f".{name}.{secrets.token_hex(4)}.new"
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w") as opened:
            opened.write(f"{token}\n")
            opened.flush()
            os.fsync(opened.fileno())
        new.rename(folder / name)
    finally:
        new.unlink(missing_ok=True)


def _take_away(state: Path) -> None:
    folder = folders.pin(state.parents[_PLANTED - 1], state.parts[-_PLANTED:])
    try:
        os.unlink(FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _token(raw: bytes) -> str | None:
    text = raw.decode("ascii", errors="replace").strip()
    return text if TOKEN.fullmatch(text) else None


def _bad(file: Path) -> str:
    raise BadRequest(f"forge_token_file {file} holds no token: one word on one line")
