"""The files of a commit: listed within bounds, and written out whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs
import trio

from hive.errors import BadRequest, Unavailable
from hive.host import trees
from hive.host.git import Git

FILES_MAX = 5_000
FILE_BYTES = 8 << 20
TREE_BYTES = 32 << 20
PATH_BYTES = 1024
NAME_BYTES = 255
DEPTH_MAX = 64
LISTING_BYTES = 4 << 20
LINK = "120000"
PLAIN = frozenset({"100644", "100755"})
_KINDS = PLAIN | {LINK, "040000"}
_EMPTY = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
_IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""Letters and marks by their category, drawn as nothing."""


@attrs.frozen
class TreeFile:
    """One file or symlink of a commit."""

    mode: str
    sha: str
    size: int
    path: str


async def list_files(
    git: Git,
    repo: Path,
    sha: str,
    *,
    memory_max: int | None = None,
    env: Mapping[str, str] | None = None,
) -> list[TreeFile]:
    """Return the files of a commit, all of them within the bounds above.

    Raises `BadRequest` for a commit with anything else in it, a submodule for example.
    """
    # With directories: a tree that is large by repeating itself shows its size without a file.
    words = ("ls-tree", "-r", "-t", "-l", "-z", "--full-tree", sha)
    done = await git.do(repo, *words, output_max=LISTING_BYTES, memory_max=memory_max, env=env)
    if done.is_cut:
        raise BadRequest(f"the commit has too many files: at most {FILES_MAX} are taken")
    found = [parse(line) for line in done.raw.split(b"\0") if line]
    files = [file for file in found if file.mode != "040000"]
    if len(found) > FILES_MAX:
        raise BadRequest(f"the commit has more than {FILES_MAX} files and directories")
    paths = {file.path for file in files}
    if len(paths) < len(files) or any(_parents(path) & paths for path in paths):
        raise BadRequest("the commit has two things of one name: make it anew with git")
    for file in files:
        if file.mode == LINK and not 0 < file.size <= PATH_BYTES:
            raise BadRequest(f"{file.path} is a link that leads nowhere: make it anew")
        if file.size > FILE_BYTES:
            raise BadRequest(f"{file.path} is larger than {FILE_BYTES >> 20} MiB: keep it out")
    if sum(file.size for file in files) > TREE_BYTES:
        raise BadRequest(f"the commit's files are larger than {TREE_BYTES >> 20} MiB together")
    return files


def are_exactly(files: Iterable[TreeFile], texts: Mapping[str, str]) -> bool:
    """Whether a commit has plain files with these texts, by path, and nothing else."""
    wanted = set()
    for path, text in texts.items():
        data = text.encode()
        whole = b"blob %d\0" % len(data) + data
        wanted.add((path, "100644", hashlib.sha1(whole, usedforsecurity=False).hexdigest()))
    return wanted == {(file.path, file.mode, file.sha) for file in files}


def _parents(path: str) -> set[str]:
    parts = path.split("/")
    return {"/".join(parts[:end]) for end in range(1, len(parts))}


def parse(line: bytes) -> TreeFile:
    """Return what one line of `ls-tree -l -z` says; raises `BadRequest`."""
    about, _, raw = line.partition(b"\t")
    mode, _, sha, size = about.decode("ascii").split()
    try:
        path = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"the file name {raw[:80]!r} is not UTF-8: rename it") from error
    if mode == "160000":
        raise BadRequest(f"{path} is a submodule: put its files into the repository instead")
    if mode not in _KINDS:
        raise BadRequest(f"{path} has the mode {mode}: only plain files and links are taken")
    check_path(path)
    if size != "-" and not size.isdecimal():
        raise BadRequest(f"the repository lacks what is in {path}: see git fsck in it")
    return TreeFile(mode, sha, 0 if size == "-" else int(size), path)


