"""A whole daemon in the test's own process: real sockets, real sqlite, containers in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from hive import calls
from hive.config import HostConfig
from hive.core.hive import Hive
from hive.nursery import on_host
from hive.paths import Paths
from hive.wire.names import agent_name
from tests.fakes.runtime import BuildScript, FakeHost, FakeRuntime, Script

CALL_S = 10.0


@attrs.frozen
class Running:
    """A running daemon and the ways to speak to it."""

    hive: Hive
    runtime: FakeRuntime

    async def operator(self, cmd: str, /, **fields: Any) -> dict[str, Any]:
        """Make one request on the operator's socket."""
        return await self._call(self.hive.paths.host_socket, cmd, fields)

    async def agent(self, name: str, cmd: str, /, **fields: Any) -> dict[str, Any]:
        """Make one request as that agent."""
        return await self._call(self.hive.paths.agent_socket(agent_name(name)), cmd, fields)

    async def _call(self, path: Path, cmd: str, fields: dict[str, Any]) -> dict[str, Any]:
        reply: dict[str, Any] = await calls.call(path, {"cmd": cmd, **fields}, timeout_s=CALL_S)
        return reply


def paths_below(root: Path) -> Paths:
    """Return the paths of a hive below a directory."""
    return Paths(root / "state", root / "run")


@asynccontextmanager
async def running(
    root: Path,
    host: FakeHost | None = None,
    fails: Mapping[str, str] | None = None,
    builds: Mapping[str, BuildScript] | None = None,
    clock: Callable[[], float] = on_host.wall_clock,
    **settings: Any,
) -> AsyncIterator[Running]:
    """Run a daemon below `root` during the block; a `host` shared by two plays a restart.

    `fails` names containers that cannot be started, and why; `builds` says what builds do.
    """
    runtime = FakeRuntime(host or FakeHost())
    for name, reason in (fails or {}).items():
        runtime.scripts[agent_name(name)] = Script(fails=reason)
    for name, script in (builds or {}).items():
        runtime.builds[agent_name(name)] = script
    # A container in memory has no harness that would say that it is up.
    config = HostConfig(port=0, demo=True, **{"settle_s": 0.01, **settings})
    serve = partial(on_host.serve, config, paths_below(root), clock=clock, runtime=runtime)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(20):
            hive = await nursery.start(serve)
        yield Running(hive, runtime)
        nursery.cancel_scope.cancel()
