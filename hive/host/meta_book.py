"""What the kinds of meta repository share: staging, committing and undoing one lock in git.

What is staged is always made from what is committed, so a leftover of a broken deployment can
never travel with the next one.
"""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import trio

from hive.errors import BadRequest, HiveError, ProgramFailed, Unavailable
from hive.host import git as git_runner
from hive.host import meta_lock
from hive.host.git import Git
from hive.host.meta_lock import Lock
from hive.wire.jobs import MetaInput
from hive.wire.names import AgentName

Foretell = Callable[[tuple[AgentName, ...]], Awaitable[None]]
"""Takes who will have changed, before that is committed."""
GIT_TIMEOUT_S = 60.0
MAX_LOG = 1000


def quiet(_: str) -> None:
    """Take lines that nobody asked for."""


class MetaBook(abc.ABC):
    """A git repository with `hive.lock`; see `hive.host.meta.Meta` for what the methods promise."""

    def __init__(self, repo: Path, git: Git, installed_rev: str) -> None:
        self.repo = repo
        self._git = git
        self._installed = installed_rev
        self._mutex = trio.Lock()
        self._committed: Lock | None = None
        self._staged: Lock | None = None
        self._is_clean = False
        """Whether the work tree is known to be what was committed."""
        self._known_rev = installed_rev
        """The hive in what was committed last."""
        self._rows: list[MetaInput] = []
        """The inputs of it."""

    # What differs between the kinds.

    @abc.abstractmethod
    def _files(self, lock: Lock) -> Mapping[str, str]:
        """Return the text of the files that follow from a lock, beside `hive.lock`."""

    @abc.abstractmethod
    async def _resolve(self, lock: Lock, say: Callable[[str], None]) -> Lock:
        """Make what `_files` left to other programs; return the lock with the hive they found."""

    @abc.abstractmethod
    async def _update(
        self, lock: Lock, inputs: Sequence[str], say: Callable[[str], None]
    ) -> tuple[Lock, tuple[AgentName, ...]]:
        """Take the newest of known inputs into the work tree; return the lock and who changed."""

    @abc.abstractmethod
    async def _inputs(self, lock: Lock) -> list[MetaInput]:
        """Return the inputs of a lock that the work tree was just made to hold."""

    @abc.abstractmethod
    def hive_rev(self) -> str:
        """Return which hive the next start of an agent gets."""

    # The protocol.

    async def recover(self) -> None:
        """Undo what a daemon that was killed left; the first call after a start."""
        async with self._mutex:
            self._committed = self._staged = None
            self._is_clean = False
            await self._open()

    async def sync(self, names: Sequence[AgentName]) -> bool:
        """Make the repository hold these agents and no others."""
        async with self._mutex:
            before = await self._open()
            after = await self._stage(before.only(names), quiet)
            if not await self._has_changes():
                self._is_clean, self._staged = True, None
                return False
            await self._commit(after, _sync_subject(before, after))
            return True

    async def prepare(self, name: AgentName, sha: str, tag: str) -> None:
        """Lock that agent to a commit; staged, not committed."""
        async with self._mutex:
            await self._prepare(name, sha, tag)

    async def finalize(self, name: AgentName, sha: str, tag: str) -> None:
        """Commit that agent at that commit."""
        async with self._mutex:
            committed = await self._open(keep_staged=True)
            pin = meta_lock.check_pin(sha, tag)
            if committed.agents.get(name) == pin:
                await self._restore()
                return
            if self._staged is None or self._staged.agents != {**committed.agents, name: pin}:
                await self._prepare(name, sha, tag)
            if self._staged is None:
                raise Unavailable(f"{self.repo}: what was prepared for {name} is gone")
            await self._commit(self._staged, f"deploy {name} {tag} {sha[:12]}")

    async def abort(self) -> None:
        """Undo a `prepare`."""
        async with self._mutex:
            await self._open()

    async def locked(self) -> dict[AgentName, tuple[str, str]]:
        """Return commit and tag of every agent, as committed."""
        lock, _ = await self._look()
        return {AgentName(name): (pin.rev, pin.tag) for name, pin in lock.agents.items()}

    async def inputs(self) -> list[MetaInput]:
        """Return what `update` takes."""
        _, rows = await self._look()
        return rows

    async def update(
        self,
        inputs: Sequence[str],
        say: Callable[[str], None],
        foretell: Foretell | None = None,
    ) -> tuple[AgentName, ...]:
        """Take the newest of these inputs, in one commit."""
        async with self._mutex:
            lock = await self._open()
            wanted = list(dict.fromkeys(inputs))
            known = [one.name for one in self._rows]
            for name in wanted:
                if name not in known:
                    raise BadRequest(
                        f"there is no input {name[:80]!r}; there are: {', '.join(known)}"
                    )
            if not wanted:
                raise BadRequest("name at least one input to update")
            self._is_clean = False
            try:
                after, changed = await self._update(lock, wanted, say)
                await self._write({meta_lock.FILE: meta_lock.to_text(after)})
                await self._add()
            except HiveError:
                await self._restore()
                raise
            if not await self._has_changes():
                say("nothing newer was found")
                return ()
            if foretell is not None:
                await foretell(changed)
            # Whoever cancels this from here on is too late: who changed is to be built anew.
            with trio.CancelScope(shield=True):
                await self._commit(after, f"lock update: {', '.join(wanted)}")
            return changed

    async def log(self, limit: int) -> list[str]:
        """Return the subjects of the newest commits."""
        await self._look()
        count = max(1, min(limit, MAX_LOG))
        out = await self._run("log", f"--max-count={count}", "--format=%s", "HEAD")
        return out.splitlines()

    # One lock in git.

    async def _look(self) -> tuple[Lock, list[MetaInput]]:
        """Return what is committed, at once while something is locked: that may take minutes."""
        lock = self._committed
        if lock is None:
            async with self._mutex:
                lock = await self._open(keep_staged=True)
        return lock, list(self._rows)

    async def _open(self, *, keep_staged: bool = False) -> Lock:
        """Return what is committed; the work tree is that too, but for what may stay staged."""
        if self._committed is None:
            await self._make()
            await self._restore()
            lock = meta_lock.from_text(await self._run("show", f"HEAD:{meta_lock.FILE}"))
            await self._remember(lock)
            self._committed = lock
        elif not self._is_clean and not (keep_staged and self._staged is not None):
            await self._restore()
        return self._committed

    async def _make(self) -> None:
        """Make the repository with its first commit, where that has not been done."""
        await trio.to_thread.run_sync(_prepare_directory, self.repo)
        try:
            if await self._run("for-each-ref", "--count=1", "refs/heads/main"):
                return
            text = meta_lock.to_text(meta_lock.empty(self._installed))
            await self._write({meta_lock.FILE: text})
            await self._add()
            await self._run("commit", "--quiet", "--message=begin")
        except ProgramFailed as error:
            raise Unavailable(
                f"the meta repository {self.repo} cannot be used: {error}; move it aside and start"
                " hive again, which makes it anew from the agents' repositories"
            ) from error

    async def _prepare(self, name: AgentName, sha: str, tag: str) -> None:
        committed = await self._open()
        await self._stage(committed.pinned(name, sha, tag), quiet)

    async def _stage(self, wanted: Lock, say: Callable[[str], None]) -> Lock:
        """Put a lock and all that follows from it into the index; undone when that fails."""
        self._is_clean, self._staged = False, None
        try:
            await self._write(self._files(wanted))
            found = await self._resolve(wanted, say)
            await self._write({meta_lock.FILE: meta_lock.to_text(found)})
            await self._add()
        except HiveError:
            if self._committed is not None:
                await self._restore()
            raise
        self._staged = found
        return found

    async def _commit(self, lock: Lock, subject: str) -> None:
        # Cancelled in between, what is committed is read again.
        self._committed = self._staged = None
        self._is_clean = False
        await self._run("commit", "--quiet", f"--message={subject}")
        self._is_clean = True
        await self._remember(lock)
        self._committed = lock

    async def _remember(self, lock: Lock) -> None:
        self._known_rev = lock.hyperhive.rev
        self._rows = await self._inputs(lock)

    async def _restore(self) -> None:
        if self._is_clean:
            return
        self._staged = None
        # A git that was cancelled leaves its lock as one that was killed with its daemon.
        await trio.to_thread.run_sync(_prepare_directory, self.repo)
        await self._run("reset", "--quiet", "--hard", "HEAD")
        await self._run("clean", "--quiet", "--force", "-d", "-x")
        self._is_clean = True

    async def _has_changes(self) -> bool:
        return bool(await self._run("diff", "--cached", "--name-only", "HEAD"))

    async def _add(self) -> None:
        await self._run("add", "--all", ".")

    async def _write(self, files: Mapping[str, str]) -> None:
        await trio.to_thread.run_sync(_write_whole, self.repo, files)

    async def _run(self, *args: str) -> str:
        return await self._git.run(self.repo, *args, timeout_s=GIT_TIMEOUT_S)


def _sync_subject(before: Lock, after: Lock) -> str:
    gone = sorted(before.agents.keys() - after.agents.keys())
    parts = [f"drop {name}" for name in gone]
    if before.hyperhive != after.hyperhive:
        parts.append(f"hyperhive {after.hyperhive.rev[:12]}")
    return f"sync: {', '.join(parts) or 'files'}"


def _prepare_directory(repo: Path) -> None:
    """Make what is missing, and remove the locks of a git that was killed."""
    try:
        if not (repo / ".git" / "HEAD").exists():
            git_runner.make_repository(repo)
        git_runner.remove_stale_locks(repo)
    except OSError as error:
        raise Unavailable(f"cannot use {repo}: {error.strerror}") from error


def _write_whole(repo: Path, files: Mapping[str, str]) -> None:
    """Replace files so that a reader sees the old one or the new one."""
    try:
        for name, text in files.items():
            part = repo / ".git" / f"hive-{name}.part"
            part.write_text(text, encoding="utf-8")
            part.replace(repo / name)
    except OSError as error:
        raise Unavailable(f"cannot write to {repo}: {error.strerror}") from error
