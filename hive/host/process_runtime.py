"""The runtime `process`: no isolation, plain processes of the daemon's user, by explicit choice.

A shell of a few hundred kilobytes stands over each container's command, tells its number before
the command runs and how it ended, and holds the record's lock. Everything below it carries a
marker in its environment, so that even what moved to another session and parent is found and ended.
Binds are not made: the paths inside are the host's own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from hive.config import HostConfig
from hive.environment import search_path
from hive.errors import ProgramFailed
from hive.host.recorded_runtime import Launch, Ready, RecordedRuntime
from hive.host.records import Record
from hive.host.runtime import ContainerSpec, Finding, Inside
from hive.paths import Paths
from hive.wire.names import AgentName, container_name

SHELL = "/bin/sh"
MARKER = "HIVE_CONTAINER"
_MONITOR = (
    'echo "{ \\"child-pid\\": $$ }" >>"$0"; "$@" </dev/null; echo "{ \\"exit-code\\": $? }" >>"$0"'
)


class Process(RecordedRuntime):
    """Containers that contain nothing; see `Runtime`."""

    kind = "process"
    isolates = False
    separates_network = False

    def __init__(
        self, paths: Paths, clock: Callable[[], float], host: HostConfig | None = None
    ) -> None:
        super().__init__(paths, clock, host)
        state = os.fsencode(paths.state.resolve())
        self._hive = hashlib.sha256(state).hexdigest()[:12]

    def _why_shared(self) -> str:
        return "agents run as the user that runs hive, without any isolation"

    async def probe(self) -> list[Finding]:
        """Tell that it always works and what it does not do."""
        return [
            Finding("process", True, "no isolation: agents can do whatever your user can do"),
            await trio.to_thread.run_sync(self._limiter.finding),
        ]

    def inside(self, name: AgentName) -> Inside:
        """Return host paths; the home is a directory of the agent's own."""
        return Inside(
            run=str(self._paths.agent_run(name)),
            state=str(self._paths.agent_state(name)),
            home=str(self._paths.agent_root(name)),
            claude=str(self._paths.agent_claude(name)),
            shared=str(self._paths.shared),
            given=str(self._paths.given(name)),
            agents=str(self._paths.agents),
            applied=str(self._paths.all_applied),
            meta=str(self._paths.meta),
        )

    def _path(self, name: AgentName) -> str:
        del name
        return search_path()

    def _marker(self, name: AgentName) -> str:
        return f"{MARKER}={self._hive}/{container_name(name)}"

    @contextmanager
    def _launch(
        self, spec: ContainerSpec, record: Record, lock: int, ready: Ready
    ) -> Iterator[Launch]:
        del ready
        # Asked before: the shell's own words for it could not be told from the command's.
        if shutil.which(spec.argv[0], path=spec.env.get("PATH", os.defpath)) is None:
            raise ProgramFailed(spec.argv, 127, f"{spec.argv[0]}: no such program")
        name, _, value = self._marker(spec.name).partition("=")
        yield Launch(
            argv=[SHELL, "-c", _MONITOR, str(record.status.absolute()), *spec.argv],
            env={**spec.env, name: value},
            cwd=spec.cwd,
            stdin=lock,
        )
