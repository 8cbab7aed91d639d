"""Taking a commit out of a repository that an agent can write to, as it may have been forged.

git never runs there: its settings, hooks, filters, alternates and links would be obeyed. Its
objects are read as plain files within bounds, each loose one checked against its name, each pack
indexed anew, into a private store of objects beside the applied repository's. What git, with the
applied repository's settings, can show to be a whole and plain commit leaves it as one pack.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from hive.errors import BadRequest, ProgramFailed, Unavailable
from hive.host import git_refs, git_tree, state_files, trees
from hive.host.git import Git
from hive.process import Completed

OBJECTS_MAX = 20_000
PACKS_MAX = 50
OBJECT_BYTES = 16 << 20
COPY_BYTES = 64 << 20
INFLATED_BYTES = 256 << 20
PACK_BYTES = 64 << 20
COMMIT_BYTES = 64 << 10
"""Of a commit that is proposed: its message is shown."""
MEMORY_BYTES = 1 << 30
TRIES = 3
TIMEOUT_S = 30.0
REF = re.compile(r"[0-9a-f]{7,40}")
_PREFIX = re.compile(r"[0-9a-f]{2}")
_REST = re.compile(r"[0-9a-f]{38}")
_PACK = re.compile(r"pack-[0-9a-f]{40}\.pack")
_HEADER = re.compile(rb"(?:commit|tree|blob|tag) \d{1,10}\0")


@attrs.frozen
class Source:
    """Where a proposed repository lies: the last parts of its path are within an agent's reach."""

    base: Path
    """Of the daemon alone."""
    parts: tuple[str, ...]

    def open(self) -> int:
        """Return a descriptor of its `.git`, reached through no link.

        Raises `FileNotFoundError` when there is none, `BadRequest`, `OSError`.
        """
        try:
            return state_files.pin(self.base, (*self.parts, ".git"))
        except OSError as error:
            if isinstance(error, NotADirectoryError) or error.errno == errno.ELOOP:
                where = self.base.joinpath(*self.parts)
                raise BadRequest(
                    f"{where}/.git must be a plain directory and no link: make the repository anew"
                    " with git init or git clone"
                ) from error
            raise


class _Vanished(Exception):
    """A file went away while it was read: its git is at work."""


@attrs.define
class _Copy:
    """One pass over the objects of a proposed repository."""

    into: Path
    known: Path
    """The `objects` of the applied repository, which need no copy."""
    left: int = OBJECTS_MAX
    bytes_left: int = COPY_BYTES
    inflated_left: int = INFLATED_BYTES
    packs: list[bytes] = attrs.field(factory=list)
    commits: set[str] = attrs.field(factory=set)

    def run(self, folder: int) -> None:
        objects = git_refs.step(folder, ("objects",))
        try:
            for prefix in os.listdir(objects):  # noqa: PTH208 - of a descriptor
                if _PREFIX.fullmatch(prefix):
                    self._loose(objects, prefix)
            for name in sorted(git_refs.list_folder(objects, ("pack",))):
                if _PACK.fullmatch(name):
                    self._pack(objects, name)
        finally:
            os.close(objects)

    def _loose(self, objects: int, prefix: str) -> None:
        for rest in git_refs.list_folder(objects, (prefix,)):
            if not _REST.fullmatch(rest):
                continue
            self.left -= 1
            if self.left < 0:
                raise BadRequest(
                    f"the repository has more than {OBJECTS_MAX} loose objects: run git gc in it"
                )
            if (self.known / prefix / rest).exists():
                continue
            data = self._read(objects, (prefix, rest))
            self._check(data, prefix + rest)
            target = self.into / prefix
            target.mkdir(exist_ok=True)
            (target / rest).write_bytes(data)

    def _check(self, data: bytes, name: str) -> None:
        """See that it is what its name says, before any git reads it."""
        most = min(OBJECT_BYTES, self.inflated_left)
        inflate = zlib.decompressobj()
        try:
            content = inflate.decompress(data, most + 1)
        except zlib.error as error:
            raise _damaged(name) from error
        if len(content) > most:
            raise BadRequest(f"the object {name} is larger than hive takes: keep large files out")
        self.inflated_left -= len(content)
        whole = inflate.eof and not inflate.unused_data
        header = _HEADER.match(content)
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if not whole or header is None or digest != name:
            raise _damaged(name)
        if content.startswith(b"commit ") and len(content) <= COMMIT_BYTES:
            self.commits.add(name)

    def _pack(self, objects: int, name: str) -> None:
        if len(self.packs) >= PACKS_MAX:
            raise BadRequest(f"the repository has more than {PACKS_MAX} packs: run git gc in it")
        self.packs.append(self._read(objects, ("pack", name)))

    def _read(self, objects: int, parts: tuple[str, ...]) -> bytes:
        try:
            data = git_refs.read_bounded(objects, parts, self.bytes_left)
        except FileNotFoundError as error:
            raise _Vanished from error
        self.bytes_left -= len(data)
        return data


def _long(name: str) -> BadRequest:
    return BadRequest(
        f"the message of {name[:12]} is longer than {COMMIT_BYTES >> 10} KiB: shorten it with git"
        " commit --amend"
    )


def _damaged(name: str) -> BadRequest:
    return BadRequest(f"the object {name} in the repository is damaged: see git fsck in it")


