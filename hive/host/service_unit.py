"""The daemon's unit for systemd, as text: the one that NixOS has, for every other host.

`hyperhive.service` beside this file is made from nix/unit.nix by `./build.sh format`.
"""

from __future__ import annotations

import re
from pathlib import Path

from hive.errors import BadRequest
from hive.host import program

FILE = Path(__file__).with_name("hyperhive.service")
USUAL = "/usr/local/bin/hive.pyz"
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_PLAIN = re.compile(r"/[A-Za-z0-9_./+=@-]*")


def text(user: str | None = None, started: str | None = None) -> str:
    """Return the unit; with `user` for a daemon that is that user and its agents too.

    `started` is the path of hive.pyz; None: of the one that runs. Raises `BadRequest`.
    """
    path = started or str(program.archive() or USUAL)
    if not _PLAIN.fullmatch(path):
        raise BadRequest(f"{path} cannot stand in a unit: move hive.pyz to {USUAL}")
    lines = FILE.read_text(encoding="utf-8").replace(f"={USUAL} ", f"={path} ").splitlines()
    if user is None:
        return "\n".join(lines) + "\n"
    if not _USER.fullmatch(user):
        raise BadRequest(f"{user!r} is no name of a user")
    # A user's daemon has no right that a sandbox could need; it gets those by its namespaces.
    kept = [line for line in lines if not line.startswith("CapabilityBoundingSet=")]
    where = kept.index("[Service]") + 1
    kept[where:where] = [f"User={user}", f"Group={user}", "CapabilityBoundingSet="]
    return "\n".join(kept) + "\n"
