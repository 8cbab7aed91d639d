"""Reading a repository's references from its files, without git and through no link.

Works the same on a repository that an agent can write to and on one of the daemon's own, where it
saves a process for each look. Everything here blocks, briefly.
"""

from __future__ import annotations

import errno
import os
import re
from itertools import islice

from hive.errors import BadRequest
from hive.host import folders, plain_file

SHA = re.compile(r"[0-9a-f]{40}")
NAME = re.compile(r"refs/[A-Za-z0-9][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_+-][A-Za-z0-9_.+-]*)+")
REF_BYTES = 1024
PACKED_BYTES = 4 << 20
LOG_BYTES = 64 << 20
ENTRIES_MAX = 100_000


def read_head(folder: int) -> str | None:
    """Return the commit HEAD stands for, None for a branch without one.

    `folder` is a descriptor of the repository's `.git`. Raises `BadRequest`, `OSError`.
    """
    text = _text(read_bounded(folder, ("HEAD",), REF_BYTES)).strip()
    if text.startswith("ref:"):
        return read_ref(folder, text[4:].strip())
    return _sha(text, "HEAD")


def read_ref(folder: int, name: str) -> str | None:
    """Return what a full name such as `refs/heads/main` points at, or None.

    Raises `BadRequest` for a name or a content that is none, `OSError`.
    """
    if not NAME.fullmatch(name) or ".." in name or name.endswith(".lock"):
        raise BadRequest(f"{name[:80]!r} is not a reference hive reads: use a plain branch name")
    try:
        return _sha(_text(read_bounded(folder, tuple(name.split("/")), REF_BYTES)).strip(), name)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return read_packed(folder).get(name)


def read_packed(folder: int) -> dict[str, str]:
    """Return every reference in `packed-refs`."""
    try:
        text = _text(read_bounded(folder, ("packed-refs",), PACKED_BYTES))
    except FileNotFoundError:
        return {}
    lines = (line.split(" ", 1) for line in text.splitlines() if line[:1] not in {"#", "^"})
    return {words[1]: _sha(words[0], words[1]) for words in lines if len(words) == 2}


def read_below(folder: int, prefix: tuple[str, ...]) -> dict[str, str]:
    """Return the references in a folder such as `("refs", "tags", "deployed")`, by last part."""
    start = "/".join(prefix) + "/"
    packed = read_packed(folder)
    found = {name[len(start) :]: sha for name, sha in packed.items() if name.startswith(start)}
    for name in list_folder(folder, prefix):
        if not name.endswith(".lock") and (sha := read_ref(folder, start + name)):
            found[name] = sha
    return found


def read_log(folder: int, name: str) -> list[tuple[str, str, float]]:
    """Return the moves of a reference, oldest first: before, after and Unix seconds."""
    try:
        text = _text(read_bounded(folder, ("logs", *name.split("/")), LOG_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return []
    moves = []
    for line in text.splitlines():
        words = line.split("\t", 1)[0].split(" ")
        if len(words) > 3 and words[-2].isdecimal():
            moves.append((words[0], words[1], float(words[-2])))
    return moves


def list_folder(folder: int, parts: tuple[str, ...]) -> list[str]:
    """Return the names in a folder below `folder`, none for one that is not there.

    Raises `BadRequest` for more than `ENTRIES_MAX`, whatever they are.
    """
    try:
        at = folders.pin_below(folder, parts)
    except FileNotFoundError:
        return []
    try:
        with os.scandir(at) as entries:
            names = [entry.name for entry in islice(entries, ENTRIES_MAX + 1)]
    finally:
        os.close(at)
    if len(names) > ENTRIES_MAX:
        raise BadRequest(f"{'/'.join(parts)} in the repository has more than {ENTRIES_MAX} entries")
    return names


def read_bounded(folder: int, parts: tuple[str, ...], most: int) -> bytes:
    """Return a plain file of at most `most` bytes, reached through no link.

    Raises `BadRequest` for what is no plain file or larger, `OSError`, also for a link.
    """
    at = folders.pin_below(folder, parts[:-1])
    try:
        pinned = os.open(parts[-1], plain_file.PIN, dir_fd=at)
    finally:
        os.close(at)
    try:
        file = plain_file.open_pinned(pinned)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise BadRequest(f"{'/'.join(parts)} in the repository is not a plain file") from error
        raise
    finally:
        os.close(pinned)
    with os.fdopen(file, "rb") as opened:
        data = opened.read(most + 1)
    if len(data) > most:
        raise BadRequest(f"{'/'.join(parts)} in the repository is larger than {most} bytes")
    return data


def _text(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        return data.decode("utf-8", errors="replace")


def _sha(text: str, where: str) -> str:
    if not SHA.fullmatch(text):
        raise BadRequest(f"{where[:80]!r} in the repository does not name a commit by 40 digits")
    return text
