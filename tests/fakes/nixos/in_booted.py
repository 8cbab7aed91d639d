"""Tests that run inside the booted system: hive's runtime over a whole systemd per container.

Started by `tests/integration/test_nixos_booted.py`, which boots the system.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
import trio

from hive.errors import ProgramFailed, Unavailable
from hive.host.nixos_container import NixosContainer
from hive.host.nixos_host import NixosHost
from hive.host.runtime import Bind, BuildOrder, ContainerSpec
from hive.paths import Paths
from hive.wire.agent_config import AgentConfig, Limits
from hive.wire.names import AgentName
from tests.fakes.nixos.booted import FLAKES

A = AgentName("a")
CONTAINER = "h-a"
UNIT = f"container@{CONTAINER}.service"
SHOWN = ("usr", "etc", "bin", "lib", "lib64", "sbin")
PATIENCE_S = 30
USER = 1_900_085_248
"""The first of the container's own."""
EVENT_S = 5.0
"""On a machine that is busy; it takes 0.07 s on one that is not."""


@attrs.define
class Whole:
    """One container with a root and a systemd of its own."""

    paths: Paths
    runtime: NixosContainer
    system: str

    @property
    def root(self) -> Path:
        return NixosHost().roots / CONTAINER

    def spec(self, command: str, limits: Limits | None = None) -> ContainerSpec:
        folders = self.paths.given(A), self.paths.agent_state(A), self.paths.agent_run(A)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        given, state, run = folders
        for folder in (state, run):
            os.chown(folder, USER, USER)
            folder.chmod(0o700)
        os.chown(given, -1, USER)
        given.chmod(0o750)
        return ContainerSpec(
            A,
            ("/bin/sh", "-c", command),
            {"PATH": "/usr/bin:/bin", "WORD": "b c"},
            (
                Bind(given, "/etc/hive"),
                Bind(state, "/state", writable=True),
                Bind(run, "/run/hive", writable=True),
            ),
            "/state",
            limits=limits or Limits(),
            system=self.system,
            user=USER,
        )

    async def ended(self) -> int | None:
        with trio.fail_after(PATIENCE_S):
            return (await self.runtime.wait_exit(A)).exit_code


