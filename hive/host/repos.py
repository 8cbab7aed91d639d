"""The two repositories of every agent: what the manager proposes, and what is deployed.

`STATE/agents/<n>/config` is the manager's and may hold anything; `STATE/applied/<n>` is written
here only. A commit goes from one to the other through `quarantine`, and is known from then on by
its tag `proposal/<id>`; the other tags say what became of it.
"""

from __future__ import annotations

import os
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from hive.errors import BadRequest, Conflict, NotFound, Unavailable
from hive.host import git_refs, git_tree, quarantine, trees
from hive.host.applied import (
    APPROVED,
    ENDS,
    FIRST,
    PROPOSAL,
    STATES,
    Applied,
    tag,
)
from hive.host.git import MAIN, Git, keep_attributes, remove_stale_locks
from hive.host.git_diff import Diff, FileStat, compare
from hive.host.intake import Intake
from hive.host.proposed import Proposed
from hive.paths import Paths
from hive.wire.names import AgentName

__all__ = ["BASES", "STATES", "Change", "Diff", "FileStat", "Repos"]

BASES = ("running", "approved", "queued")


@attrs.frozen
class Change:
    """One file as somebody other than the manager wants it."""

    base: str
    """The deployed commit it was made from."""
    path: str
    """Without a directory."""
    data: bytes
    message: str
    author: str


def seen_by_manager(name: AgentName) -> str:
    """Return an applied repository by its path in the manager's container."""
    return f"/applied/{name}/.git"


