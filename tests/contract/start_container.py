"""A daemon to be killed: starts the container described on standard input, then waits."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import trio

from hive.host.bubblewrap import Bubblewrap
from hive.host.nixos_container import NixosContainer
from hive.host.process_runtime import Process
from hive.host.runtime import Bind, ContainerSpec, Runtime
from hive.paths import Paths
from hive.wire.names import agent_name
from tests.fakes.nixos.host import IS_REAL, make_host


def nixos(paths: Paths, clock: Callable[[], float]) -> NixosContainer:
    """Return the runtime over the host beside these paths."""
    # A real journal has what earlier containers of the same name printed.
    now = time.time if IS_REAL else clock
    return NixosContainer(paths, now, make_host(paths.state.parent / "host"))


KINDS: dict[str, Callable[[Paths, Callable[[], float]], Runtime]] = {
    "bubblewrap": Bubblewrap,
    "process": Process,
    "nixos": nixos,
}


async def main() -> None:
    """Start it, say so, and wait to be killed."""
    wanted = json.loads(sys.stdin.readline())
    paths = Paths(Path(wanted["state"]), Path(wanted["run"]))
    runtime = KINDS[wanted["kind"]](paths, lambda: 1.0)
    spec = ContainerSpec(
        agent_name(wanted["name"]),
        tuple(wanted["argv"]),
        wanted["env"],
        tuple(Bind(Path(source), target, writable) for source, target, writable in wanted["binds"]),
        wanted["cwd"],
        system=wanted["system"],
        user=wanted["user"],
    )
    print("starting", flush=True)
    await runtime.start(spec)
    print("started", flush=True)
    await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main)
