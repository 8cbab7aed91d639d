"""The meta repository: which commit of every agent is deployed, and the history of deployments.

The protocol that every kind of it fulfils; `choose_meta` returns the kind that fits a runtime.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Protocol

from hive.config import HostConfig
from hive.environment import program_environment
from hive.errors import Unavailable
from hive.host.git import Git
from hive.host.meta_book import Foretell
from hive.host.plain_meta import PlainMeta
from hive.paths import Paths
from hive.wire.jobs import MetaInput
from hive.wire.names import AgentName


class Meta(Protocol):
    """Holds the deployed commit of every agent; each change of it is one commit.

    Only the daemon writes it. Every method may be called from several tasks; one runs at a time.
    A method that is cancelled or fails leaves what was committed; a change that was only staged
    then is undone by the next call that changes something. So is what was prepared, unless it is
    what is finalized: one deployment at a time, and no `sync` or `update` in its middle.
    """

    async def recover(self) -> None:
        """Undo what a daemon that was killed left: git's locks, and a change never committed.

        The first call after a start; makes the repository when there is none. Raises `Unavailable`
        with the mend when the repository cannot be read.
        """
        ...

    async def sync(self, names: Sequence[AgentName]) -> bool:
        """Make the repository hold these agents and no others; return whether a commit was made.

        An agent that was never deployed comes in with its first `prepare`.
        """
        ...

    async def prepare(self, name: AgentName, sha: str, tag: str) -> None:
        """Lock that agent to a commit (40 hex) and its coming tag; staged, not committed.

        Raises `BadRequest` for a commit whose inputs may not be used, `ProgramFailed` when they
        cannot be locked; nothing is staged then.
        """
        ...

    async def finalize(self, name: AgentName, sha: str, tag: str) -> None:
        """Commit that agent at that commit: "deploy <name> <tag> <sha12>".

        Does nothing when that is committed already; prepares first when that was not done.
        """
        ...

    async def abort(self) -> None:
        """Undo a `prepare`; nothing prepared is no error."""
        ...

    async def locked(self) -> dict[AgentName, tuple[str, str]]:
        """Return commit and tag of every agent, as committed."""
        ...

    async def inputs(self) -> list[MetaInput]:
        """Return what `update` takes, breadth first."""
        ...

    async def update(
        self,
        inputs: Sequence[str],
        say: Callable[[str], None],
        foretell: Foretell | None = None,
    ) -> tuple[AgentName, ...]:
        """Take the newest of these inputs, in one commit "lock update: <a>, <b>".

        Returns the agents whose lock changed: all of them when `hyperhive` did. Raises `BadRequest`
        for an input there is not. `say` takes lines for the job's log. Who will have changed is
        given to `foretell` before the commit, which is made whole even when this is cancelled then.
        """
        ...

    async def log(self, limit: int) -> list[str]:
        """Return the subjects of the newest `limit` commits, newest first."""
        ...

    def hive_rev(self) -> str:
        """Return which hive the next start of an agent gets; known after `recover`."""
        ...


def choose_meta(
    runtime_kind: str,
    paths: Paths,
    git: Git,
    *,
    installed_rev: str,
    config: HostConfig | None = None,
) -> Meta:
    """Return the meta repository for a runtime: a flake for `nixos`, else a lock file alone.

    `installed_rev` names the hive that is running. Raises `Unavailable` with the mend when a flake
    cannot be made here.
    """
    if runtime_kind != "nixos":
        return PlainMeta(paths.meta, git, installed_rev)
    if config is None or config.hive_flake is None:
        raise Unavailable(
            "the runtime `nixos` builds agents with hive's own flake: name it in the setting"
            " `hive_flake`, as hive's NixOS module does"
        )
    # Only hosts of NixOS need them.
    from hive.host.flake_meta import FlakeMeta
    from hive.host.flake_text import MetaFlake
    from hive.host.nix import Nix, find_nix

    nix = Nix(find_nix(), git.program, program_environment())
    flake = MetaFlake(config.hive_flake, paths.all_applied, f"{os.uname().machine}-linux")
    return FlakeMeta(paths.meta, git, installed_rev, nix, flake)