class Repos:
    """Every agent's repositories; one operation at a time on each agent's."""

    def __init__(
        self,
        paths: Paths,
        *,
        files: Callable[[AgentName], Mapping[str, str]],
        git: Git | None = None,
        applied_url: Callable[[AgentName], str] = seen_by_manager,
        manager: Callable[[], int] = os.geteuid,
        stored: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`manager` says whose the proposed repositories are.

        `stored` is told how many bytes of its the daemon has put on the disk.
        """
        self._paths = paths
        self._files = files
        self._git = git or Git()
        self._applied_url = applied_url
        self._manager = manager
        self._locks: defaultdict[AgentName, trio.Lock] = defaultdict(trio.Lock)
        self._clean: set[AgentName] = set()
        self._plain: set[AgentName] = set()
        """Whose commits are known to be able to hide nothing by attributes of their own."""
        self._private = paths.state / "quarantine"
        self._is_swept = False
        self._sweeping = trio.Lock()
        self._intake = Intake(self._git, self._private, stored)

    # The proposed side:

    async def has_proposed(self, name: AgentName) -> bool:
        """Whether the manager has something in that agent's proposed directory."""
        return await self._proposed(name).exists()

    async def seed_proposed(self, name: AgentName) -> str:
        """Make the proposed repository from the template and return its first commit.

        Raises `Conflict` when there is one.
        """
        async with self._holding(name):
            return await self._proposed(name).seed(self._files(name))

    async def head_of_proposed(self, name: AgentName) -> str:
        """Return the commit of the proposed repository's branch, 40 hex digits.

        Raises `NotFound` when there is none, `BadRequest` when it is not in order.
        """
        return await self._proposed(name).head()

    async def wire(self, name: AgentName) -> None:
        """See that the proposed repository's remote `applied` is right.

        Raises `NotFound`, `BadRequest`.
        """
        async with self._holding(name):
            await self._proposed(name).wire()

    # The applied side:

    async def adopt(self, name: AgentName) -> str:
        """Take the template in the proposed repository as deployed: tag `deployed/0`.

        Where something was deployed already, that stays. `main` is it in either case, and returned.
        Raises `Conflict` for anything but the template, because nobody approved that.
        """
        async with self._holding(name):
            applied = self._applied(name)
            last = await applied.deployed()
            if last is None:
                # Whatever `main` is then, nobody saw it run.
                head = await self._proposed(name).head()
                source = self._proposed(name).source
                only, ref = self._files(name), f"refs/tags/{FIRST}"
                sha = await self._intake.take(applied, source, head, None, ref, only=only)
            else:
                _, sha = last
            await applied.move(sha, await applied.main())
            return sha

    async def pin(self, name: AgentName, number: int, commit_ref: str) -> str:
        """Copy a proposed commit into the applied repository as `proposal/<number>`.

        Returns its 40 hex digits; the proposed repository does not matter from then on. Pinning the
        same again changes nothing. Raises `BadRequest` for what is no commit hive can take, and for
        one that does not come after what is deployed, `Conflict` for a number that is taken.
        """
        if not quarantine.REF.fullmatch(commit_ref):
            raise BadRequest(
                f"{commit_ref[:80]!r} is not a commit: give 7 to 40 lower-case hex digits, as git"
                " rev-parse HEAD prints them; a branch or a tag could be moved"
            )
        async with self._holding(name):
            ref = f"refs/tags/{tag(PROPOSAL, number)}"
            applied = self._applied(name)
            pinned, main = await applied.look(ref, MAIN)
            if pinned is not None:
                if pinned.startswith(commit_ref):
                    return pinned
                raise Conflict(f"{PROPOSAL}/{number} of {name} is {pinned[:12]} already")
            if commit_ref == main:
                # What ran last can be had whatever the proposed repository has become.
                await applied.update([f"create {ref} {main}"])
                return main
            source = self._proposed(name).source
            return await self._intake.take(applied, source, commit_ref, main, ref)

    async def propose(self, name: AgentName, number: int, change: Change) -> str:
        """Make a commit of the daemon's own behind what is deployed, as `proposal/<number>`.

        Returns it. The proposed repository is neither read nor written, so nothing that the
        manager has there is deployed by it or lost. Raises `Conflict` when something else is
        deployed by now than the change was made for.
        """
        async with self._holding(name):
            ref = f"refs/tags/{tag(PROPOSAL, number)}"
            applied = self._applied(name)
            pinned, main = await applied.look(ref, MAIN)
            if pinned is not None:
                raise Conflict(f"{PROPOSAL}/{number} of {name} is {pinned[:12]} already")
            if main != change.base:
                raise Conflict(f"what is deployed of {name} has just changed: ask again")
            sha = await applied.amend(
                change.base, change.path, change.data, change.message, change.author
            )
            await applied.update([f"create {ref} {sha}"])
            await applied.tidy()
            return sha

    async def diff(
        self, name: AgentName, number: int, base: str, *, ignores_space: bool = False
    ) -> Diff:
        """Compare a proposal with one of `BASES`; from tags only, so nobody can change it.

        `running`: what was deployed last; `approved`: the newest other approved proposal; `queued`:
        the newest earlier proposal that is not decided; without such, what was deployed last.
        Raises `BadRequest`, `NotFound`.
        """
        if base not in BASES:
            raise BadRequest(f"base must be one of {', '.join(BASES)}")
        applied = await self._shown(name)
        sha = await applied.proposal(number)
        found = await self._base(applied, number, base)
        ref, base_sha = found or ("", None)
        folder = applied.folder
        return await compare(self._git, folder, ref, base_sha, sha, ignores_space=ignores_space)

    async def diff_with(
        self, name: AgentName, number: int, base: tuple[str, str | None], *, ignores_space: bool
    ) -> Diff:
        """Compare a proposal with what it was compared with before: a tag and its commit.

        Raises `NotFound` where one of them is gone.
        """
        applied = await self._shown(name)
        sha = await applied.proposal(number)
        ref, base_sha = base
        if base_sha is not None:
            await self._need(applied, base_sha)
        folder = applied.folder
        return await compare(self._git, folder, ref, base_sha, sha, ignores_space=ignores_space)

    async def mark(
        self, name: AgentName, number: int, state: str, message: str | None = None
    ) -> None:
        """Set the tag `<state>/<number>` at the proposal; a tag that is set stays.

        With a message the tag is annotated and carries it. Raises `NotFound` without a proposal.
        """
        async with self._holding(name):
            await self._applied(name).mark(state, number, message)

    async def states(self, name: AgentName, number: int) -> set[str]:
        """Return which of the six tags an approval has."""
        return await self._applied(name).states(number)

    async def last_number(self) -> int:
        """Return the greatest number that a proposal of any agent has; 0 without one."""
        found = [0]
        for folder in await trio.to_thread.run_sync(_listed, self._paths.all_applied):
            found += await Applied(self._git, folder).numbers(PROPOSAL)
        return max(found)

    async def advance(self, name: AgentName, number: int) -> str | None:
        """Move `main` on to a proposal and make the work tree its files.

        Returns where `main` was, which is the proposal itself when this is done again. Raises
        `Conflict` when the proposal does not come after `main`.
        """
        async with self._holding(name):
            return await self._applied(name).advance(number)

    async def roll_back(self, name: AgentName, sha: str | None) -> None:
        """Move `main` back to a commit, None for none, and the work tree with it."""
        async with self._holding(name):
            applied = self._applied(name)
            if sha is not None:
                await applied.move(sha, await applied.main())
            elif await applied.is_there():
                await applied.clear()

    async def main(self, name: AgentName) -> str | None:
        """Return the commit of `main`."""
        return await self._applied(name).main()

    async def deployed(self, name: AgentName) -> tuple[str, str] | None:
        """Return tag and commit of what was deployed last."""
        return await self._applied(name).deployed()

    async def read_file(self, name: AgentName, rev: str, path: str) -> bytes | None:
        """Return a file of a commit, None where there is none of that name.

        `rev` is a commit, a tag of hive or `main`. Raises `NotFound` for one that is not there,
        `BadRequest` for a path or a link.
        """
        git_tree.check_path(path)
        applied = self._applied(name)
        words = ("ls-tree", "-z", "-l", "--full-tree", await self._need(applied, rev), path)
        line = (await self._git.do(applied.folder, *words)).raw.rstrip(b"\0")
        if not line:
            return None
        file = git_tree.parse(line)
        if file.mode not in git_tree.PLAIN:
            raise BadRequest(f"{path} is a link or a directory: put a plain file there")
        return await git_tree.read_blob(self._git, applied.folder, file)

    async def export(self, name: AgentName, sha: str, target: Path) -> None:
        """Write the files of a commit to `target`, whole or not at all.

        A `target` that is there is taken as done; links stay links. Raises `Unavailable`.
        """
        applied = self._applied(name)
        if not git_refs.SHA.fullmatch(sha):
            raise BadRequest(f"{sha[:80]!r} is not the 40 digits of a commit")
        if not await applied.is_there():
            raise NotFound(f"there is no {applied.folder}")
        await git_tree.export(self._git, applied.folder, sha, target)

    async def remove(self, name: AgentName) -> None:
        """Forget all that was deployed of an agent; its proposed repository stays."""
        async with self._holding(name):
            self._clean.discard(name)
            self._plain.discard(name)
            for folder in (self._paths.applied(name), self._paths.generation(name, "x").parent):
                await trio.to_thread.run_sync(self._remove, folder)

    # How:

    def _proposed(self, name: AgentName) -> Proposed:
        url = self._applied_url(name)
        agents = self._paths.agents
        return Proposed(self._git, agents, name, self._private, url, self._manager())

    def _applied(self, name: AgentName) -> Applied:
        return Applied(self._git, self._paths.applied(name))

    async def _shown(self, name: AgentName) -> Applied:
        """Return the applied repository for a diff, in which nothing is hidden."""
        if name not in self._plain:
            try:
                await trio.to_thread.run_sync(keep_attributes, self._paths.applied(name))
            except (OSError, UnicodeDecodeError) as error:
                raise Unavailable(f"cannot use the repositories of {name}: {error}") from error
            self._plain.add(name)
        return self._applied(name)

    @asynccontextmanager
    async def _holding(self, name: AgentName) -> AsyncIterator[None]:
        """Keep others from that agent's repositories; what a killed git left is removed first."""
        async with self._locks[name]:
            try:
                await self._clean_up(name)
                yield
            except OSError as error:
                self._clean.discard(name)
                raise Unavailable(
                    f"cannot use the repositories of {name}: {error.strerror}: {error.filename}"
                ) from error
            except BaseException:
                self._clean.discard(name)
                raise

    async def _clean_up(self, name: AgentName) -> None:
        async with self._sweeping:
            if not self._is_swept:
                await trio.to_thread.run_sync(trees.remove, self._private)
                self._is_swept = True
        if name not in self._clean:
            await trio.to_thread.run_sync(remove_stale_locks, self._paths.applied(name))
            self._clean.add(name)

    def _remove(self, folder: Path) -> None:
        """Remove a directory: out of its place at once, and then whatever is in it."""
        gone = self._private / secrets.token_hex(8)
        self._private.mkdir(mode=0o700, exist_ok=True)
        try:
            folder.rename(gone)
        except FileNotFoundError:
            return
        trees.remove(gone)

    async def _need(self, applied: Applied, rev: str) -> str:
        sha = await applied.resolve(rev) if await applied.is_there() else None
        if sha is None:
            raise NotFound(f"there is no {rev} in {applied.folder}")
        return sha

    async def _base(self, applied: Applied, number: int, base: str) -> tuple[str, str] | None:
        running = await applied.deployed(but=number)
        if base == "running":
            return running
        state = APPROVED if base == "approved" else PROPOSAL
        others = set(await applied.numbers(state)) - {number}
        if base == "queued":
            others = {other for other in others if other < number}
            for end in ENDS:
                others -= set(await applied.numbers(end))
        if not others:
            return running
        return tag(state, max(others)), await applied.proposal(max(others))


def _listed(folder: Path) -> list[Path]:
    """Return the repositories in a directory, which may not be there."""
    try:
        return [each for each in folder.iterdir() if each.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"cannot look into {folder}: {error.strerror}") from error
