"""Writing a file for an agent into the directory it owns, without following what it planted.

The agent may put symlinks anywhere below its state directory; a path that leads through one is
refused, so the daemon can be made to write nowhere else.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from hive.errors import BadRequest, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def write_below(root: Path, parts: tuple[str, ...], text: str) -> None:
    """Write `text` to the file `parts` below `root`, on disk before it returns.

    Directories are made as needed. Raises `BadRequest` for a part that is not a plain name or that
    is a symlink, `Unavailable` when it cannot be written.
    """
    if not parts or any(part in {"", ".", ".."} or "/" in part for part in parts):
        raise BadRequest(f"{'/'.join(parts)!r} is not a path below the state directory")
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts[:-1]:
                folder = _step(folder, part)
            _write(folder, parts[-1], text)
        finally:
            os.close(folder)
    except OSError as error:
        where = root.joinpath(*parts)
        if isinstance(error, NotADirectoryError) or error.errno == errno.ELOOP:
            raise BadRequest(f"{where} leads through a link or a file: give another") from error
        raise Unavailable(f"cannot write {where}: {error.strerror}") from error


def _step(folder: int, part: str) -> int:
    """Go one directory down; the descriptor given is closed when that worked."""
    try:
        os.mkdir(part, 0o755, dir_fd=folder)
    except FileExistsError:
        below = os.open(part, _DIRECTORY, dir_fd=folder)
    else:
        below = os.open(part, _DIRECTORY, dir_fd=folder)
    os.close(folder)
    return below


def _write(folder: int, name: str, text: str) -> None:
    with os.fdopen(os.open(name, _FILE, 0o644, dir_fd=folder), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
