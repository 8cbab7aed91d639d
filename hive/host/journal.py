"""Lines of the journal: a container's own while it runs, and the host's about its unit.

What a container's journal holds was written by the container: it is read by journalctl through the
machine, never from its root, where a link could lead to the host's. Every amount is bounded.
"""

from __future__ import annotations

import json

from hive.errors import ProgramFailed
from hive.process import run

CAP = 5000
"""More lines than this are not read at once."""
LINE_CHARS = 4096
READ_S = 10.0
READ_BYTES = 16 * 1024 * 1024
_AS_JSON = ("-o", "json", "--output-fields=MESSAGE")
UNITS = ("hive.service",)
"""hive's own units inside a container; the rest of its journal is not shown."""


async def of_machine(journalctl: str, container: str, lines: int) -> list[str]:
    """Return the newest lines hive's unit wrote since a running container was booted."""
    units = [word for unit in UNITS for word in ("-u", unit)]
    return await _read(journalctl, lines, ("-M", container, "-b", *units))


async def of_unit(journalctl: str, unit: str, lines: int, *, since: float) -> list[str]:
    """Return the newest lines the host has of a container: what its init and systemd said.

    `since` is in Unix seconds.
    """
    # Not `-u`: with it comes what systemd says of the unit.
    return await _read(journalctl, lines, ("--since", f"@{since:.6f}", f"_SYSTEMD_UNIT={unit}"))


async def _read(journalctl: str, lines: int, which: tuple[str, ...]) -> list[str]:
    """Return at most `lines` lines, oldest first; none where there is no such journal."""
    count = min(lines, CAP)
    if count <= 0:
        return []
    # Newest first: together with a time to begin at, `-n` alone gives the oldest lines after it.
    words = (journalctl, "-q", "--no-pager", "-r", "-n", str(count), *_AS_JSON, *which)
    try:
        done = await run(words, timeout_s=READ_S, check=False, output_max=READ_BYTES)
    except ProgramFailed as error:
        if error.status is None:
            raise
        return []
    found: list[str] = []
    for record in done.stdout.splitlines():
        found += reversed(_message(record).splitlines() or [""])
    return [line[:LINE_CHARS] for line in reversed(found[:count])]


def _message(record: str) -> str:
    """Return the text of a record; what is no text comes as a list of its bytes."""
    try:
        message = json.loads(record).get("MESSAGE")
    except ValueError:
        return ""  # cut off at the limit
    if isinstance(message, list):
        return bytes(message).decode(errors="replace")
    return message if isinstance(message, str) else ""
