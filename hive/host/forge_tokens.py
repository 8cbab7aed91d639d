"""Where tokens for the forge are kept: the daemon's own, and each agent's in its state directory.

An agent may have put anything in the place of its token; what is found there is only ever tried.
"""

from __future__ import annotations

import os
from pathlib import Path

import trio

from hive.errors import BadRequest, Unavailable
from hive.host import git_refs, state_files
from hive.host.forge import TOKEN

FILE = "forge-token"
MODE = 0o600
FILE_BYTES = 1024
_PLANTED = 2


async def read_own(file: Path) -> str:
    """Return the daemon's token; raises `BadRequest`, `Unavailable` naming the file."""
    try:
        raw = await trio.to_thread.run_sync(_read_start, file)
    except OSError as error:
        raise Unavailable(f"cannot read forge_token_file {file}: {error.strerror}") from error
    return _token(raw) or _bad(file)


async def has_place(state: Path) -> bool:
    """Whether there is anything in the place of an agent's state directory yet.

    Raises `Unavailable` where that cannot be looked at.
    """
    try:
        await trio.to_thread.run_sync(state.lstat)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Unavailable(f"cannot reach {state}: {error.strerror}") from error
    return True


async def read_of_agent(state: Path) -> str | None:
    """Return the token in an agent's state directory; None for anything that is no token."""
    return await trio.to_thread.run_sync(_read_of_agent, state)


async def write_of_agent(state: Path, token: str) -> None:
    """Put a token into an agent's state directory, for its user alone to read.

    Raises `BadRequest` where the way leads through a link, `Unavailable`.
    """
    await trio.to_thread.run_sync(state_files.write_below, state, (FILE,), f"{token}\n", MODE)


def _read_start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(FILE_BYTES)


def _read_of_agent(state: Path) -> str | None:
    try:
        folder = state_files.pin(state.parents[_PLANTED - 1], state.parts[-_PLANTED:])
        try:
            return _token(git_refs.read_bounded(folder, (FILE,), FILE_BYTES))
        finally:
            os.close(folder)
    except (OSError, BadRequest):
        # Not there, or not a plain file: then a new one is made, and writing it says what is wrong.
        return None


def _token(raw: bytes) -> str | None:
    text = raw.decode("ascii", errors="replace").strip()
    return text if TOKEN.fullmatch(text) else None


def _bad(file: Path) -> str:
    raise BadRequest(f"forge_token_file {file} holds no token: one word on one line")
