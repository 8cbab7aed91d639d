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
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from tests.fakes.nixos.host import REAL_SYSTEM

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
IS_POSSIBLE = os.geteuid() == 0 and all(
    shutil.which(name) for name in ("mmdebstrap", "systemd-nspawn", "nsenter")
)
BASE = "systemd,systemd-sysv,dbus,procps"
"""What a Debian has that one boots."""
PACKAGES = (
    f"{BASE},systemd-container,iproute2,python3,nix-bin,git,libsqlite3-0,libssl3,libffi8,bubblewrap"
)
MACHINE = f"hive-test-{os.getpid()}"
"""One for each process of the tests."""
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
PYTEST = (sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider")
WRITTEN_ON_NIXOS = ("/etc/nixos-containers", "/nix/var/nix", "/var/lib/nixos-containers")
"""As in nix/modules/hive.nix."""
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
        env = ("env", "-i", f"PATH={PATH}", "HIVE_NIXOS=real")
        return subprocess.run(
            ["nsenter", "-a", "-t", str(self.leader), "--", *env, "HOME=/root", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pytest(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run tests of this repository in it, by this interpreter."""
        return self.run("env", f"--chdir={REPOSITORY}", *PYTEST, *words)

    def pytest_shut_in(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run them under the restrictions of the daemon's unit on NixOS, where Nix's daemon builds.

        Without those that would hide the interpreter (in a home) and the tests' files (in /tmp).
        """
        self.run("mkdir", "-p", *WRITTEN_ON_NIXOS)
        self.run("systemd-run", "-q", "--unit=nix-daemon", "nix-daemon")
        settings = [f"--property={line}" for line in _restrictions()]
        env = ("NIX_REMOTE=daemon", "HIVE_NIXOS=real", "HOME=/tmp", f"PATH={PATH}")
        settings += [f"--setenv={each}" for each in env]
        where = f"--working-directory={REPOSITORY}"
        done = self.run("systemd-run", "-q", "--wait", "--pipe", where, *settings, *PYTEST, *words)
        self.run("systemctl", "stop", "nix-daemon")
        self.run("rm", "-f", "/nix/var/nix/daemon-socket/socket")
        return done


def make_debian(root: Path, packages: str) -> None:
    """Make a Debian on disk; takes half a minute."""
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    words = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={packages}", suite, str(root)]
    subprocess.run(words, check=True, capture_output=True)


def make_root(root: Path) -> None:
    """Make a Debian with our nixos-container and Nix on disk."""
    make_debian(root, PACKAGES)
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


def _restrictions() -> list[str]:
    """Return what the daemon's unit may not do, a line for each key."""
    shut = (
        *("CapabilityBoundingSet", "LockPersonality", "NoNewPrivileges", "PrivateDevices"),
        *("ProtectClock", "ProtectKernelModules", "ProtectSystem", "RestrictAddressFamilies"),
        *("RestrictRealtime", "RestrictSUIDSGID", "SystemCall", "Delegate=", "LimitNOFILE"),
    )
    found: dict[str, list[str]] = {}
    for line in (REPOSITORY / "hive/host/hyperhive.service").read_text().splitlines():
        if line.startswith(shut):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    found["ReadWritePaths"] = ["/run", "/tmp", *WRITTEN_ON_NIXOS]
    return [f"{key}={' '.join(values)}" for key, values in found.items()]


@contextmanager
def boot(root: Path) -> Iterator[Booted]:
    """Run the system that `make_root` made during the block."""
    with boot_debian(root, _shown()) as booted:
        _build_tiny(booted, root)
        yield booted


@contextmanager
def boot_debian(root: Path, shown: list[str]) -> Iterator[Booted]:
    """Run a Debian during the block, with some of the host's files in view, `FROM[:TO]`."""
    # In a cgroup of its own: nspawn makes its own below, and would make them at the top.
    enter = "".join(f"mkdir -p {place}; echo $$ >{place}/cgroup.procs; " for place in _cgroups())
    words = [f"--bind-ro={place}" for place in shown]
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
        yield Booted(leader)
    finally:
        process.terminate()
        try:
            process.wait(DOWN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            if leader is not None:
                os.kill(leader, signal.SIGKILL)
            process.wait()
        for place in _cgroups():
            for folder, _, _ in os.walk(place, topdown=False):
                # What is still ending goes with the next boot's end.
                with suppress(OSError):
                    Path(folder).rmdir()


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
