"""Lines of the journal: a container's own, and the host's about its unit where that has none.

What a container's journal holds was written by the container. While it runs journalctl asks for it
by the machine's name; once it is stopped its files are read, after a look that no link among them
leads elsewhere. Every amount is bounded.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path

import trio

from hive.errors import ProgramFailed
from hive.process import run

CAP = 5000
"""More lines than this are not read at once."""
LINE_CHARS = 4096
READ_S = 10.0
READ_BYTES = 16 * 1024 * 1024
_AS_JSON = ("-o", "json", "--output-fields=MESSAGE")
UNIT = "hive.service"
"""hive's own unit inside a container; the rest of its journal is not shown."""
_PLACE = ("var", "log", "journal")
_DEPTH = 2
"""Below it: a directory per machine, and its files."""


async def of_machine(journalctl: str, container: str, lines: int, *, since: float) -> list[str]:
    """Return the newest lines of hive's unit in a running container.

    `since` is in Unix seconds, here and below. None of the three has lines where there is no
    journal; all raise `Unavailable` for one that cannot be read.
    """
    return await _read(journalctl, lines, since, ("-M", container, f"_SYSTEMD_UNIT={UNIT}"))


async def of_root(journalctl: str, root: Path, lines: int, *, since: float) -> list[str]:
    """Return the newest lines of hive's unit, from the root of a container that is stopped."""
    folder = await trio.to_thread.run_sync(_without_links, root)
    if folder is None:
        return []
    return await _read(journalctl, lines, since, ("-D", str(folder), f"_SYSTEMD_UNIT={UNIT}"))


async def of_unit(journalctl: str, unit: str, lines: int, *, since: float) -> list[str]:
    """Return the newest lines the host has of a container: what its init said on the console."""
    # Not `-u`: with it comes what systemd says of the unit.
    return await _read(journalctl, lines, since, (f"_SYSTEMD_UNIT={unit}",))


async def _read(journalctl: str, lines: int, since: float, which: tuple[str, ...]) -> list[str]:
    """Return at most `lines` lines, oldest first."""
    count = min(lines, CAP)
    if count <= 0:
        return []
    # Newest first: together with a time to begin at, `-n` alone gives the oldest lines after it.
    words = (journalctl, "-q", "--no-pager", "-r", "-n", str(count), "--since", f"@{since:.6f}")
    done = await run(
        (*words, *_AS_JSON, *which), timeout_s=READ_S, check=False, output_max=READ_BYTES
    )
    found: list[str] = []
    for record in done.stdout.splitlines():
        message = _message(record)
        if message is not None:
            found += reversed(message.splitlines() or [""])
    if not found and done.status != 0 and not done.is_cut:
        raise ProgramFailed(done.argv, done.status, done.stderr)
    return [line[:LINE_CHARS] for line in reversed(found[:count])]


def _message(record: str) -> str | None:
    """Return the text of a record, None for one that was cut off at the limit."""
    try:
        return _text(json.loads(record).get("MESSAGE"))
    except ValueError:
        return None


def _text(message: object) -> str:
    """Return a field as text: what is none comes as its bytes, one that was given twice as both."""
    if isinstance(message, list) and all(type(each) is int for each in message):
        return bytes(message).decode(errors="replace")
    if isinstance(message, list):
        return "\n".join(map(_text, message))
    return message if isinstance(message, str) else ""


def _without_links(root: Path) -> Path | None:
    """Return a root's journal, or None where a part of it or anything in it is a link.

    Good only for a container that does not run: nobody can then put one there.
    """
    folder = root
    for part in _PLACE:
        folder /= part
        if not stat.S_ISDIR(_mode(folder)):
            return None
    level = [folder]
    for _ in range(_DEPTH):
        below = [entry for each in level for entry in each.iterdir()]
        if not all(stat.S_ISDIR(_mode(each)) or stat.S_ISREG(_mode(each)) for each in below):
            return None
        level = [each for each in below if stat.S_ISDIR(_mode(each))]
    return folder if not level else None


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0
