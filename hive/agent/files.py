"""Small files of the harness: written whole or not at all, and its marks for the daemon."""

from __future__ import annotations

import os
from pathlib import Path

from hive.errors import Unavailable

RATE_LIMITED = "hyperhive-rate-limited"
NEEDS_LOGIN = "hyperhive-needs-login"
PAUSED = "hyperhive-paused"
SESSION = "hyperhive-session.json"


def write_whole(file: Path, text: str, mode: int = 0o644) -> None:
    """Put `text` into a file so that a reader sees the old or the new text, never a part.

    Raises `Unavailable`.
    """
    new = file.with_name(f".{file.name}.new")
    try:
        new.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(new, flags, mode), "w", encoding="utf-8") as handle:  # noqa: PTH123
            handle.write(text)
        new.chmod(mode)
        new.replace(file)
    except OSError as error:
        raise Unavailable(f"cannot write {file}: {error.strerror}") from error


def read_if_there(file: Path, limit: int = 64 * 1024) -> str | None:
    """Return at most `limit` bytes of a regular file as text, or None when there is none.

    Raises `Unavailable`.
    """
    try:
        if not file.is_file():
            return None
        with file.open("rb") as handle:
            return handle.read(limit).decode(errors="replace")
    except OSError as error:
        raise Unavailable(f"cannot read {file}: {error.strerror}") from error


def remove(file: Path) -> None:
    """Remove a file if it is there; raises `Unavailable`."""
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(f"cannot remove {file}: {error.strerror}") from error


class Marks:
    """The files in the state directory by which harness and host tell each other things."""

    def __init__(self, state: Path) -> None:
        """Keep them in `state`."""
        self.state = state

    def is_set(self, name: str) -> bool:
        """Whether the mark is there."""
        return (self.state / name).exists()

    def set(self, name: str, text: str = "") -> None:
        """Leave a mark; raises `Unavailable`."""
        write_whole(self.state / name, text)

    def clear(self, name: str) -> None:
        """Take a mark away; raises `Unavailable`."""
        remove(self.state / name)
