"""The programs an agent asks for: what the operator offers by name, or what is there anyway."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import attrs

from hive.config import HostConfig
from hive.errors import BadRequest
from hive.wire.agent_config import AgentConfig

INSIDE = "/opt/packages"
"""Where a container that has paths of its own finds the operator's packages, one folder each."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@attrs.frozen
class Place:
    """One package of the operator's."""

    name: str
    source: Path
    """Its folder on the host."""
    programs: Path
    """The folder of its programs on the host: `bin` in that, where there is one."""
    target: str
    """What is mounted of it inside."""
    inside: str
    """The folder of its programs inside."""


def check_name(name: str) -> None:
    """Raise `BadRequest` for what can be neither a program's nor a package's name."""
    if not _NAME.fullmatch(name):
        raise BadRequest(f"{name[:40]!r} is not the name of a program: use letters, digits, '._+-'")


def places(config: AgentConfig, host: HostConfig) -> list[Place]:
    """Return the operator's packages among those that the agent asks for, each once."""
    return [
        _place(name, Path(host.packages[name]))
        for name in dict.fromkeys(config.packages)
        if name in host.packages
    ]


def check_host(host: HostConfig) -> None:
    """Raise `BadRequest` for a package that no container could get."""
    for name, folder in host.packages.items():
        check_name(name)
        if not Path(folder).is_absolute():
            raise BadRequest(f"packages.{name} is {folder!r}: give the whole path of a directory")


def check(config: AgentConfig, host: HostConfig, path: str) -> list[str]:
    """Return one line for each package that says where it is; `path` is searched for the others.

    Blocks on the disk. Raises `BadRequest` that names every one that is missing, with the mend.
    """
    offered = {place.name: place for place in places(config, host)}
    lines, missing = [], []
    for name in dict.fromkeys(config.packages):
        if name in offered:
            found: str | None = str(offered[name].source)
            if not os.access(offered[name].source, os.R_OK | os.X_OK):
                raise BadRequest(
                    f"the package {name!r} is not at {found}: correct it in the daemon's setting"
                    " `packages`"
                )
        else:
            found = shutil.which(name, path=path)
        if found is None:
            missing.append(name)
        else:
            lines.append(f"package {name}: {found}")
    if missing:
        known = ", ".join(sorted(host.packages)) or "none yet"
        raise BadRequest(
            f"packages {', '.join(missing)}: not on the agents' path and not offered; install them"
            f" on the host, or name their directory in the daemon's setting `packages` ({known})"
        )
    return lines


def _place(name: str, source: Path) -> Place:
    target = f"{INSIDE}/{name}"
    if (source / "bin").is_dir():
        return Place(name, source, source / "bin", target, f"{target}/bin")
    return Place(name, source, source, target, target)
