"""What is being done to an agent, held as a cancel scope that cannot leak.

A transient lasts exactly as long as the `with` block that holds it: however the block ends, it is
cleared and watchers are told. Cancelling one from a page cancels that scope.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager

import attrs
import trio

from hive.errors import Conflict
from hive.wire.dashboard import TransientCleared, TransientSet
from hive.wire.names import AgentName

SPAWNING = "spawning"
STARTING = "starting"
STOPPING = "stopping"
RESTARTING = "restarting"
REBUILDING = "rebuilding"
DESTROYING = "destroying"
COMING_UP = frozenset({SPAWNING, STARTING, RESTARTING, REBUILDING})
"""What a stop interrupts instead of waiting for it."""


@attrs.frozen
class Transient:
    """Something under way."""

    kind: str
    since: float
    """Unix seconds."""
    scope: trio.CancelScope


class Transients:
    """At most one transient per agent."""

    def __init__(self, clock: Callable[[], float], publish: Callable[[object], None]) -> None:
        """`publish` takes the frames `TransientSet` and `TransientCleared`."""
        self._clock = clock
        self._publish = publish
        self._held: dict[AgentName, Transient] = {}
        self._cleared = trio.Event()

    def get(self, name: AgentName) -> Transient | None:
        """Return what is being done to that agent."""
        return self._held.get(name)

    @contextmanager
    def hold(self, name: AgentName, kind: str) -> Iterator[trio.CancelScope]:
        """Hold a transient for the length of the block; raises `Conflict` when one is held.

        Cancelled through its scope, the block ends there and the code behind it goes on.
        """
        held = self._held.get(name)
        if held is not None:
            raise Conflict(f"{name} is {held.kind}: wait until that is over")
        scope = trio.CancelScope()
        transient = Transient(kind, self._clock(), scope)
        self._held[name] = transient
        self._publish(TransientSet(name, kind, transient.since))
        try:
            with scope:
                yield scope
        finally:
            del self._held[name]
            self._cleared.set()
            self._cleared = trio.Event()
            self._publish(TransientCleared(name))

    async def wait_free(self, name: AgentName) -> None:
        """Wait until nothing is being done to that agent; it is free until the next checkpoint."""
        while name in self._held:
            await self._cleared.wait()

    async def interrupt(self, name: AgentName, kinds: Container[str]) -> None:
        """Cancel what is being done to that agent, if it is of these kinds, and wait until it is
        over.
        """
        while (held := self._held.get(name)) is not None and held.kind in kinds:
            held.scope.cancel()
            await self._cleared.wait()
