"""Building an agent's system from the meta flake, apart from every other build.

nixos-container's own way keeps its result in the working directory under one name, so that two
builds take each other's. Here nothing is linked: the store path is read from what nix prints.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from hive.environment import program_environment
from hive.errors import Unavailable
from hive.process import run
from hive.wire.names import AgentName

FEATURES = ("--extra-experimental-features", "nix-command flakes")
"""Asked for each time: a host's nix.conf need not have them."""
TRUST = ("--option", "accept-flake-config", "false", "--no-write-lock-file")
"""A flake is an agent's: what it would set of nix itself is not asked about and not taken."""


def installable(meta: Path, name: AgentName) -> str:
    """Return what nix is asked for: the system of that agent."""
    return f'{meta}#nixosConfigurations."{name}".config.system.build.toplevel'


async def system(
    nix: str, meta: Path, name: AgentName, say: Callable[[str], None], *, timeout_s: float
) -> str:
    """Build an agent's system and return its store path; `say` takes nix's lines as they come.

    Raises `ProgramFailed` with the end of what nix said. Cancelled, nix is ended with it.
    """
    words = (nix, *FEATURES, "build", "--no-link", "--json", *TRUST, "-L", "--")
    with tempfile.TemporaryDirectory(prefix="hive-build-") as folder:
        done = await run(
            (*words, installable(meta, name)),
            timeout_s=timeout_s,
            env=program_environment(),
            cwd=Path(folder),
            say=say,
        )
    return _store_path(done.stdout)


def _store_path(text: str) -> str:
    try:
        path = json.loads(text)[0]["outputs"]["out"]
    except (ValueError, LookupError, TypeError) as error:
        raise Unavailable("nix built it and did not print where it is") from error
    if not isinstance(path, str) or not path.startswith("/"):
        raise Unavailable(f"nix printed no path of what it built: {path!r}")
    return path
