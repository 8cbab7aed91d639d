"""Which container runtime this hive uses: the one asked for, else the first that works here.

NixOS' own is imported where it is used: no other host needs it.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from hive.config import HostConfig
from hive.environment import search_path
from hive.errors import Unavailable
from hive.host.bubblewrap import Bubblewrap
from hive.host.nixos_host import NIXOS_CONTAINER
from hive.host.process_runtime import Process
from hive.host.runtime import Finding, Runtime
from hive.paths import Paths

if TYPE_CHECKING:
    from hive.host.nixos_container import NixosContainer

_log = logging.getLogger(__name__)


async def choose(config: HostConfig, paths: Paths, clock: Callable[[], float]) -> Runtime:
    """Return the runtime to use; raises `Unavailable` with the mend when there is none.

    `process` isolates nothing and is therefore only taken when it was asked for.
    """
    if config.containers == "nixos" or (config.containers is None and prefers_nixos(config)):
        return await _nixos(config, paths, clock)
    if config.containers == "process":
        return Process(paths, clock, config)
    runtime = Bubblewrap(paths, clock, config)
    for finding in await runtime.probe():
        if not finding.is_ok:
            raise Unavailable(_no_bubblewrap(finding, was_asked=config.containers is not None))
    return runtime


async def examine(config: HostConfig, paths: Paths, clock: Callable[[], float]) -> list[Finding]:
    """Return what there is to say of the runtime that would be taken here."""
    if config.containers == "nixos" or (config.containers is None and prefers_nixos(config)):
        return await _make_nixos(config, paths, clock).probe()
    return await Bubblewrap(paths, clock, config).probe()


def prefers_nixos(config: HostConfig) -> bool:
    """Whether this host makes NixOS containers and the daemon may, and builds are not in the way.

    Every NixOS has the program, also for those who may not use it; and a demo is to be there at
    once, without a system being built for it.
    """
    found = shutil.which(NIXOS_CONTAINER, path=search_path())
    return found is not None and os.geteuid() == 0 and not config.demo


def _make_nixos(config: HostConfig, paths: Paths, clock: Callable[[], float]) -> NixosContainer:
    from hive.host.nixos_container import NixosContainer

    return NixosContainer(paths, clock, build_s=config.build_s, first_user=config.agent_uids)


async def _nixos(config: HostConfig, paths: Paths, clock: Callable[[], float]) -> Runtime:
    from hive.host import nixos_probe

    runtime = _make_nixos(config, paths, clock)
    findings = await runtime.probe()
    weak = nixos_probe.weaknesses(findings)
    for finding in findings:
        if not finding.is_ok and finding not in weak:
            raise Unavailable(f"{finding.what}: {finding.detail}; {finding.mend}")
    for finding in weak:
        _log.warning("%s: %s; %s", finding.what, finding.detail, finding.mend)
    return runtime


def _no_bubblewrap(finding: Finding, *, was_asked: bool) -> str:
    sentence = f"{finding.what}: {finding.detail}; {finding.mend}"
    if was_asked or "--containers process" in sentence:
        return sentence
    return f"{sentence}; or choose `--containers process` to go without isolation"
