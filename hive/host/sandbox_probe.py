"""What `doctor` says about bubblewrap on this host, found by trying it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from hive.environment import search_path
from hive.errors import ProgramFailed
from hive.host import sandbox, users
from hive.host.runtime import ContainerSpec, Finding
from hive.process import run
from hive.wire.names import AgentName

OLDEST = (0, 8, 0)
"""The first with `--disable-userns`."""
NO_BWRAP = (
    "bwrap is not installed: `apt install bubblewrap`, `dnf install bubblewrap`,"
    " `pacman -S bubblewrap` or `nix profile install nixpkgs#bubblewrap`"
)
_TRY_S = 10.0
_SYSCTL = Path("/proc/sys")


async def probe(bwrap: str | None) -> list[Finding]:
    """Return what was found, in the order in which it has to be mended."""
    if bwrap is None:
        return [Finding("bubblewrap", False, "no bwrap on PATH", NO_BWRAP)]
    version = await _version(bwrap)
    if not version.is_ok:
        return [version]
    return [version, await _sandbox(bwrap)]


async def _version(bwrap: str) -> Finding:
    try:
        said = (await run([bwrap, "--version"], timeout_s=_TRY_S)).stdout.strip()
    except ProgramFailed as error:
        return Finding("bubblewrap", False, error.message, f"install bubblewrap again: {bwrap}")
    found = tuple(int(part) for part in re.findall(r"\d+", said)[:3])
    wanted = ".".join(str(part) for part in OLDEST)
    return Finding(
        "bubblewrap",
        found >= OLDEST,
        f"{said} ({bwrap})",
        "" if found >= OLDEST else f"install bubblewrap {wanted} or newer",
    )


async def _sandbox(bwrap: str) -> Finding:
    command = shutil.which("true", path=search_path()) or "/bin/true"
    spec = ContainerSpec(AgentName("probe"), (command,), {"PATH": "/usr/bin"}, (), "/")
    words = sandbox.arguments(spec, "probe", {})
    try:
        await run([bwrap, *words, "--", command], timeout_s=_TRY_S, env={}, cwd=Path("/"))
    except ProgramFailed as error:
        return Finding(
            "sandbox", False, error.message, mend(error.stderr, _sysctl, is_root=os.getuid() == 0)
        )
    return Finding("sandbox", True, "a sandbox starts, with its own namespaces and no rights")


def try_as_user(words: Sequence[str], start: Callable[..., subprocess.Popen[bytes]]) -> str | None:
    """Return why a sandbox cannot be started by these words, which become another user's bwrap.

    Blocks for as long as one takes.
    """
    command = shutil.which("true", path=search_path()) or "/bin/true"
    spec = ContainerSpec(AgentName("probe"), (command,), {"PATH": "/usr/bin"}, (), "/")
    argv = [*words, *sandbox.arguments(spec, "probe", {}), "--", command]
    try:
        tried = _run(argv, start)
    except (OSError, subprocess.SubprocessError) as error:
        return users.failed(str(error))
    said = tried.stderr.decode(errors="replace").strip()
    if tried.returncode != 0:
        return users.failed(f"{said}; {mend(said, _sysctl, is_root=False)}")
    return None


def _run(
    argv: list[str], start: Callable[..., subprocess.Popen[bytes]]
) -> subprocess.CompletedProcess[bytes]:
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with start(argv, env={}, cwd="/", start_new_session=True, **pipes) as child:
        try:
            _, said = child.communicate(timeout=_TRY_S)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    return subprocess.CompletedProcess(argv, child.returncode, b"", said)


def mend(said: str, setting: Callable[[str], str | None], *, is_root: bool) -> str:
    """Return what a person can do about bwrap's words, given the kernel's settings by name."""
    if not is_root and setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "AppArmor keeps ordinary users from user namespaces: give bwrap a profile that allows"
            " `userns` (package apparmor-profiles has `bwrap-userns-restrict`), or"
            " `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
        )
    if not is_root and setting("kernel/unprivileged_userns_clone") == "0":
        return "allow user namespaces: `sudo sysctl kernel.unprivileged_userns_clone=1`"
    if setting("user/max_user_namespaces") == "0":
        return "allow user namespaces: `sudo sysctl user.max_user_namespaces=15000`"
    if any(word in said for word in ("Operation not permitted", "Permission denied")):
        return (
            "something forbids namespaces here: inside Docker or Podman, start that container with"
            " `--security-opt seccomp=unconfined --security-opt apparmor=unconfined"
            " --security-opt systempaths=unconfined`; else choose `--containers process`"
        )
    return "choose `--containers process` to go without isolation"


def _sysctl(name: str) -> str | None:
    try:
        return (_SYSCTL / name).read_text().strip()
    except OSError:
        return None
