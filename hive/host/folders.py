"""Folders that others write to, held by a descriptor: each is reached through no link.

What is held stays that folder, whatever somebody puts in its place meanwhile. Everything here
blocks, briefly.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NO_LINK = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder is opened that must be one itself."""
_BASE = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def pin(base: Path, parts: tuple[str, ...]) -> int:
    """Return a descriptor of a folder below `base`; raises `OSError`."""
    return _descend(os.open(base, _BASE), parts)


def pin_below(folder: int, parts: tuple[str, ...]) -> int:
    """Return a descriptor of a folder below one that is held, and stays so; raises `OSError`."""
    return _descend(os.dup(folder), parts)


def _descend(folder: int, parts: tuple[str, ...]) -> int:
    """Give `folder` up for the one that `parts` lead to, also when they lead nowhere."""
    for part in parts:
        try:
            below = os.open(part, NO_LINK, dir_fd=folder)
        finally:
            os.close(folder)
        folder = below
    return folder
