"""Files that agents name in what they write: which of them a page may show, and their text.

What may be shown is an agent's `state` directory and the shared one, by the host's paths or by
those of the manager's container. A bare `/state/...` is refused: it is another file for everybody.
"""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import trio

from hive.core.hive import Hive
from hive.errors import BadRequest, HiveError, Refused
from hive.host import state_reader
from hive.host.state_reader import FileText
from hive.paths import Paths
from hive.wire.names import agent_name

AGENTS_INSIDE = "/agents"
SHARED_INSIDE = "/shared"
PATH_BYTES = 4096
REFS_MOST = 20
"""So many paths of one text are looked at."""

_PATH = re.compile(r"(?<![\w./~-])/[^\s\0\"'`<>|*?()\[\]{},;:]+")
_STATE = "state"
_STATE_INSIDE = "/state/"
_END_OF_SENTENCE = ".!…"


@attrs.frozen
class Ref:
    """A file that a text names."""

    text: str
    """As it was written."""
    path: str
    """As `read` takes it."""


async def read(hive: Hive, path: str) -> FileText:
    """Return the file behind a path that somebody wrote.

    Raises `BadRequest` for what is no such path, `Refused` for a link, a private file and what is
    no file, `NotFound`.
    """
    base, parts = locate(hive.paths, path)
    return await trio.to_thread.run_sync(state_reader.read_below, base, parts, path)


async def find(hive: Hive, text: str, sender: str | None) -> list[Ref]:
    """Return the paths in a text that `read` would not refuse now, the longest first.

    At most `REFS_MOST` are looked at. A bare `/state/...` means the sender's own, where that is
    an agent; None or another sender: nobody's.
    """
    named = list(dict.fromkeys(candidates(text)))[:REFS_MOST]
    refs = [Ref(each, _whole(each, sender)) for each in named]
    found = await trio.to_thread.run_sync(_readable, hive.paths, refs)
    return sorted(found, key=lambda ref: -len(ref.text))


def candidates(text: str) -> list[str]:
    """Return what reads like a path in a text, in order; the disk is not touched."""
    return [found.rstrip(_END_OF_SENTENCE) for found in _PATH.findall(text)]


def _whole(path: str, sender: str | None) -> str:
    if sender is None or not path.startswith(_STATE_INSIDE):
        return path
    try:
        name = agent_name(sender)
    except BadRequest:
        return path
    return f"{AGENTS_INSIDE}/{name}{path}"


def locate(paths: Paths, path: str) -> tuple[Path, tuple[str, ...]]:
    """Return the trusted directory and the names below it that a path means.

    Touches no disk. Raises `BadRequest`, and `Refused` for what is nobody's to show.
    """
    if "\0" in path or len(path.encode(errors="replace")) > PATH_BYTES:
        raise BadRequest("this is not a path")
    if path.startswith(_STATE_INSIDE) and not paths.state.is_relative_to("/state"):
        raise Refused(
            "/state is another directory in every container: name the agent, as in"
            " /agents/<name>/state/..."
        )
    for root in (str(paths.shared), SHARED_INSIDE):
        if path.startswith(root + "/"):
            return paths.shared, _parts(path, root)
    for root in (str(paths.agents), AGENTS_INSIDE):
        if path.startswith(root + "/"):
            parts = _parts(path, root)
            name = agent_name(parts[0])
            if len(parts) < 3 or parts[1] != _STATE:
                raise Refused(f"{path[:200]} is not in an agent's state directory")
            return paths.agents, (name, *parts[1:])
    raise Refused("only files below /agents/<name>/state and /shared are shown")


def _parts(path: str, root: str) -> tuple[str, ...]:
    parts = tuple(path.removeprefix(root + "/").split("/"))
    if any(part in {"", ".", ".."} for part in parts):
        raise BadRequest(f"{path[:200]!r} is not a plain path: leave out '.', '..' and '//'")
    return parts


def _readable(paths: Paths, refs: list[Ref]) -> list[Ref]:
    return [ref for ref in refs if _is_readable(paths, ref.path)]


def _is_readable(paths: Paths, path: str) -> bool:
    try:
        base, parts = locate(paths, path)
        state_reader.check_below(base, parts, path)
    except HiveError:
        return False
    return True
