"""What a commit changes, as the operator reads it before deciding."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import attrs

from hive.errors import BadRequest, ProgramFailed
from hive.host.git import EMPTY_TREE, Git
from hive.host.git_tree import is_seen

TEXT_BYTES = 256 << 10
NUMSTAT_BYTES = 4 << 20
MOVES_MOST = 400
"""Files that are compared with one another; of more, only equal ones are found."""
MEMORY_BYTES = 1 << 30
TIMEOUT_S = 20.0
_ODD = re.compile(r"[^\n\t -~]")
_ORDER = "agent.toml\nagent.nix\nflake.nix\nflake.lock\n"
"""What says what runs stands first: no amount of other files pushes it out of sight."""
_WORDS = (
    "-O/dev/stdin",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-renames",
    "--no-indent-heuristic",
)


@attrs.frozen
class FileStat:
    """One file that differs; None for lines in what is no text."""

    path: str
    added: int | None
    removed: int | None


@attrs.frozen
class Moved:
    """A file that is gone and comes back elsewhere; both are shown whole all the same."""

    old: str
    new: str
    likeness: int
    """Of a hundred."""


@attrs.frozen
class Diff:
    """A proposal beside what it is compared with."""

    base_ref: str
    """A tag, or empty where nothing was there before."""
    base_sha: str | None
    sha: str
    text: str
    """Of a unified diff; letters that would hide or reorder others are written out."""
    is_truncated: bool
    """Whether `text` ends early; `files` is whole."""
    files: tuple[FileStat, ...]
    moved: tuple[Moved, ...] = ()
    """Told beside them, because what is only said to be moved would not be read."""


async def compare(
    git: Git, repo: Path, base_ref: str, base: str | None, sha: str, *, ignores_space: bool = False
) -> Diff:
    """Compare two commits of an applied repository; `ignores_space` leaves out changes of white
    space, and is no whole answer.

    Raises `BadRequest` for commits whose comparison takes more than hive allows.
    """
    how = (*_WORDS, "--ignore-all-space") if ignores_space else _WORDS
    ends = ("--end-of-options", base or EMPTY_TREE, sha)
    words = ("diff-tree", "-r", *how, *ends)
    ask = partial(git.do, repo, timeout_s=TIMEOUT_S, memory_max=MEMORY_BYTES)
    try:
        numbers = _with(words, "--numstat", "-z")
        stat = await ask(*numbers, given=_ORDER, output_max=NUMSTAT_BYTES)
        lines = _with(words, "-p", "--full-index")
        patch = await ask(*lines, given=_ORDER, output_max=TEXT_BYTES)
        renames = await ask(
            *("diff-tree", "-r", f"-l{MOVES_MOST}", "--find-renames", "--diff-filter=R"),
            *("--name-status", "-z", *ends),
            output_max=NUMSTAT_BYTES,
        )
    except ProgramFailed as failure:
        raise BadRequest(f"these commits cannot be compared: {failure.message}") from failure
    raw = patch.raw
    if patch.is_cut:
        raw = raw[: raw.rfind(b"\n") + 1]
    files = tuple(_stat(line) for line in stat.raw.split(b"\0") if line)
    text = plain(raw.decode("utf-8", errors="replace"))
    return Diff(base_ref, base, sha, text, patch.is_cut, files, _moved(renames.raw))


def _with(words: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return (words[0], *more, *words[1:])


def _stat(line: bytes) -> FileStat:
    added, removed, path = line.decode("utf-8", errors="replace").split("\t", 2)
    return FileStat(path, _number(added), _number(removed))


def _moved(raw: bytes) -> tuple[Moved, ...]:
    words = raw.decode("utf-8", errors="replace").split("\0")
    rows = zip(words[::3], words[1::3], words[2::3], strict=False)
    return tuple(Moved(old, new, int(score[1:] or 100)) for score, old, new in rows)


def _number(word: str) -> int | None:
    return int(word) if word.isdecimal() else None


def plain(text: str) -> str:
    """Return a text whose every letter can be seen, so that it reads as it is built."""
    return _ODD.sub(_seen, text)


def _seen(found: re.Match[str]) -> str:
    letter = found[0]
    return letter if is_seen(letter) else f"<U+{ord(letter):04X}>"
