"""The meta repository as a flake: one input and one NixOS system per agent.

Each agent's commit stands in the text of flake.nix, so that locking moves what was asked for and
nothing else, in every version of Nix. Nix reads a repository's tracked and staged files only;
whatever is written here is added to the index before Nix looks at it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import trio

from hive.errors import BadRequest, Unavailable
from hive.host import flake_inputs, flake_lock, flake_text
from hive.host.flake_lock import FlakeLock
from hive.host.flake_text import AGENT, HYPERHIVE, MetaFlake
from hive.host.git import Git
from hive.host.git_tree import LINK
from hive.host.meta_book import GIT_TIMEOUT_S, MetaBook
from hive.host.meta_lock import Lock
from hive.host.nix import Nix
from hive.wire.jobs import MetaInput
from hive.wire.names import AgentName

FLAKE = "flake.nix"
LOCK = "flake.lock"
FLAKE_BYTES = 256 * 1024
FLAKES_MAX = 16
"""In one repository: its own, and those inside that are its inputs."""


class FlakeMeta(MetaBook):
    """Locks every agent to a commit and all its inputs, and hive to a revision of its flake."""

    def __init__(
        self, repo: Path, git: Git, installed_rev: str, nix: Nix, flake: MetaFlake
    ) -> None:
        super().__init__(repo, git, installed_rev)
        self._nix = nix
        self._flake = flake

    def _files(self, lock: Lock) -> Mapping[str, str]:
        return {FLAKE: flake_text.meta_flake(self._flake, lock)}

    async def _resolve(self, lock: Lock, say: Callable[[str], None]) -> Lock:
        known = self._committed.agents if self._committed is not None else {}
        for name, pin in lock.agents.items():
            if name not in known or known[name].rev != pin.rev:
                await self._check(AgentName(name), pin.rev)
        await self._add()
        await self._nix.lock(self.repo, say)
        found = await self._read()
        for name in lock.agents:
            found.check(AgentName(name))
        return lock.on(flake_lock.hive_rev(found))

    async def _update(
        self, lock: Lock, inputs: Sequence[str], say: Callable[[str], None]
    ) -> tuple[Lock, tuple[AgentName, ...]]:
        before = await self._read()
        wanted = []
        for name in inputs:
            if name.startswith(AGENT) and "/" not in name:
                say(f"{name} is what was approved last: propose a commit to change it")
            else:
                wanted.append(name)
        if wanted:
            await self._nix.update(self.repo, wanted, say)
        after = await self._read()
        changed = []
        for agent in map(AgentName, sorted(lock.agents)):
            after.check(agent)
            if before.below(AGENT + agent) != after.below(AGENT + agent):
                changed.append(agent)
        if before.below(HYPERHIVE) != after.below(HYPERHIVE):
            changed = [AgentName(name) for name in sorted(lock.agents)]
        return lock.on(flake_lock.hive_rev(after)), tuple(changed)

    async def _inputs(self, lock: Lock) -> list[MetaInput]:
        del lock
        return (await self._read()).inputs() if (self.repo / LOCK).exists() else []

    def hive_rev(self) -> str:
        """Return the revision of hive's flake that the agents are built from."""
        return self._known_rev

    async def _check(self, name: AgentName, sha: str) -> None:
        """Raise `BadRequest` when a commit's flake would take files of this host into the store."""
        waiting, seen = [""], set[str]()
        while waiting:
            folder = posixpath.normpath(waiting.pop())
            if folder in seen:
                continue
            if len(seen) == FLAKES_MAX:
                raise BadRequest(f"{name} has more than {FLAKES_MAX} flakes in its repository")
            seen.add(folder)
            text = await self._text(name, sha, posixpath.normpath(f"{folder}/{FLAKE}"))
            if text is not None:
                inputs = await self._nix.inputs_in(text)
                flake_inputs.check(name, inputs)
                waiting += [f"{folder}/{place}" for place in flake_inputs.inside(inputs)]

    async def _text(self, name: AgentName, sha: str, path: str) -> str | None:
        """Return a flake of a commit; None where a place that is an input has none."""
        repo, parts = self._flake.applied / name, path.split("/")
        ways = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        listed = await self._git.do(
            repo, "ls-tree", "-t", "-z", "--full-tree", sha, *ways, check=False
        )
        if any(line.startswith(LINK) for line in listed.stdout.split("\0")):
            # Nix follows it, and what was looked at would be another text.
            raise BadRequest(f"{path} of {name} is a link, or reached through one: use plain files")
        shown = await self._git.do(
            repo,
            *("show", f"{sha}:{path}"),
            timeout_s=GIT_TIMEOUT_S,
            check=False,
            output_max=FLAKE_BYTES,
        )
        if shown.is_cut:
            raise BadRequest(f"{path} of {name} is longer than {FLAKE_BYTES} bytes: shorten it")
        if shown.status == 0:
            return shown.stdout
        if path != FLAKE:
            return None
        said = shown.stderr.strip().splitlines()[-1:]
        raise BadRequest(
            f"commit {sha[:12]} of {name} has no {FLAKE} that can be read: add one whose"
            f" `nixosModules.default` is the agent's module ({' '.join(said)})"
        )

    async def _read(self) -> FlakeLock:
        try:
            text = await trio.Path(self.repo / LOCK).read_text(encoding="utf-8")
        except OSError as error:
            raise Unavailable(f"cannot read {self.repo / LOCK}: {error.strerror}") from error
        return flake_lock.read(text)