def check_path(path: str) -> None:
    """Raise `BadRequest` for a path that no file of a configuration may have."""
    parts = path.split("/")
    sizes = [len(part.encode(errors="surrogatepass")) for part in parts]
    if sum(sizes) + len(sizes) > PATH_BYTES or len(parts) > DEPTH_MAX or max(sizes) > NAME_BYTES:
        raise BadRequest(f"the path {path[:80]!r}... is too long: at most {PATH_BYTES} bytes")
    if any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts):
        raise BadRequest(f"{path!r} is not a path a configuration may have: rename it")
    if not all(map(is_seen, path)):
        raise BadRequest(f"the file name {path!r} has letters nobody sees: rename it")


def is_seen(letter: str) -> bool:
    """Whether a letter leaves a mark of its own; of those that leave none, a space alone does."""
    is_empty = unicodedata.category(letter) in _EMPTY or _IGNORED.match(letter) is not None
    return letter == " " or not is_empty


async def read_blob(git: Git, repo: Path, file: TreeFile) -> bytes:
    """Return what is in one file of a commit."""
    done = await git.do(repo, "cat-file", "blob", file.sha, output_max=FILE_BYTES)
    return done.raw


async def export(git: Git, repo: Path, sha: str, target: Path) -> None:
    """Write the files of a commit to `target`, which is not there before or is left as it is.

    Links stay links. Raises `BadRequest`, `Unavailable`.
    """
    if await trio.to_thread.run_sync(target.is_dir):
        return
    files = await list_files(git, repo, sha)
    wanted = "".join(f"{blob}\n" for blob in dict.fromkeys(file.sha for file in files))
    done = await git.do(
        repo, "cat-file", "--batch", given=wanted, output_max=TREE_BYTES + LISTING_BYTES
    )
    if done.is_cut:
        raise BadRequest(f"the commit's files are larger than {TREE_BYTES >> 20} MiB together")
    await trio.to_thread.run_sync(_write_all, files, _blobs(done.raw), target)


def _blobs(data: bytes) -> dict[str, memoryview]:
    """Take apart what `cat-file --batch` printed; it says the size of each before it."""
    found: dict[str, memoryview] = {}
    view, at = memoryview(data), 0
    while at < len(data):
        end = data.index(b"\n", at)
        words = data[at:end].decode("ascii").split()
        if len(words) != 3 or words[1] != "blob":
            raise Unavailable(f"the applied repository lacks an object: {' '.join(words)[:100]}")
        size = int(words[2])
        found[words[0]] = view[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
    return found


def _write_all(files: Iterable[TreeFile], blobs: dict[str, memoryview], target: Path) -> None:
    new = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
    try:
        new.mkdir(mode=0o755, parents=True)
        folders = {new}
        for file in files:
            path = new / file.path
            if path.parent not in folders:
                path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                folders.add(path.parent)
            _write(path, file, blobs[file.sha])
        # All is written before any of it is waited for: the disk takes it in one go.
        plain = [new / file.path for file in files if file.mode in PLAIN]
        for path in (*plain, *sorted(folders, reverse=True)):
            _sync(path)
        try:
            new.rename(target)
        except OSError:
            # Another export of the same commit was first; it is the same.
            if not target.is_dir():
                raise
        _sync(target.parent)
    except OSError as error:
        raise Unavailable(f"cannot write {target}: {error.strerror}") from error
    finally:
        trees.remove(new)


def _write(path: Path, file: TreeFile, data: memoryview) -> None:
    if file.mode == LINK:
        if 0 in data:
            raise BadRequest(f"{file.path} is a link that leads nowhere: make it anew")
        path.symlink_to(os.fsdecode(bytes(data)))
        return
    mode = 0o755 if file.mode == "100755" else 0o644
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
        opened.write(data)


def _sync(path: Path) -> None:
    at = os.open(path, os.O_RDONLY)
    try:
        os.fsync(at)
    finally:
        os.close(at)
