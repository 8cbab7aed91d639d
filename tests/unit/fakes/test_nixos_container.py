"""Our nixos-container behaves as the real one was seen to: its words, its files, its traps."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.fakes.nixos import host as nixos_host


@attrs.frozen
class Host:
    """A host of stand-ins, and what was said on it."""

    root: Path

    def run(
        self, *words: str, cwd: Path | None = None, name: str = "nixos-container", **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [nixos_host.make_host(self.root).program(name), *words],
            cwd=cwd or self.root,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
        )

    def conf(self, name: str) -> Path:
        return self.root / f"etc/nixos-containers/{name}.conf"

    def profile(self, name: str) -> Path:
        return self.root / f"nix/var/nix/profiles/per-container/{name}/system"

    def flake(self, name: str) -> Path:
        folder = self.root / f"flakes-{name}"
        folder.mkdir(exist_ok=True)
        (folder / "flake.nix").write_text(name)
        return folder

    def create(self, name: str = "x") -> None:
        assert self.run("create", name, "--system-path", self.system()).returncode == 0

    def system(self) -> str:
        path = Path(nixos_host.make_system(self.root))
        # Nothing is bound at /etc/hive in these tests.
        (path / "init").write_text("#!/bin/sh\nexec sleep 1000\n")
        return str(path)


@pytest.fixture
def host(short_tmp: Path) -> Iterator[Host]:
    """A host with nothing on it; what runs is stopped in the end."""
    made = Host(short_tmp / "host")
    nixos_host.make_host(made.root)
    yield made
    for name in made.run("list").stdout.split():
        made.run("stop", name)


def test_a_new_container_has_exactly_these_lines(host: Host) -> None:
    flake = host.flake("a")
    done = host.run("create", "x", "--flake", f"{flake}#one")
    assert (done.returncode, done.stdout) == (0, "")
    assert "host IP is 10.233.1.1, container IP is 10.233.1.2\n" in done.stderr
    assert host.conf("x").read_text().splitlines() == [
        "PRIVATE_NETWORK=1",
        "HOST_ADDRESS=10.233.1.1",
        "LOCAL_ADDRESS=10.233.1.2",
        "HOST_BRIDGE=",
        "HOST_PORT=",
        "AUTO_START=0",
        f"FLAKE={flake}",
    ]
    assert host.run("show-ip", "x").stdout == "10.233.1.2\n"


def test_the_second_one_gets_the_next_address(host: Host) -> None:
    host.create("x")
    host.create("b")
    assert "LOCAL_ADDRESS=10.233.2.2" in host.conf("b").read_text()
    assert host.run("list").stdout == "b\nx\n"


@pytest.mark.parametrize(
    ("words", "said", "status"),
    [
        ((), "no action specified", 255),
        (("create",), "no container name specified", 255),
        (("create", "a/b"), "invalid container name", 255),
        (("create", "twelve-chars"), "is too long", 2),
        (("create", "a", "--host-address", "10.0.0.1"), "--local-address is required", 255),
        (("create", "a", "--config", "1", "--config-file", "2"), "mutually incompatible", 255),
        (("start", "nobody"), "does not exist", 2),
        (("create", "a", "--refresh"), "Unknown option: refresh", 1),
    ],
)
def test_a_wrong_call_is_answered_in_the_real_ones_words(
    host: Host, words: tuple[str, ...], said: str, status: int
) -> None:
    done = host.run(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


def test_an_unknown_action_is_noticed_only_for_a_container_that_exists(host: Host) -> None:
    assert "does not exist" in host.run("dance", "x").stderr
    host.create()
    done = host.run("dance", "x")
    assert done.returncode == 255
    assert "unknown action" in done.stderr


def test_creating_twice_is_refused(host: Host) -> None:
    host.create()
    done = host.run("create", "x", "--system-path", host.system())
    assert done.returncode == 25
    assert "already exists" in done.stderr
    unique = host.run("create", "x", "--ensure-unique-name", "--system-path", host.system())
    assert (unique.returncode, unique.stdout) == (0, "x-0\n")


def test_the_status_of_who_never_was(host: Host) -> None:
    done = host.run("status", "x")
    assert (done.returncode, done.stdout) == (2, "gone\n")
    assert "does not exist" in done.stderr
    assert host.run("destroy", "x").returncode == 0


def test_a_declarative_container_is_not_destroyed(host: Host) -> None:
    host.create()
    kept = host.conf("x").rename(host.root / "declared.conf")
    host.conf("x").symlink_to(kept)
    done = host.run("destroy", "x")
    assert done.returncode != 0
    assert "cannot destroy declarative container" in done.stderr


def test_trap_two_builds_in_one_directory_swap_their_results(host: Host) -> None:
    flakes = [host.flake("a"), host.flake("b")]
    program = nixos_host.make_host(host.root).program("nixos-container")
    running = [
        subprocess.Popen(
            [program, "create", name, "--flake", str(flake)],
            cwd=host.root,
            env={**os.environ, "NIX_TOGETHER": "2"},
            stderr=subprocess.DEVNULL,
        )
        for name, flake in zip(("a", "b"), flakes, strict=True)
    ]
    ended = [each.wait() for each in running]
    built = {host.profile(name).resolve() for name in ("a", "b") if host.profile(name).exists()}
    # Both got the same system, or one found its link taken away by the other.
    assert len(built) == 1
    assert 0 in ended


def test_trap_a_failed_flake_leaves_the_config_behind_and_a_failed_path_does_not(
    host: Host,
) -> None:
    flake = host.flake("a")
    (flake / "broken").touch()
    done = host.run("create", "a", "--flake", str(flake))
    assert done.returncode in {1, 2}
    assert f"failed to build container from flake '{flake}'" in done.stderr
    assert host.run("list").stdout == "a\n"
    assert "already exists" in host.run("create", "a", "--flake", str(flake)).stderr
    done = host.run("create", "b", "--system-path", "/nix/store/nothing")
    assert done.returncode == 2
    assert "failed to set initial container configuration" in done.stderr
    assert host.run("list").stdout == "a\n"


def test_trap_an_update_reloads_and_forgets_the_attribute(host: Host) -> None:
    flake = host.flake("a")
    assert host.run("create", "x", "--flake", f"{flake}#one").returncode == 0
    first = host.profile("x").resolve()
    assert host.run("update", "x").returncode == 0
    assert host.profile("x").resolve() != first
    host.create("b")
    host.run("start", "b")
    done = host.run("update", "b", "--flake", str(flake))
    assert done.returncode == 0
    assert "reloading container..." in done.stderr
    assert host.run("status", "b").stdout == "up\n"


def test_trap_an_underscore_passes_create_and_fails_at_start(host: Host) -> None:
    host.create("a_b")
    done = host.run("start", "a_b")
    assert done.returncode == 1
    assert "failed to start container" in done.stderr


def test_trap_what_is_killed_comes_back_by_itself(host: Host) -> None:
    host.create()
    assert host.run("start", "x").returncode == 0
    before = host.run("show", "x", "-p", "Leader", name="machinectl").stdout
    host.run("kill", "--signal=SIGKILL", "container@x", name="systemctl")
    for _ in range(200):
        seen = host.run("show", "x", "-p", "Leader", name="machinectl").stdout
        if seen not in {"", before}:
            break
    assert host.run("status", "x").stdout == "up\n"


def test_trap_a_failed_update_leaves_what_runs(host: Host) -> None:
    host.create()
    host.run("start", "x")
    system, flake = host.profile("x").resolve(), host.flake("a")
    (flake / "broken").touch()
    done = host.run("update", "x", "--flake", str(flake))
    assert done.returncode != 0
    assert "failed to build container from flake" in done.stderr
    assert host.profile("x").resolve() == system
    assert host.run("status", "x").stdout == "up\n"


def test_trap_a_reboot_comes_back_until_the_limit_of_starts(host: Host) -> None:
    host.create()
    init = host.profile("x").resolve() / "init"
    init.write_text("#!/bin/sh\nsleep 0.1\nexit 133\n")
    assert host.run("start", "x").returncode == 0
    shown = ""
    while "ActiveState=act" in (shown := host.run("show", "container@x", name="systemctl").stdout):
        time.sleep(0.01)
    again = host.run("start", "x")
    assert (again.returncode, "repeated too quickly" in again.stderr) == (1, True), shown
    host.run("reset-failed", "container@x", name="systemctl")
    assert host.run("start", "x").returncode == 0


def test_trap_what_was_run_inside_holds_up_the_stop(host: Host) -> None:
    host.create()
    host.run("start", "x")
    program = nixos_host.make_host(host.root).program("nixos-container")
    with subprocess.Popen([program, "run", "x", "--", "sleep", "1000"]) as inside:
        entered = host.root / "units/x/in"
        while not (entered / str(inside.pid)).exists():
            time.sleep(0.01)
        with subprocess.Popen([program, "stop", "x"]) as stop:
            while "stop-sigterm" not in host.run("show", "container@x", name="systemctl").stdout:
                time.sleep(0.01)
            assert stop.poll() is None
            inside.kill()
            inside.wait()  # a dead process that nobody waited for still has its number
    assert stop.returncode == 0
    assert host.run("status", "x").stdout == "down\n"


def test_trap_what_has_a_flake_and_no_system_is_built_by_its_start(host: Host) -> None:
    flake = host.flake("a")
    (flake / "broken").touch()
    assert host.run("create", "x", "--flake", str(flake)).returncode != 0
    assert host.run("start", "x").returncode != 0
    (flake / "broken").unlink()
    host.run("start", "x")
    assert host.profile("x").exists()


def test_terminating_and_destroying_what_runs(host: Host) -> None:
    host.create()
    host.run("start", "x")
    assert host.run("terminate", "x").returncode == 0
    # It says so before the last of it is gone.
    for _ in range(1000):
        if said := host.run("run", "x", "--", "true").stderr:
            break
        time.sleep(0.01)
    assert "unable to get container's main PID" in said
    host.run("start", "x")
    assert host.run("destroy", "x").returncode == 0
    assert host.run("list").stdout == ""


def test_run_quotes_every_word_for_the_shell_inside(host: Host) -> None:
    host.create()
    host.run("start", "x")
    enter = host.root / "bin/nsenter"
    enter.write_text('#!/bin/sh\nfor each; do echo "[$each]"; done\nexit 9\n')
    enter.chmod(0o755)
    done = host.run("run", "x", "--", "echo", "it's")
    assert done.returncode == 9
    assert done.stdout.splitlines()[-6:] == [
        "[--]",
        "[su]",
        "[root]",
        "[-l]",
        "[-c]",
        "[exec 'echo' 'it'\\''s']",
    ]
