"""The meta repository where nothing is built: one git repository with the file `hive.lock`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hive.host.meta_book import MetaBook
from hive.host.meta_lock import Lock
from hive.wire.jobs import MetaInput
from hive.wire.names import AgentName

HYPERHIVE = "hyperhive"


class PlainMeta(MetaBook):
    """Locks every agent to a commit, and hive to the installation that runs.

    Agents run the daemon's own installation, so the hive they get is known without a lock.
    """

    def _files(self, lock: Lock) -> Mapping[str, str]:
        return {}

    async def _resolve(self, lock: Lock, say: Callable[[str], None]) -> Lock:
        return lock.on(self._installed)

    async def _update(
        self, lock: Lock, inputs: Sequence[str], say: Callable[[str], None]
    ) -> tuple[Lock, tuple[AgentName, ...]]:
        for name in inputs:
            if name != HYPERHIVE:
                say(f"{name} is what was approved last: propose a commit to change it")
        if HYPERHIVE not in inputs or lock.hyperhive.rev == self._installed:
            return lock, ()
        return lock.on(self._installed), tuple(AgentName(name) for name in lock.agents)

    async def _inputs(self, lock: Lock) -> list[MetaInput]:
        rev = lock.hyperhive.rev
        agents = [MetaInput(f"agent-{name}", pin.rev) for name, pin in sorted(lock.agents.items())]
        return [MetaInput(HYPERHIVE, rev, is_stale=rev != self._installed), *agents]

    def hive_rev(self) -> str:
        """Return the installation that runs: it is what the next start of an agent gets."""
        return self._installed
