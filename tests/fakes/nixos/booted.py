"""A Debian that is booted with real systemd, machined and Nix, and our nixos-container in it.

For the slow tests: it needs root, mmdebstrap, systemd-nspawn and a package mirror. What is real in
there is everything but nixos-container itself and the systems that its containers run.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from tests.fakes.nixos.host import REAL_SYSTEM

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
IS_POSSIBLE = os.geteuid() == 0 and all(
    shutil.which(name) for name in ("mmdebstrap", "systemd-nspawn", "nsenter")
)
PACKAGES = (
    "systemd,systemd-sysv,systemd-container,dbus,iproute2,procps,python3,nix-bin,git,"
    "libsqlite3-0,libssl3,libffi8,bubblewrap"
)
MACHINE = "hive-test"
FLAKES = Path("/etc/hive-test/flakes")
UP_S, DOWN_S = 60.0, 30.0
NIX_CONF = """\
experimental-features = nix-command flakes
build-users-group =
sandbox = false
substituters =
"""
FLAKE = """\
{{
  outputs = inputs: {{
    nixosConfigurations."{name}".config.system.build.toplevel = derivation {{
      name = "nixos-system-{name}";
      system = "{platform}-linux";
      builder = "/bin/sh";
      args = [
        "-c"
        "/bin/mkdir -p $out/bin && /bin/cp ${{./init}} $out/init && /bin/chmod 755 $out/init"
      ];
    }};
  }};
}}
"""
INITS = {
    "tiny": "#!/usr/bin/python3\n" + (HERE / "init.py").read_text(),
    "whole": "#!/bin/sh\nexec /usr/lib/systemd/systemd\n",
}
"""By flake: what the containers of its system run first."""
HARNESS_UNIT = """\
[Unit]
Description=The harness
SuccessAction=exit
FailureAction=exit

[Service]
ExecStart=/etc/hive/run
KillMode=mixed
TimeoutStopSec=20

[Install]
WantedBy=multi-user.target
"""


@attrs.frozen
class Booted:
    """A running system and the way into it."""

    leader: int

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program in it, its output and its failures in one."""
        env = ("env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HIVE_NIXOS=real")
        return subprocess.run(
            ["nsenter", "-a", "-t", str(self.leader), "--", *env, "HOME=/root", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pytest(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run tests of this repository in it, by this interpreter."""
        line = (sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *words)
        return self.run("env", f"--chdir={REPOSITORY}", *line)


def make_root(root: Path) -> None:
    """Make the system on disk; takes half a minute."""
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    words = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={PACKAGES}", suite, str(root)]
    subprocess.run(words, check=True, capture_output=True)
    program = root / "usr/local/bin/nixos-container"
    program.write_text("#!/usr/bin/python3\n" + (HERE / "nixos_container.py").read_text())
    program.chmod(0o755)
    unit = root / "usr/local/lib/containers/container-unit"
    unit.parent.mkdir(parents=True)
    shutil.copy(HERE / "container-unit", unit)
    shutil.copy(HERE / "container@.service", root / "etc/systemd/system")
    (root / "etc/nix").mkdir(exist_ok=True)
    (root / "etc/nix/nix.conf").write_text(NIX_CONF)
    (root / "nix/var/nix/daemon-socket").mkdir(parents=True, exist_ok=True)
    (root / "etc/hive-test").mkdir()
    (root / "etc/hive-test/hive.service").write_text(HARNESS_UNIT)
    for name, init in INITS.items():
        flake = root / FLAKES.relative_to("/") / name
        flake.mkdir(parents=True)
        (flake / "init").write_text(init)
        text = "".join(FLAKE.format(name=agent, platform=platform.machine()) for agent in ("a",))
        (flake / "flake.nix").write_text(text)


@contextmanager
def boot(root: Path) -> Iterator[Booted]:
    """Run the system during the block."""
    # In a cgroup of its own: nspawn makes its own below, and would make them at the top.
    enter = "".join(f"mkdir -p {place}; echo $$ >{place}/cgroup.procs; " for place in _cgroups())
    words = [f"--bind-ro={place}" for place in _shown()]
    nspawn = [
        *("systemd-nspawn", "-q", "--register=no", "--keep-unit", "-M", MACHINE, "-D", str(root)),
        *("--boot", "--private-network", "--kill-signal=SIGRTMIN+3", "--console=read-only"),
        *words,
    ]
    process = subprocess.Popen(
        ["/bin/sh", "-c", f'{enter}exec "$@"', "sh", *nspawn],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    leader = None
    try:
        leader = _wait_up(process)
        booted = Booted(leader)
        _build_tiny(booted, root)
        yield booted
    finally:
        process.terminate()
        try:
            process.wait(DOWN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            if leader is not None:
                os.kill(leader, signal.SIGKILL)
            process.wait()


def _build_tiny(booted: Booted, root: Path) -> None:
    what = f'{FLAKES}/tiny#nixosConfigurations."a".config.system.build.toplevel'
    done = booted.run("nix", "build", "-o", "/etc/hive-test/tiny", what)
    assert done.returncode == 0, done.stdout
    target = (root / "etc/hive-test/tiny").readlink()
    (root / REAL_SYSTEM.relative_to("/")).write_text(f"{target}\n")


def _wait_up(process: subprocess.Popen[bytes]) -> int:
    late = time.monotonic() + UP_S
    while time.monotonic() < late and process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if children:
            leader = int(children[-1])
            if Booted(leader).run("systemctl", "is-system-running").stdout.strip() == "running":
                return leader
        time.sleep(0.1)
    raise AssertionError(f"{MACHINE} did not come up in {UP_S} s")


def _cgroups() -> list[Path]:
    top = Path("/sys/fs/cgroup")
    places = [top / "systemd", top / "unified"] if (top / "systemd").is_dir() else [top]
    return [place / MACHINE for place in places if place.is_dir()]


def _shown() -> list[str]:
    """Return what the tests need to run inside: the interpreter, its packages, the repository."""
    wanted = {REPOSITORY, Path(sys.prefix), Path(sys.base_prefix)}
    return sorted(str(place) for place in wanted if not Path("/usr").is_relative_to(place))
