"""Writing a file for an agent into the directory it owns, without following what it planted.

The agent may put symlinks anywhere below its state directory, and the manager in place of that
directory and the one above it; a path that leads through one is refused, so the daemon can be made
to write nowhere else. A file is written beside its place and moved there: what stood there, a
device or a pipe perhaps, is never opened.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from typing import TYPE_CHECKING

from hive.errors import BadRequest, Unavailable
from hive.host import folders, owners

if TYPE_CHECKING:
    from pathlib import Path

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PLANTED = 2
"""So many of the last parts of a root are within the manager's reach: the agent's own directory,
and `state` in it."""


def write_below(root: Path, parts: tuple[str, ...], text: str, mode: int = 0o644) -> None:
    """Write `text` to the file `parts` below `root`, on disk before it returns.

    `root` is an agent's state directory; directories below it are made as needed, and the file gets
    `mode`. All that is made belongs to whom that directory belongs to. Raises `BadRequest` for a
    part that is not a plain name or that is a symlink, and for a file that is there and not a plain
    one, `Unavailable` when it cannot be written.
    """
    if not parts or any(part in {"", ".", ".."} or set("/\0") & set(part) for part in parts):
        raise BadRequest(f"{'/'.join(parts)!r} is not a path below the state directory")
    try:
        folder = folders.pin(root.parents[_PLANTED - 1], root.parts[-_PLANTED:])
        try:
            for part in parts[:-1]:
                folder = _step(folder, part)
            _write(folder, parts[-1], text, mode)
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
        below = os.open(part, folders.NO_LINK, dir_fd=folder)
    else:
        below = os.open(part, folders.NO_LINK, dir_fd=folder)
        owners.give_to_owner(below, folder)
    os.close(folder)
    return below


def _write(folder: int, name: str, text: str, mode: int) -> None:
    if not _is_free(folder, name):
        raise BadRequest(f"{name} is there, a link or else no plain file: give another")
    new = f".hive-{secrets.token_hex(8)}"
    handle = os.open(new, _NEW_FILE, mode, dir_fd=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            # Whatever the daemon's umask: the page shows what everybody may read.
            os.fchmod(file.fileno(), mode)
            owners.give_to_owner(file.fileno(), folder)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(new, dir_fd=folder)
        raise
    os.fsync(folder)


def _is_free(folder: int, name: str) -> bool:
    """Whether nothing or a plain file is there; whatever takes its place now is not followed."""
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return True
