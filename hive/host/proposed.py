"""One agent's proposed repository: made from a template, then the manager's to fill.

After it was made it is looked at through no link, and git never runs in it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import trio

from hive.errors import BadRequest, Conflict, NotFound, ProgramFailed, Unavailable
from hive.host import folders, git_refs, owners, trees
from hive.host.git import EMAIL, Git, make_repository
from hive.host.object_copy import Source
from hive.wire.names import AgentName

CONFIG_BYTES = 256 << 10
SUBJECT = "start from the template"
REMOTE = "applied"
_FOLDER = 0o755


@attrs.frozen
class Proposed:
    """The repository of one agent, wherever the manager has brought it."""

    git: Git
    agents: Path
    name: AgentName
    private: Path
    """A directory of the daemon alone, on the same file system."""
    applied_url: str
    """The applied repository by the path the manager sees."""
    manager: int = attrs.field(factory=os.geteuid)
    """Whose it is."""

    @property
    def source(self) -> Source:
        """Where it lies."""
        return Source(self.agents, (self.name, "config"))

    async def exists(self) -> bool:
        """Whether there is one; True also for one that is not in order."""
        return await trio.to_thread.run_sync(self._exists)

    async def head(self) -> str:
        """Return the commit of its branch; raises `NotFound`, `BadRequest`."""
        sha = await trio.to_thread.run_sync(self._head)
        if sha is None:
            raise NotFound(f"the proposed repository of {self.name} has no commit yet")
        return sha

    async def seed(self, files: Mapping[str, str]) -> str:
        """Make it with one commit that holds `files`; whole or not at all.

        Raises `Conflict` when one is there.
        """
        if await self.exists():
            raise Conflict(f"{self.name} has a proposed repository: edit that one")
        new = self.private / secrets.token_hex(8)
        try:
            await trio.to_thread.run_sync(self._prepare, new, files)
            await self.git.do(new, "add", "--all", "--force")
            await self.git.do(new, "commit", "-q", "--no-verify", "-m", SUBJECT)
            sha = (await self.git.do(new, "rev-parse", "HEAD")).stdout.strip()
            await trio.to_thread.run_sync(owners.give_made, new, self.manager)
            await trio.to_thread.run_sync(self._place, new)
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(trees.remove, new)
        return sha

    async def wire(self) -> None:
        """See that its remote `applied` is right; the rest of its settings is the manager's."""
        data = await trio.to_thread.run_sync(self._config)
        if self._remote().encode() in data:
            return
        new = self.private / secrets.token_hex(8)
        key = f"remote.{REMOTE}"
        sets = (
            (f"{key}.url", self.applied_url),
            (f"{key}.fetch", f"+refs/heads/*:refs/remotes/{REMOTE}/*"),
            (f"{key}.tagOpt", "--tags"),
        )
        try:
            await trio.to_thread.run_sync(_write_private, new, data)
            words = ("config", "--no-includes", "--file", str(new / "config"))
            for setting, value in sets:
                await self.git.do(new, *words, "--replace-all", setting, value)
            await trio.to_thread.run_sync(owners.give_made, new, self.manager)
            await trio.to_thread.run_sync(self._replace_config, new / "config")
        except ProgramFailed as failure:
            raise BadRequest(
                f"the settings of {self.name}'s proposed repository cannot be read: mend its"
                " .git/config"
            ) from failure
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(trees.remove, new)

    # What blocks, in a thread:

    def _remote(self) -> str:
        return (
            f'[remote "{REMOTE}"]\n\turl = {self.applied_url}\n'
            f"\tfetch = +refs/heads/*:refs/remotes/{REMOTE}/*\n\ttagOpt = --tags\n"
        )

    def _exists(self) -> bool:
        try:
            folder = folders.pin(self.agents, (self.name, "config"))
        except FileNotFoundError:
            return False
        except OSError as error:
            if isinstance(error, NotADirectoryError) or error.errno == errno.ELOOP:
                return True
            raise Unavailable(f"cannot look at {self.name}: {error.strerror}") from error
        try:
            with os.scandir(folder) as entries:
                return next(entries, None) is not None
        finally:
            os.close(folder)

    def _head(self) -> str | None:
        try:
            with self._opened() as folder:
                return git_refs.read_head(folder)
        except OSError as error:
            raise BadRequest(
                f"the proposed repository of {self.name} is not in order: {error.strerror}"
            ) from error

    def _prepare(self, new: Path, files: Mapping[str, str]) -> None:
        new.parent.mkdir(mode=0o700, exist_ok=True)
        new.mkdir(mode=_FOLDER)
        for path, text in files.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_text(text, encoding="utf-8")
        user = f"[user]\n\tname = manager\n\temail = manager@{EMAIL.partition('@')[2]}\n"
        make_repository(new, more_config=self._remote() + user)
        # What is stronger than the manager's own attributes serves the daemon, not the manager.
        (new / ".git/info/attributes").unlink()

    def _place(self, new: Path) -> None:
        with contextlib.suppress(FileExistsError):
            (self.agents / self.name).mkdir(mode=_FOLDER)
        try:
            folder = folders.pin(self.agents, (self.name,))
            try:
                # An empty directory is replaced; whatever else is there is not.
                os.rename(new, "config", dst_dir_fd=folder)
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.ELOOP}:
                raise Conflict(
                    f"something else stands where the proposed repository of {self.name} belongs:"
                    " look at it, and remove it"
                ) from error
            raise Unavailable(f"cannot make that repository: {error.strerror}") from error

    def _config(self) -> bytes:
        try:
            with self._opened() as folder:
                return git_refs.read_bounded(folder, ("config",), CONFIG_BYTES)
        except OSError as error:
            raise BadRequest(
                f"the proposed repository of {self.name} has no plain .git/config: {error.strerror}"
            ) from error

    def _replace_config(self, made: Path) -> None:
        try:
            with self._opened() as folder:
                os.rename(made, "config", dst_dir_fd=folder)
        except OSError as error:
            raise Unavailable(
                f"cannot write .git/config of {self.name}'s proposed repository: {error.strerror}"
            ) from error

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            folder = self.source.open()
        except FileNotFoundError as error:
            raise NotFound(
                f"{self.name} has no proposed repository: request_init_config makes one, or for"
                f" an operator `hive.pyz request-spawn {self.name}`"
            ) from error
        try:
            yield folder
        finally:
            os.close(folder)


def _write_private(folder: Path, data: bytes) -> None:
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700)
    (folder / "config").write_bytes(data)
    (folder / "config").chmod(0o644)
