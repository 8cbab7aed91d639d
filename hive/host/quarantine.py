"""Taking a commit out of a repository that an agent can write to, as it may have been forged.

git never runs there: its settings, hooks, filters, alternates and links would be obeyed. Its
objects are read as plain files within bounds, each loose one checked against its name, each pack
indexed anew, into a private store of objects beside the applied repository's. What git, with the
applied repository's settings, can show to be a whole and plain commit leaves it as one pack.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from hive.errors import BadRequest, ProgramFailed
from hive.host import git_refs, git_tree, object_copy, trees
from hive.host.git import Git
from hive.process import Completed

PACK_BYTES = 64 << 20
MEMORY_BYTES = 1 << 30
TIMEOUT_S = 30.0
REF = re.compile(r"[0-9a-f]{7,40}")


def _long(name: str) -> BadRequest:
    return BadRequest(
        f"the message of {name[:12]} is longer than {object_copy.COMMIT_BYTES >> 10} KiB: shorten"
        " it with git commit --amend"
    )


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
        if not size.isdecimal() or int(size) > object_copy.COMMIT_BYTES:
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
    git: Git, private: Path, source: object_copy.Source, applied: Path
) -> AsyncIterator[Quarantine]:
    """Hold what a proposed repository has, below `private`; gone afterwards.

    `applied` is the applied repository's work tree; what it has is read there and not copied.
    Raises `BadRequest` for a proposed repository that is not there or not in order.
    """
    folder = private / secrets.token_hex(8)
    known = applied / ".git/objects"
    try:
        copy = await trio.to_thread.run_sync(object_copy.take, folder, source, known)
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
