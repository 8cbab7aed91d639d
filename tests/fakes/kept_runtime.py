"""The container runtime in memory, with what runs kept in a file: it survives a killed daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hive.errors import ProgramFailed
from hive.host.runtime import ContainerSpec
from hive.wire.names import AgentName, agent_name
from tests.fakes.runtime import FakeHost, FakeRuntime


class KeptRuntime(FakeRuntime):
    """Writes which commit every running container was started from."""

    def __init__(self, file: Path) -> None:
        super().__init__(FakeHost())
        self._file = file
        self.trips: dict[AgentName, int] = {}
        """How many of the next starts of an agent fail."""
        for name, tree in self.kept().items():
            spec = ContainerSpec(agent_name(name), ("kept",), {}, (), "/", system=tree)
            self.adopt(spec)

    def kept(self) -> dict[str, Any]:
        """Return the commit of every container that runs, by name."""
        if not self._file.exists():
            return {}
        found: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        return found

    async def start(self, spec: ContainerSpec) -> None:
        """Run it, and keep that."""
        if self.trips.get(spec.name, 0) > 0:
            self.trips[spec.name] -= 1
            raise ProgramFailed(spec.argv, 1, "it tripped")
        await super().start(spec)
        trees = [bind.source.name for bind in spec.binds if bind.target == "/etc/hive/config"]
        self._keep(spec.name, trees[0] if trees else spec.system)

    async def stop(self, name: AgentName, *, grace_s: float) -> None:
        """End it, and keep that."""
        await super().stop(name, grace_s=grace_s)
        self._keep(name, None)

    def _keep(self, name: AgentName, tree: str | None) -> None:
        found = self.kept()
        found.pop(name, None)
        if tree is not None:
            found[name] = tree
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(found), encoding="utf-8")
        new.replace(self._file)
