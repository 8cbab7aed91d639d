"""Makes a NixOS host below a directory: its places, and a PATH of stand-ins for its programs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hive.host.nixos_host import NIXOS_CONTAINER, NixosHost
from hive.host.runtime import Bind
from tests.fakes.nixos import host_programs

HERE = Path(__file__).parent
IS_REAL = os.environ.get("HIVE_NIXOS") == "real"
"""Inside a booted system with the real programs; see `booted.py`."""
REAL_SYSTEM = Path("/etc/hive-test/system")
"""There, the store path of the system that `make_system` returns."""
STAND_INS = ("systemctl", "machinectl", "journalctl", "nix", "nix-env", "nsenter")


def make_host(root: Path) -> NixosHost:
    """Return the host below `root`, made when it is not there yet."""
    if IS_REAL:
        return NixosHost()
    folder = root / "bin"
    if not folder.exists():
        new = root / f"bin.{os.getpid()}"
        new.mkdir(parents=True)
        path = f"{folder}:/usr/bin:/bin"
        _program(new, NIXOS_CONTAINER, root, path, f"{HERE / 'nixos_container.py'}")
        for name in STAND_INS:
            _program(new, name, root, path, f"{HERE / 'host_programs.py'} {name}")
        new.rename(folder)
    return NixosHost(
        confs=root / "etc/nixos-containers",
        roots=root / "var/lib/nixos-containers",
        profiles=root / "nix/var/nix/profiles/per-container",
        drop_ins=root / "run/systemd/system",
        proc=root / "proc",
        path=str(folder),
    )


def make_system(root: Path) -> str:
    """Return the store path of a system that runs what the daemon gave its container."""
    if IS_REAL:
        return REAL_SYSTEM.read_text().strip()
    return str(host_programs.make_system(root / "nix/store/stand-in-nixos-system"))


def binds() -> tuple[Bind, ...]:
    """Return what the container of a test needs to have any programs."""
    places = ("/usr", "/bin", "/lib", "/lib64") if IS_REAL else ()
    return tuple(Bind(Path(place), place) for place in places)


def _program(folder: Path, name: str, root: Path, path: str, words: str) -> None:
    file = folder / name
    file.write_text(
        f'#!/bin/sh\nNIXOS_ROOT={root} NIXOS_PROG="$0" PATH={path}'
        f' exec {sys.executable} -S -E {words} "$@"\n'
    )
    file.chmod(0o755)
