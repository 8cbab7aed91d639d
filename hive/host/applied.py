"""One agent's applied repository: only the daemon writes it, and containers are built from it.

Its branch `main` is what is deployed or just being deployed; tags say what became of each proposal.
Looking costs no process: the repository's references are read as files.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import attrs
import trio

from hive.errors import BadRequest, Conflict, NotFound, ProgramFailed, Unavailable
from hive.host import git_refs
from hive.host.git import EMAIL, EMPTY_TREE, MAIN, Git

log = logging.getLogger(__name__)

T = TypeVar("T")
PROPOSAL = "proposal"
APPROVED = "approved"
BUILDING = "building"
DEPLOYED = "deployed"
FAILED = "failed"
DENIED = "denied"
STATES = (PROPOSAL, APPROVED, BUILDING, DEPLOYED, FAILED, DENIED)
ENDS = frozenset({DEPLOYED, FAILED, DENIED})
FIRST = f"{DEPLOYED}/0"
MESSAGE_BYTES = 512 << 10
"""More than a note and all comments of a review come to."""
LOOSE_PER_FOLDER = 12
TIDY_S = 120.0
_REV = re.compile(rf"main|[0-9a-f]{{7,40}}|(?:{'|'.join(STATES)})/[0-9]{{1,18}}")


def tag(state: str, number: int) -> str:
    """Return the name of a tag; raises `BadRequest` for what is no state or number."""
    if state not in STATES or number < 0:
        raise BadRequest(f"{state}/{number} is not a tag of hive")
    return f"{state}/{number}"


@attrs.frozen
class Applied:
    """The repository of one agent, which may not be there yet."""

    git: Git
    folder: Path

    async def is_there(self) -> bool:
        """Whether it was made."""
        return await trio.to_thread.run_sync((self.folder / ".git").is_dir)

    async def main(self) -> str | None:
        """Return the commit that `main` points at."""
        return await self._in_thread(self._refs, MAIN)

    async def tagged(self, state: str, number: int) -> str | None:
        """Return what a tag points at: a commit, or the tag's own text if it has one."""
        return await self._in_thread(self._refs, f"refs/tags/{tag(state, number)}")

    async def states(self, number: int) -> set[str]:
        """Return which tags a proposal has."""
        return await self._in_thread(self._states, number)

    async def proposal(self, number: int) -> str:
        """Return the commit that was proposed under a number; raises `NotFound`."""
        sha = await self.tagged(PROPOSAL, number)
        if sha is None:
            raise self._no_proposal(number)
        return sha

    async def advance(self, number: int) -> str | None:
        """Move `main` on to a proposal, and return where it was; raises `Conflict`."""
        sha, main = await self.look(f"refs/tags/{tag(PROPOSAL, number)}", MAIN)
        if sha is None:
            raise self._no_proposal(number)
        if main is not None:
            await self.need_after(main, sha)
        await self.move(sha, main)
        return main

    async def look(self, *names: str) -> list[str | None]:
        """Return what some full names point at."""
        return await self._in_thread(self._look, names)

    def _no_proposal(self, number: int) -> NotFound:
        return NotFound(f"there is no tag {PROPOSAL}/{number} in {self.folder}")

    async def numbers(self, state: str) -> dict[int, str]:
        """Return every tag of one state: number to what it points at."""
        return await self._in_thread(self._numbers, state)

    async def deployed(self, *, but: int | None = None) -> tuple[str, str] | None:
        """Return tag and commit of what was deployed last, leaving one number out."""
        return await self._in_thread(self._deployed, but)

    async def mark(self, state: str, number: int, message: str | None) -> None:
        """Set a tag at a proposal; one that is set stays as it is."""
        name = tag(state, number)
        there, sha = await self.look(f"refs/tags/{name}", f"refs/tags/{tag(PROPOSAL, number)}")
        if there is not None:
            return
        if sha is None:
            raise self._no_proposal(number)
        if message is None:
            await self.update([f"create refs/tags/{name} {sha}"])
            return
        text = message.encode(errors="replace").replace(b"\0", b"")[:MESSAGE_BYTES]
        words = ("tag", "-a", "--cleanup=verbatim", "-F", "-", name, sha)
        await self.git.do(self.folder, *words, given=text or b"\n")

    async def update(self, commands: list[str]) -> None:
        """Change references, all of them or none."""
        given = "".join(f"{command}\n" for command in ["start", *commands, "commit"])
        await self.git.do(self.folder, "update-ref", "--stdin", given=given)

    async def amend(self, base: str, path: str, data: bytes, message: str, author: str) -> str:
        """Make a commit behind `base` in which one file, not in a directory, is another.

        Nothing points at it yet.
        """

        async def said(*words: str, given: str | bytes = b"", env: Mapping[str, str]) -> bytes:
            return (await self.git.do(self.folder, *words, given=given, env=env)).raw

        who = {"GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": f"{author}@{EMAIL.partition('@')[2]}"}
        blob = await said("hash-object", "-w", "--stdin", given=data, env=who)
        listed = await said("ls-tree", "-z", "--full-tree", base, env=who)
        kept = [
            line
            for line in listed.split(b"\0")
            if line and line.partition(b"\t")[2] != path.encode()
        ]
        made = b"100644 blob " + blob.strip() + b"\t" + path.encode()
        given = b"".join(line + b"\0" for line in (*kept, made))
        tree = (await said("mktree", "-z", given=given, env=who)).decode("ascii").strip()
        commit = await said("commit-tree", tree, "-p", base, "-F", "-", given=message, env=who)
        return commit.decode("ascii").strip()

    async def move(self, sha: str, main: str | None) -> None:
        """Point `main`, now at another or the same, at a commit, with the work tree's files."""
        if main != sha:
            await self.update([f"update {MAIN} {sha}"])
        await self.git.do(self.folder, "read-tree", "--reset", "-u", sha)

    async def clear(self) -> None:
        """Leave `main` without a commit and the work tree without a file."""
        if await self.main() is not None:
            await self.update([f"delete {MAIN}"])
        await self.git.do(self.folder, "read-tree", "--reset", "-u", EMPTY_TREE)

    async def need_after(self, main: str, sha: str) -> None:
        """Raise `Conflict` unless `sha` is `main` or comes after it."""
        if main == sha:
            return
        words = ("rev-list", "--max-count=1", "--end-of-options", main, f"^{sha}")
        done = await self.git.do(self.folder, *words)
        if done.stdout.strip():
            words = ("rev-list", "--max-count=1", "--end-of-options", sha, f"^{main}")
            if not (await self.git.do(self.folder, *words)).stdout.strip():
                raise Conflict(
                    f"{sha[:12]} is part of what is deployed now ({main[:12]}) already: to go back"
                    " to it, git revert what came behind it and propose that commit"
                )
            raise Conflict(
                f"{sha[:12]} does not come after what is deployed now ({main[:12]}): in the"
                " proposed repository run git fetch applied && git rebase applied/main, and"
                " propose that commit"
            )

    async def resolve(self, rev: str) -> str | None:
        """Return the commit that `main`, a tag of hive or hex digits stand for, or None.

        Raises `BadRequest` for anything else.
        """
        if not _REV.fullmatch(rev):
            raise BadRequest(f"{rev[:80]!r} is neither a commit nor a tag of hive")
        state, _, number = rev.partition("/")
        if rev == "main":
            return await self.main()
        if number:
            tagged = await self.tagged(state, int(number))
            return tagged and (await self.tagged(PROPOSAL, int(number)) or tagged)
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
        done = await self.git.do(self.folder, *words, check=False)
        return done.stdout.strip() or None

    async def tidy(self) -> None:
        """Pack what has gathered, once it is much; whatever has a tag stays.

        A repository that cannot be packed is slower and works: nobody's request fails with it.
        """
        if not await self._in_thread(self._is_untidy):
            return
        try:
            await self.git.do(self.folder, "gc", "--quiet", "--prune=now", timeout_s=TIDY_S)
        except ProgramFailed as error:
            log.warning("%s was not packed: %s", self.folder, error)

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        try:
            return await trio.to_thread.run_sync(work, *args)
        except OSError as error:
            raise Unavailable(f"cannot read {self.folder}: {error.strerror}") from error

    # What blocks:

    def _is_untidy(self) -> bool:
        """Whether there are some thousand loose objects, by one folder of the 256."""
        sample = self.folder / ".git/objects/17"
        return sample.is_dir() and len(os.listdir(sample)) > LOOSE_PER_FOLDER  # noqa: PTH208

    def _open(self) -> int | None:
        try:
            return os.open(self.folder / ".git", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None

    def _refs(self, name: str) -> str | None:
        folder = self._open()
        if folder is None:
            return None
        try:
            return git_refs.read_ref(folder, name)
        finally:
            os.close(folder)

    def _look(self, names: tuple[str, ...]) -> list[str | None]:
        return [self._refs(name) for name in names]

    def _states(self, number: int) -> set[str]:
        return {state for state in STATES if self._refs(f"refs/tags/{tag(state, number)}")}

    def _numbers(self, state: str) -> dict[int, str]:
        folder = self._open()
        if folder is None:
            return {}
        try:
            found = git_refs.read_below(folder, ("refs", "tags", state))
        finally:
            os.close(folder)
        return {int(name): sha for name, sha in found.items() if name.isdecimal()}

    def _deployed(self, but: int | None) -> tuple[str, str] | None:
        by_sha: dict[str, int] = {}
        for number, sha in sorted(self._numbers(DEPLOYED).items()):
            if number != but:
                by_sha[self._refs(f"refs/tags/{PROPOSAL}/{number}") or sha] = number
        if not by_sha:
            return None
        # Numbers are not in the order of the deploys; where `main` has been is. Where it is counts
        # first: that is on the disk when its log may not be.
        for sha in (self._refs(MAIN) or "", *(sha for _, sha, _ in reversed(self._log(MAIN)))):
            if sha in by_sha:
                return tag(DEPLOYED, by_sha[sha]), sha
        sha, number = max(by_sha.items(), key=lambda item: item[1])
        return tag(DEPLOYED, number), sha

    def _log(self, name: str) -> list[tuple[str, str, float]]:
        folder = self._open()
        if folder is None:
            return []
        try:
            return git_refs.read_log(folder, name)
        finally:
            os.close(folder)