@attrs.frozen
class Quarantine:
    """The objects that were found, in view of a git that runs in the applied repository."""

    git: Git
    applied: Path
    """The work tree of the applied repository."""
    env: Mapping[str, str]
    """What makes git look here first, and write here."""
    commits: Set[str]
    """Commits known to be such."""

    async def resolve(self, ref: str) -> str:
        """Return the commit that 7 to 40 hex digits stand for; raises `BadRequest`."""
        if ref in self.commits:
            return ref
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        done = await self._do(*words, check=False)
        sha = done.stdout.strip()
        if not git_refs.SHA.fullmatch(sha):
            raise BadRequest(
                f"{ref} is no commit of the proposed repository, or more than one begins so: give"
                " all 40 digits that git rev-parse prints"
            )
        size = (await self._do("cat-file", "-s", sha)).stdout.strip()
        if not size.isdecimal() or int(size) > COMMIT_BYTES:
            raise _long(sha)
        return sha

    async def need_descendant(self, main: str, sha: str) -> None:
        """Raise `BadRequest` unless `sha` is `main` or comes after it."""
        if main == sha:
            return
        words = ("rev-list", "--max-count=1", "--end-of-options", main, f"^{sha}")
        if (await self._do(*words)).stdout.strip():
            raise BadRequest(
                f"{sha[:12]} does not come after what is deployed ({main[:12]}): in the proposed"
                " repository run git fetch applied && git rebase applied/main, and propose that"
                " commit"
            )

    async def check_files(self, sha: str) -> list[git_tree.TreeFile]:
        """Return the files of a commit; raises `BadRequest` where one is not to be taken."""
        try:
            return await git_tree.list_files(
                self.git, self.applied, sha, memory_max=MEMORY_BYTES, env=self.env
            )
        except ProgramFailed as failure:
            raise _refused(failure) from failure

    async def pack(self, sha: str, without: Sequence[str]) -> bytes:
        """Return a commit, with all it needs that is not reached from `without`, as a pack."""
        given = "".join([f"{sha}\n", *(f"^{have}\n" for have in without)])
        words = ("pack-objects", "--revs", "--thin", "--stdout", "-q", "--delta-base-offset")
        done = await self._do(*words, given=given)
        if done.is_cut:
            raise BadRequest(f"the commit brings more than {PACK_BYTES >> 20} MiB: keep it small")
        return done.raw

    async def deliver(self, words: Sequence[str], pack: bytes) -> None:
        """Give a pack of this commit to the applied repository; raises `BadRequest`."""
        try:
            await self.git.do(
                self.applied, *words, given=pack, memory_max=MEMORY_BYTES, timeout_s=TIMEOUT_S
            )
        except ProgramFailed as failure:
            raise _refused(failure) from failure

    async def index(self, pack: bytes) -> None:
        """Take in a pack: its objects are named by what is in them, whatever its index said."""
        words = ("index-pack", "--stdin", "--fix-thin", f"--max-input-size={PACK_BYTES}")
        await self._do(*words, given=pack)

    async def _do(self, *words: str, given: str | bytes = b"", check: bool = True) -> Completed:
        try:
            return await self.git.do(
                self.applied,
                *words,
                given=given,
                check=check,
                output_max=PACK_BYTES,
                memory_max=MEMORY_BYTES,
                timeout_s=TIMEOUT_S,
                env=self.env,
            )
        except ProgramFailed as failure:
            raise _refused(failure) from failure


def _refused(failure: ProgramFailed) -> BadRequest:
    lines = failure.stderr.strip().splitlines() or ["it gives git more to do than hive allows"]
    return BadRequest(f"the proposed repository is not in order: {lines[-1][:300]}")


@asynccontextmanager
async def opened(
    git: Git, private: Path, source: Source, applied: Path
) -> AsyncIterator[Quarantine]:
    """Hold what a proposed repository has, below `private`; gone afterwards.

    `applied` is the applied repository's work tree; what it has is read there and not copied.
    Raises `BadRequest` for a proposed repository that is not there or not in order.
    """
    folder = private / secrets.token_hex(8)
    known = applied / ".git/objects"
    try:
        copy = await trio.to_thread.run_sync(_fill, folder, source, known)
        env = {
            "GIT_OBJECT_DIRECTORY": str(folder),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(known),
        }
        inside = Quarantine(git, applied, env, copy.commits)
        for pack in copy.packs:
            await inside.index(pack)
        yield inside
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(trees.remove, folder)


def _quoted(path: Path) -> str:
    """Return a path as git reads it in a list, whatever letters it has."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _fill(folder: Path, source: Source, known: Path) -> _Copy:
    try:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        for _ in range(TRIES):
            copy = _Copy(folder, known)
            try:
                _copy(copy, source)
            except _Vanished:
                continue
            return copy
    except OSError as error:
        where = source.base.joinpath(*source.parts)
        if error.errno == errno.ELOOP or isinstance(error, NotADirectoryError):
            raise BadRequest(
                f"in {where}/.git a link or a file stands where a directory or a plain file"
                " belongs: make the repository anew"
            ) from error
        raise Unavailable(f"cannot read {where}: {error.strerror}") from error
    raise BadRequest("the repository changes while it is read: wait for its git, and try again")


def _copy(copy: _Copy, source: Source) -> None:
    where = source.base.joinpath(*source.parts)
    try:
        at = source.open()
    except FileNotFoundError as error:
        raise BadRequest(f"there is no repository in {where}") from error
    try:
        copy.run(at)
    finally:
        os.close(at)
