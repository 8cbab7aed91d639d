"""`doctor`: checks what this host needs, looks at the daemon, and says how to mend what is not."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from hive import calls, config_checks, environment, light, process
from hive.agent import claude_version
from hive.agent.claude_version import TESTED
from hive.config import HostConfig, load_host_config
from hive.errors import DaemonUnreachable, HiveError
from hive.host import installation, runtimes
from hive.host.runtime import Finding
from hive.nursery import on_host
from hive.paths import Paths, paths_for
from hive.store import message_index

CLAUDE_S = 20.0
SERVICE_SETTINGS = Path("/etc/hyperhive/config.json")
"""What the unit names."""
DISK_FULL = 0.95


def main(arguments: argparse.Namespace) -> int:
    """Print one line per finding; 0 when all is well, 1 when something is to be mended."""
    root = Path(arguments.root) if arguments.root else None
    socket = Path(light.operator_socket(arguments.socket, arguments.root))
    is_service = str(socket) == light.SYSTEM_SOCKET
    paths = paths_for(root, system=is_service)
    config, findings = settings_of(SERVICE_SETTINGS) if is_service else (HostConfig(), [])
    is_ours = not is_service or os.geteuid() == 0
    findings += trio.run(partial(examine, paths, socket, config, is_ours=is_ours))
    if arguments.json:
        print(json.dumps({"findings": [attrs.asdict(each) for each in findings]}))
    else:
        _print(findings)
    return 0 if all(each.is_ok for each in findings) else 1


def settings_of(file: Path) -> tuple[HostConfig, list[Finding]]:
    """Return what a service's daemon was told, and what is to be said of that."""
    if not os.access(file, os.R_OK):
        return HostConfig(), []
    try:
        config = load_host_config(file)
        config_checks.check_host_config(config)
    except HiveError as error:
        mend = f"correct {file}, and restart the daemon"
        return HostConfig(), [Finding("settings", False, error.message, mend)]
    return config, [Finding("settings", True, str(file))]


async def examine(
    paths: Paths, socket: Path, config: HostConfig, *, is_ours: bool = True
) -> list[Finding]:
    """Return every finding; of a daemon that is not `is_ours` nothing that its user alone sees."""
    findings = [_python(), _search(), _git(config)]
    if is_ours:
        findings.append(_disk(paths))
        findings += await runtimes.examine(config, paths, on_host.wall_clock)
    else:
        findings.append(Finding("host", True, "it is the service's: ask as root for the rest"))
    claude = await _claude(config)
    findings += _who_may(socket)
    daemon, is_demo = await _daemon(socket)
    if is_demo and not claude.is_ok:
        claude = Finding("claude", True, f"{claude.detail}; the demonstration does without")
    return [*findings, claude, *daemon]


def _python() -> Finding:
    version = platform.python_version()
    is_ok = sys.version_info >= (3, 11)
    return Finding("python", is_ok, version, "" if is_ok else "install Python 3.11 or newer")


def _search() -> Finding:
    is_ok = message_index.can_be_made()
    detail = "sqlite has FTS5" if is_ok else "messages cannot be searched: sqlite lacks FTS5"
    mend = "" if is_ok else "run hive with a Python whose sqlite was built with FTS5"
    return Finding("search", is_ok, detail, mend)


def _git(config: HostConfig) -> Finding:
    found = shutil.which(config.git or "git", path=environment.search_path())
    mend = "" if found else "install git: configuration is kept in it"
    return Finding("git", found is not None, found or "not found", mend)


def _disk(paths: Paths) -> Finding:
    folder = paths.state
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return Finding("state", False, f"{folder} cannot be written", "give another --root")
    usage = shutil.disk_usage(folder)
    share = usage.used / usage.total
    detail = f"{paths.state}, disk {share:.0%} full"
    return Finding("state", share < DISK_FULL, detail, "" if share < DISK_FULL else "make room")


async def _claude(config: HostConfig) -> Finding:
    try:
        found = installation.find_claude(config)
    except HiveError as error:
        return Finding("claude", False, str(error), "name one that is there")
    if found is None:
        mend = "install Claude Code, or name it with HIVE_CLAUDE; or look around with: up --demo"
        return Finding("claude", False, "not found on PATH", mend)
    try:
        done = await process.run((str(found), "--version"), timeout_s=CLAUDE_S)
    except HiveError as error:
        return Finding("claude", False, str(error), f"see that {found} runs")
    version = done.stdout.split(" ")[0].strip()
    note = "" if version == TESTED else f" (hive is tested with {TESTED})"
    doubt = claude_version.doubt(version)
    mend = "" if doubt is None else f"install {TESTED}, or see whether turns work"
    return Finding("claude", doubt is None, f"{version}{note} at {found}", mend)


def _who_may(socket: Path) -> list[Finding]:
    """Say who may act as the operator, where there is a socket to do it by."""
    try:
        about = socket.stat()
        user, group = socket.owner(), socket.group()
    except (OSError, KeyError):
        return []
    detail = f"user {user} and the members of group {group} may act as the operator"
    is_open = bool(about.st_mode & 0o007)
    mend = f"chmod 660 {socket}, then look who has changed it" if is_open else ""
    return [Finding("operator's socket", not is_open, detail, mend)]


async def _daemon(socket: Path) -> tuple[list[Finding], bool]:
    """Return what the daemon says of itself, and whether the stand-in plays claude there."""
    try:
        reply = await calls.call(socket, {"cmd": "health"}, timeout_s=5)
    except DaemonUnreachable:
        none = f"none runs on {socket}; start one with: hive.pyz up"
        return [Finding("daemon", True, none)], False
    except HiveError as error:
        return [Finding("daemon", False, str(error), "look at its log, then restart it")], False
    if not reply.get("ok"):
        upgrade = "upgrade it to this version"
        return [Finding("daemon", False, str(reply.get("error")), upgrade)], False
    return [_task(row) for row in reply["tasks"]], reply.get("demo") is True


def _task(row: dict[str, Any]) -> Finding:
    is_ok = row["state"] == "running"
    detail = f"{row['state']}, {row['restarts']} restarts"
    if row["last_error"]:
        detail += f", last: {row['last_error']}"
    return Finding(
        f"task {row['name']}", is_ok, detail, "" if is_ok else "the daemon's log says why"
    )


def _print(findings: list[Finding]) -> None:
    is_coloured = environment.wants_colour(is_terminal=sys.stdout.isatty())
    good, bad, plain = ("\x1b[32m", "\x1b[31m", "\x1b[0m") if is_coloured else ("", "", "")
    for each in findings:
        mark = f"{good}ok{plain}  " if each.is_ok else f"{bad}BAD{plain} "
        print(f"{mark} {light.printable(f'{each.what}: {each.detail}')}")
        if each.mend and not each.is_ok:
            print(f"     mend: {light.printable(each.mend)}")