def said(*words: str) -> str:
    """Return what a program of the host prints."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def furnish(root: Path) -> None:
    """Put a Debian into an empty root, with the harness's unit as hive's Nix module has it."""
    for name in SHOWN:
        subprocess.run(["cp", "-a", f"/{name}", str(root)], check=True)
    for name in ("etc/nixos-containers", "etc/hive-test"):
        shutil.rmtree(root / name)
    (root / "etc/machine-id").write_text("")
    (root / "var/log/journal").mkdir(parents=True)
    units = root / "etc/systemd/system"
    (units / "container@.service").unlink()
    shutil.copy("/etc/hive-test/hive.service", units)
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants/hive.service").symlink_to("../hive.service")


@pytest.fixture
async def whole(short_tmp: Path) -> AsyncIterator[Whole]:
    """A container that was built by the runtime and never ran."""
    paths = Paths(short_tmp / "state", short_tmp / "run")
    shutil.copytree(FLAKES / "whole", paths.meta)
    runtime = NixosContainer(paths, time.time)
    order = BuildOrder(A, "0" * 40, AgentConfig(), paths.meta)
    system = await runtime.build(order, lambda _: None)
    made = Whole(paths, runtime, system)
    paths.sandbox(A).mkdir(parents=True)
    said("nixos-container", "create", CONTAINER, "--system-path", system)
    furnish(made.root)
    yield made
    await runtime.stop(A, grace_s=0)
    await runtime.destroy(A)
    assert not made.root.exists()


async def test_a_container_ends_with_its_harness_and_by_its_code(whole: Whole) -> None:
    await whole.runtime.start(whole.spec("echo $WORD; touch /state/x /run/hive/y; sleep 1; exit 7"))
    assert (await whole.runtime.status(A)).is_running
    assert await whole.ended() == 7
    for made in (whole.paths.agent_state(A) / "x", whole.paths.agent_run(A) / "y"):
        assert (made.stat().st_uid, made.stat().st_gid) == (USER, USER)
    assert await whole.runtime.logs(A, 5) == ["b c"]
    await whole.runtime.start(whole.spec("sleep 1; kill -9 $$"))
    assert await whole.ended() == 255


async def test_it_is_asked_to_end_and_killed_when_it_does_not(whole: Whole) -> None:
    await whole.runtime.start(whole.spec("echo here; exec sleep 1000"))
    await whole.runtime.stop(A, grace_s=PATIENCE_S)
    assert await whole.ended() == 0
    await whole.runtime.start(whole.spec("trap '' TERM; while :; do sleep 1000; done"))
    await whole.runtime.stop(A, grace_s=1)
    assert await whole.ended() == 137


async def test_the_harnesss_lines_are_read_while_it_runs_and_after(whole: Whole) -> None:
    await whole.runtime.start(whole.spec("echo one; echo two; exec sleep 1000"))
    with trio.fail_after(PATIENCE_S):
        while await whole.runtime.logs(A, 10) != ["one", "two"]:  # noqa: ASYNC110
            await trio.sleep(0.05)
    await whole.runtime.stop(A, grace_s=PATIENCE_S)
    assert await whole.runtime.logs(A, 1) == ["two"]


async def test_a_link_in_a_stopped_containers_journal_is_not_followed(whole: Whole) -> None:
    await whole.runtime.start(whole.spec("echo mine; exec sleep 1000"))
    await whole.runtime.stop(A, grace_s=PATIENCE_S)
    (whole.root / "var/log/journal/planted").symlink_to("/var/log/journal")
    assert "mine" not in await whole.runtime.logs(A, 500)


async def test_the_end_is_known_by_an_event(whole: Whole) -> None:
    await whole.runtime.start(whole.spec("exec sleep 1000"))
    pid = int(said("systemctl", "show", "--property=MainPID", "--value", UNIT))
    took: list[float] = []

    async def wait() -> None:
        await whole.runtime.wait_exit(A)
        took.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(0.2)
        before = trio.current_time()
        os.kill(pid, signal.SIGKILL)
    assert took[0] - before < EVENT_S


async def test_it_has_a_loopback_and_users_of_its_own_and_its_systemd_is_well(
    whole: Whole,
) -> None:
    await whole.runtime.start(
        whole.spec(
            "sleep 2; cat /proc/self/uid_map; ls /sys/class/net; ip route;"
            " systemctl --failed --plain --no-legend; stat -c %u /usr/bin/env;"
            " getent passwd nobody | cut -d: -f3; exit 0"
        )
    )
    await whole.ended()
    lines = await whole.runtime.logs(A, 20)
    assert lines[0].split() == ["0", str(USER), "65536"]
    assert lines[1:] == ["lo", "0", "65534"]
    assert (whole.root / "usr/bin/env").stat().st_uid == USER


async def test_the_hosts_network_is_there_for_who_was_given_it(whole: Whole) -> None:
    with socket.socket() as service:
        service.bind(("127.0.0.1", 0))
        service.listen()
        port = service.getsockname()[1]
        try_it = f"python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}))'"
        spec = whole.spec(f"sleep 1; {try_it} && echo reached; id -u")
        for network, said in (("proxy", "0"), ("host", "reached")):
            await whole.runtime.start(attrs.evolve(spec, network=network))
            await whole.ended()
            assert said in await whole.runtime.logs(A, 2)
            assert ("reached" in await whole.runtime.logs(A, 9)) is (network == "host")


async def test_limits_are_known_to_systemd_and_open_files_are_limited_inside(whole: Whole) -> None:
    await whole.runtime.start(
        whole.spec(
            "ulimit -Hn; ulimit -Sn; ulimit -f; exec sleep 1000",
            Limits(memory_mib=256, cpu_percent=50, tasks=99, open_files=700, disk_mib=100),
        )
    )
    with trio.fail_after(PATIENCE_S):
        while await whole.runtime.logs(A, 10) != ["700", "700", "204800"]:  # noqa: ASYNC110
            await trio.sleep(0.05)
    wanted = "MemoryMax,MemorySwapMax,CPUQuotaPerSecUSec,TasksMax,Restart"
    shown = said("systemctl", "show", f"--property={wanted}", UNIT)
    assert sorted(shown.split()) == [
        "CPUQuotaPerSecUSec=500ms",
        f"MemoryMax={256 * 1024 * 1024}",
        "MemorySwapMax=0",
        "Restart=no",
        "TasksMax=99",
    ]


async def test_the_hosts_nix_daemon_is_not_seen(whole: Whole) -> None:
    place = Path("/nix/var/nix/daemon-socket")
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(place / "socket"))
        try:
            await whole.runtime.start(whole.spec(f"sleep 1; echo [$(ls {place} 2>/dev/null)]"))
            await whole.ended()
        finally:
            (place / "socket").unlink()
    assert (await whole.runtime.logs(A, 5))[0] == "[]"


async def test_what_is_swapped_while_it_starts_is_not_left_mounted(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = whole.spec("exec sleep 1000")
    state, call = whole.paths.agent_state(A), NixosHost.call

    async def swapping(self: NixosHost, name: str, *words: str, **settings: float) -> object:
        if words[:1] == ("start",):
            state.rename(state.with_name("kept"))
            state.mkdir()
        return await call(self, name, *words, **settings)

    monkeypatch.setattr(NixosHost, "call", swapping)
    with pytest.raises(Unavailable, match="was replaced while"):
        await whole.runtime.start(spec)
    assert not (await whole.runtime.status(A)).is_running


async def test_a_harness_that_cannot_run_fails_the_start_in_its_own_words(whole: Whole) -> None:
    spec = attrs.evolve(whole.spec(""), argv=("/no/such/program",))
    with pytest.raises(ProgramFailed) as failure:
        await whole.runtime.start(spec)
    assert "/no/such/program: no such program" in failure.value.stderr


def test_systemd_takes_the_units_as_they_stand_here() -> None:
    verify = ["systemd-analyze", "verify", "--recursive-errors=one", UNIT]
    done = subprocess.run(verify, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
