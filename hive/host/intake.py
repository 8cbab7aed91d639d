"""Carrying one commit from a proposed repository through quarantine into the applied one."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import trio

from hive.errors import Conflict, Unavailable
from hive.host import git_tree, quarantine, safe_repos, trees
from hive.host.applied import PROPOSAL, Applied
from hive.host.git import Git, make_repository
from hive.host.object_copy import Source
from hive.host.quarantine import Quarantine

KNOWN_MAX = 50
"""So many newest proposals are named to git, so that it leaves out what they brought."""
LOOSE_OBJECTS_MAX = 100
TAGS_BYTES = 16 << 10
"""What the tags of one proposal take on a disk, with what is noted of it."""
TAKEN_AT_ONCE = 2
"""Each may cost what a quarantine is bounded to, and the manager can ask for any number."""


@attrs.frozen
class Intake:
    """The one way in, for the repositories of every agent; few are on it at a time."""

    git: Git
    private: Path
    """A directory of the daemon alone, on the same file system as the applied repositories."""
    stored: Callable[[int], None] = lambda _: None
    """Told about how many bytes a commit has brought, which stay for as long as the agent does."""
    _taking: trio.CapacityLimiter = attrs.field(
        init=False, factory=lambda: trio.CapacityLimiter(TAKEN_AT_ONCE)
    )

    async def take(
        self,
        applied: Applied,
        source: Source,
        ref: str,
        main: str | None,
        *refs: str,
        only: Mapping[str, str] | None = None,
    ) -> str:
        """Bring in the commit that hex digits stand for, point `refs` at it, and return it.

        It has to come after `main`, where there is one, and its files have to be `only` those,
        where that is given. The applied repository is made when it is not there. Raises
        `BadRequest`, `Conflict`, `Unavailable`.
        """
        if not await applied.is_there():
            await trio.to_thread.run_sync(self._make_applied, applied.folder)
        opened = quarantine.opened(self.git, self.private, source, applied.folder)
        async with self._taking, opened as inside:
            sha = await inside.resolve(ref)
            if main is not None:
                await inside.need_descendant(main, sha)
            found = await inside.check_files(sha)
            if only is not None and not git_tree.are_exactly(found, only):
                raise Conflict(
                    f"{sha[:12]} in the proposed repository of {applied.folder.name} is not the"
                    " template, and nobody approved it: request-spawn shows it first; or remove"
                    f" agents/{applied.folder.name}/config"
                )
            brought = await _carry(applied, inside, sha, main)
        self.stored(brought + TAGS_BYTES)
        await applied.update([f"create {one} {sha}" for one in refs])
        await applied.tidy()
        return sha

    def _make_applied(self, folder: Path) -> None:
        """Make an empty repository; whole or not at all."""
        new = self.private / secrets.token_hex(8)
        try:
            self.private.mkdir(mode=0o700, exist_ok=True)
            new.mkdir(mode=0o755)
            make_repository(new)
            folder.parent.mkdir(exist_ok=True)
            new.rename(folder)
            safe_repos.write(folder.parent)
        except OSError as error:
            raise Unavailable(f"cannot make {folder}: {error.strerror}") from error
        finally:
            trees.remove(new)


async def _carry(applied: Applied, inside: Quarantine, sha: str, main: str | None) -> int:
    """Put a commit into the applied repository; return how large what was missing is."""
    proposals = sorted((await applied.numbers(PROPOSAL)).items())[-KNOWN_MAX:]
    known = {have for _, have in proposals} | ({main} if main else set())
    if sha in known:
        return 0
    pack = await inside.pack(sha, sorted(known))
    words = ["unpack-objects", "-q", "--strict"]
    if int.from_bytes(pack[8:12], "big") > LOOSE_OBJECTS_MAX:
        words = ["index-pack", "--stdin", "--fix-thin", "--strict"]
    await inside.deliver(words, pack)
    return len(pack)
