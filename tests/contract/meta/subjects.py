"""The kinds of meta repository as subjects of one contract."""

from __future__ import annotations

from pathlib import Path

import attrs

from hive.host.flake_meta import FlakeMeta
from hive.host.flake_text import MetaFlake
from hive.host.git import Git
from hive.host.meta import Meta
from hive.host.plain_meta import PlainMeta
from hive.wire.names import AgentName
from tests.fakes.nix_world import AGENT_FLAKE, NIX, NixWorld, commit

KINDS = ["plain", "flake"] if NIX else ["plain"]
ALICE, BOB = AgentName("alice"), AgentName("bob")


@attrs.define
class Subject:
    """One meta repository, and how one daemon after the other opens it."""

    kind: str
    root: Path
    git: Git
    world: NixWorld | None = None
    installed: str = "r1"

    @property
    def repo(self) -> Path:
        """Where it is."""
        return self.root / "state" / "meta"

    @property
    def applied(self) -> Path:
        """Where the agents' repositories are."""
        return self.root / "state" / "applied"

    def opened(self, git: Git | None = None) -> Meta:
        """Return it as a daemon that just started has it."""
        git = git or self.git
        if self.world is None:
            return PlainMeta(self.repo, git, self.installed)
        flake = MetaFlake(self.world.reference, self.applied, "x86_64-linux")
        return FlakeMeta(self.repo, git, self.installed, self.world.nix, flake)

    def propose(self, name: AgentName, text: str = "{ }", **more: str) -> str:
        """Commit an agent's configuration to its applied repository."""
        files = {"agent.nix": text, "agent.toml": "", "flake.nix": AGENT_FLAKE, **more}
        return commit(self.git, self.applied / name, files)

    def upgrade(self) -> None:
        """Let there be a newer hive."""
        if self.world is None:
            self.installed = "r2"
        else:
            self.world.bump_hive("newer")

    async def leftovers(self) -> str:
        """Return what is in the work tree or the index and not committed."""
        return await self.git.run(self.repo, "status", "--porcelain", "--ignored")
