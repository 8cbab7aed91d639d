"""Which container runtime this hive uses: the one asked for, else the first that works here."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from hive.config import HostConfig, Paths, search_path
from hive.errors import Unavailable
from hive.host.bubblewrap import Bubblewrap
from hive.host.process_runtime import Process
from hive.host.runtime import Finding, Runtime

NIXOS_CONTAINER = "nixos-container"


async def choose(config: HostConfig, paths: Paths, clock: Callable[[], float]) -> Runtime:
    """Return the runtime to use; raises `Unavailable` with the mend when there is none.

    `process` isolates nothing and is therefore only taken when it was asked for.
    """
    if config.containers == "nixos":
        raise Unavailable(_no_nixos())
    if config.containers == "process":
        return Process(paths, clock, config)
    runtime = Bubblewrap(paths, clock, config)
    for finding in await runtime.probe():
        if not finding.is_ok:
            raise Unavailable(_no_bubblewrap(finding, was_asked=config.containers is not None))
    return runtime


def _no_nixos() -> str:
    if shutil.which(NIXOS_CONTAINER, path=search_path()) is None:
        return f"{NIXOS_CONTAINER} is not on PATH: the runtime `nixos` needs a NixOS host"
    return "this release cannot drive nixos-container: choose `--containers bubblewrap`"


def _no_bubblewrap(finding: Finding, *, was_asked: bool) -> str:
    sentence = f"{finding.what}: {finding.detail}; {finding.mend}"
    if was_asked or "--containers process" in sentence:
        return sentence
    return f"{sentence}; or choose `--containers process` to go without isolation"
