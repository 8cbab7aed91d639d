"""What `doctor` says about NixOS containers on this host."""

from __future__ import annotations

import os
from functools import partial

import trio

from hive.errors import BadRequest, HiveError, Unavailable
from hive.host import nspawn_flags, nspawn_users, program, systemd, users
from hive.host.nixos_host import PROGRAMS, NixosHost
from hive.host.runtime import Finding
from hive.paths import Paths

OLDEST = 246
"""The first with `systemctl kill` and `show` as they are used here."""


async def probe(host: NixosHost, paths: Paths) -> list[Finding]:
    """Return what was found, in the order in which it has to be mended."""
    missing = _missing(host)
    if missing is not None:
        return [missing]
    found = [_rights(host), _root(paths)]
    return [*found, *await _systemd(host)]


def weaknesses(findings: list[Finding]) -> list[Finding]:
    """Return the findings that are a danger and no obstacle."""
    return [each for each in findings if each.what == _WEAK and not each.is_ok]


_WEAK = "nspawn"


async def why_shared(host: NixosHost) -> str | None:
    """Return why containers cannot have users of their own with these programs, or None."""
    try:
        version = systemd.parse_version((await host.call("systemctl", "--version")).stdout)
    except HiveError as error:
        return nspawn_users.root_is_root(error.message)
    here = await trio.to_thread.run_sync(partial(program.find, isolated=True))
    closed = users.unreadable(here.binds)
    if closed is not None:
        why = f"other users cannot read {closed}: chmod -R o+rX it, and start hive anew"
        return nspawn_users.root_is_root(why)
    return nspawn_users.too_old(version[0] if version is not None else 0)


def users_found(why: str | None, first: int) -> Finding:
    """Return what there is to say of the containers' users."""
    begin = users.beginning(first, nspawn_users.EACH)
    detail = f"each container has {nspawn_users.EACH} users of its own, from {begin} on"
    return Finding("users", True, detail if why is None else why)


def _missing(host: NixosHost) -> Finding | None:
    for name in PROGRAMS:
        try:
            host.program(name)
        except Unavailable as error:
            mend = (
                "set `boot.enableContainers = true` on a NixOS host; elsewhere choose"
                " `--containers bubblewrap`"
            )
            return Finding("nixos-container", False, error.message, mend)
    return None


def _rights(host: NixosHost) -> Finding:
    is_root = os.geteuid() == 0
    detail = f"{host.confs}, as root" if is_root else "only root may make containers"
    mend = "" if is_root else "run the daemon as root, or choose `--containers bubblewrap`"
    return Finding("nixos-container", is_root, detail, mend)


def _root(paths: Paths) -> Finding:
    """Whether what is below hive's directories can be passed on, and its sockets be reached."""
    try:
        for path in (paths.state, paths.run):
            nspawn_flags.plain(path.absolute())
        paths.check()
    except BadRequest as error:
        return Finding("binds", False, error.message, "give another --root")
    return Finding("binds", True, f"{paths.state} and {paths.run} can be shown in containers")


async def _systemd(host: NixosHost) -> list[Finding]:
    try:
        said = (await host.call("systemctl", "--version")).stdout
    except HiveError as error:
        return [Finding("systemd", False, error.message, "see that systemctl runs")]
    version = systemd.parse_version(said)
    if version is None or version[0] < OLDEST:
        detail = said.partition("\n")[0] or "no version"
        return [Finding("systemd", False, detail, f"install systemd {OLDEST} or newer")]
    here = f"systemd {version[0]}.{version[1]}"
    return [Finding("systemd", True, here), *(_weak(each, version) for each in _known(version))]


def _known(version: tuple[int, int]) -> list[systemd.Escape]:
    return [escape for escape in systemd.ESCAPES if escape.is_in(version)]


def _weak(escape: systemd.Escape, version: tuple[int, int]) -> Finding:
    here = f"systemd {version[0]}.{version[1]} as released has {escape.name}, a way out"
    if escape.closed_by:
        return Finding(_WEAK, True, f"{here}; closed for hive's containers by {escape.closed_by}")
    mend = f"install systemd {escape.mended_in}, or one that your distribution has mended"
    return Finding(_WEAK, False, here, mend)
