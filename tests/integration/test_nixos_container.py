"""The runtime `nixos` beyond its contract: what it does about each trap of nixos-container."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive.errors import BadRequest, Conflict, ProgramFailed, Refused, Unavailable
from hive.host import nixos_files, systemd
from hive.host import nixos_host as real_host
from hive.host.nixos_container import NixosContainer
from hive.host.nixos_host import NixosHost
from hive.host.runtime import Bind, BuildOrder, ContainerSpec
from hive.paths import Paths
from hive.process import Completed
from hive.wire.agent_config import AgentConfig, Limits, McpServer
from hive.wire.names import AgentName
from tests.fakes.nixos import host as nixos_host

A, B = AgentName("a"), AgentName("b")
PATIENCE_S = 20
USER = 1_900_019_712


@attrs.define
class Nixos:
    """One hive on a host of stand-ins."""

    root: Path
    place: str = "hive"

    @property
    def paths(self) -> Paths:
        return Paths(self.root / self.place / "state", self.root / self.place / "run")

    @property
    def host(self) -> NixosHost:
        return nixos_host.make_host(self.root / "host")

    @property
    def runtime(self) -> NixosContainer:
        return NixosContainer(self.paths, lambda: 1.0, self.host)

    @property
    def units(self) -> Path:
        return self.root / "host/units"

    def spec(self, name: AgentName = A, command: str = "exec sleep 1000") -> ContainerSpec:
        folders = self.paths.given(name), self.paths.agent_state(name)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        binds = (Bind(folders[0], "/etc/hive"), Bind(folders[1], "/state", writable=True))
        system = nixos_host.make_system(self.root / "host")
        argv = ("/bin/sh", "-c", command)
        return ContainerSpec(name, argv, {"PATH": "/usr/bin:/bin"}, binds, "/tmp", system=system)

    def seen(self, name: str = "h-a") -> dict[str, dict[str, str]]:
        """Return what the unit's start script was given."""
        found: dict[str, dict[str, str]] = json.loads((self.units / name / "seen").read_text())
        return found

    def by_hand(self, *words: str) -> None:
        """Run nixos-container as a person would."""
        subprocess.run(
            [self.host.program("nixos-container"), *words], check=True, capture_output=True
        )


@pytest.fixture
async def nixos(short_tmp: Path) -> AsyncIterator[Nixos]:
    """A hive; what runs is ended after the test."""
    made = Nixos(short_tmp)
    yield made
    for place in ("hive", "other"):
        runtime = attrs.evolve(made, place=place).runtime
        for status in await runtime.running():
            await runtime.stop(status.name, grace_s=0)


async def test_a_container_has_no_address_and_its_binds_are_shown(nixos: Nixos) -> None:
    await nixos.runtime.start(nixos.spec())
    seen = nixos.seen()
    assert seen["environment"]["PRIVATE_NETWORK"] == "1"
    assert seen["environment"]["HOST_ADDRESS"] == seen["environment"]["LOCAL_ADDRESS"] == ""
    assert seen["binds"] == {
        "/etc/hive": str(nixos.paths.given(A)),
        "/state": str(nixos.paths.agent_state(A)),
    }


async def test_the_hosts_network_is_given_by_that_word_alone(nixos: Nixos) -> None:
    await nixos.runtime.start(attrs.evolve(nixos.spec(), network="host"))
    assert nixos.seen()["environment"]["PRIVATE_NETWORK"] == "0"


async def test_a_container_has_a_range_of_users_that_is_known_after_its_end(nixos: Nixos) -> None:
    assert nixos.runtime.user(A) == os.geteuid()
    await nixos.runtime.start(attrs.evolve(nixos.spec(), user=USER))
    flags = nixos.seen()["environment"]["EXTRA_NSPAWN_FLAGS"].split()
    assert f"--private-users={USER}:65536" in flags
    assert "--private-users-ownership=chown" in flags
    assert nixos.runtime.user(A) == USER
    await nixos.runtime.stop(A, grace_s=0)
    assert nixos.runtime.user(A) == USER


@pytest.mark.parametrize(
    ("unknown", "said"),
    [
        ("PRIVATE_NETWORK", "its network is the host's"),
        ("--private-users=", "its users are not those"),
    ],
)
async def test_what_the_start_script_does_not_pass_on_ends_the_container(
    nixos: Nixos, monkeypatch: pytest.MonkeyPatch, unknown: str, said: str
) -> None:
    monkeypatch.setenv("NIXOS_UNKNOWN", unknown)
    with pytest.raises(Unavailable, match=said):
        await nixos.runtime.start(attrs.evolve(nixos.spec(), user=USER))
    assert not (await nixos.runtime.status(A)).is_running


async def test_a_link_in_its_root_does_not_lead_the_start_script_to_the_host(nixos: Nixos) -> None:
    await nixos.runtime.start(nixos.spec())
    await nixos.runtime.stop(A, grace_s=0)
    root = nixos.runtime.root(A)
    assert root == nixos.host.roots / "h-a"
    (root / "var").mkdir()
    (root / "var/lib").symlink_to("/root")
    with pytest.raises(Unavailable, match=r"var/lib is a link"):
        await nixos.runtime.start(nixos.spec())
    assert not (await nixos.runtime.status(A)).is_running


async def test_what_the_containers_users_may_not_read_fails_the_start_by_name(
    nixos: Nixos,
) -> None:
    tool, spec = nixos.root / "tool", nixos.spec()
    tool.touch(0o700)
    spec = attrs.evolve(spec, user=USER, binds=(*spec.binds, Bind(tool, "/opt/tool")))
    with pytest.raises(Unavailable, match=f"cannot read {tool}: chmod"):
        await nixos.runtime.start(spec)


async def test_doctor_says_which_users_containers_have_or_why_root_is_root(
    nixos: Nixos, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = nixos.runtime
    said = {each.what: each for each in await runtime.probe()}["users"].detail
    if os.geteuid() != 0:
        assert "the daemon is not root" in said
        return
    assert said == "each container has 65536 users of its own, from 1900019712 on"
    assert runtime.shares_user is None
    monkeypatch.setenv("NIXOS_SYSTEMD", "systemd 249 (249.1)")
    (found,) = (each for each in await runtime.probe() if each.what == "users")
    assert found.is_ok
    assert "root is the host's root: systemd 249 cannot give" in found.detail
    assert runtime.shares_user == found.detail


async def test_a_failed_creation_leaves_nothing_behind(nixos: Nixos) -> None:
    spec = attrs.evolve(nixos.spec(), system="/nix/store/gone")
    with pytest.raises(ProgramFailed, match="initial container configuration"):
        await nixos.runtime.start(spec)
    assert not nixos.host.conf("h-a").exists()
    await nixos.runtime.start(nixos.spec())


async def test_half_a_container_is_made_anew(nixos: Nixos) -> None:
    nixos.paths.sandbox(A).mkdir(parents=True)
    nixos.by_hand("create", "h-a", "--system-path", nixos.spec().system)
    shutil.rmtree(nixos.host.profile("h-a").parent)
    await nixos.runtime.start(nixos.spec())
    assert (await nixos.runtime.status(A)).is_running


async def test_a_container_that_is_not_ours_is_left_alone(nixos: Nixos) -> None:
    nixos.by_hand("create", "h-a", "--system-path", nixos.spec().system)
    before = nixos.host.conf("h-a").read_text()
    for _ in range(2):
        with pytest.raises(Conflict, match="not this hive's"):
            await nixos.runtime.start(nixos.spec())
    await nixos.runtime.destroy(A)
    assert nixos.host.conf("h-a").read_text() == before


async def test_a_container_that_somebody_else_makes_just_now_is_left_to_them(
    nixos: Nixos, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, call = nixos.spec(), NixosHost.call

    async def call_second(host: NixosHost, name: str, *words: str, **more: float) -> Completed:
        if words[0] == "create":
            nixos.by_hand("create", "h-a", "--system-path", spec.system)
        return await call(host, name, *words, **more)

    monkeypatch.setattr(NixosHost, "call", call_second)
    with pytest.raises(Conflict, match="already exists"):
        await nixos.runtime.start(spec)
    assert nixos.host.conf("h-a").exists()


async def test_a_start_whose_mounts_cannot_be_looked_at_is_undone(
    nixos: Nixos, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = NixosHost.call

    async def without_machined(host: NixosHost, name: str, *words: str, **more: float) -> Completed:
        if name == "machinectl":
            raise ProgramFailed((name,), 1, "Could not connect")
        return await call(host, name, *words, **more)

    monkeypatch.setattr(NixosHost, "call", without_machined)
    monkeypatch.setattr(real_host, "LEADER_S", 0.3)
    with pytest.raises(Unavailable, match="systemd-machined"):
        await nixos.runtime.start(nixos.spec())
    assert not (await nixos.runtime.status(A)).is_running


async def test_another_hives_container_is_neither_listed_nor_taken(nixos: Nixos) -> None:
    other = attrs.evolve(nixos, place="other")
    await other.runtime.start(other.spec())
    assert await nixos.runtime.running() == []
    with pytest.raises(Conflict):
        await nixos.runtime.start(nixos.spec())
    assert [status.name for status in await other.runtime.running()] == [A]


async def test_a_container_is_found_by_its_conf_when_the_records_are_gone(nixos: Nixos) -> None:
    await nixos.runtime.start(nixos.spec())
    shutil.rmtree(nixos.paths.sandbox(A))
    assert [status.name for status in await nixos.runtime.running()] == [A]
    await nixos.runtime.stop(A, grace_s=0)
    await nixos.runtime.destroy(A)
    assert not nixos.host.conf("h-a").exists()


async def test_another_system_is_put_into_the_profile_and_the_same_one_is_not(
    nixos: Nixos,
) -> None:
    runtime, profile = nixos.runtime, nixos.host.profile("h-a")
    for _ in range(2):
        await runtime.start(nixos.spec())
        await runtime.stop(A, grace_s=0)
    assert profile.readlink().name == "system-1-link"
    newer = nixos.root / "host/nix/store/newer"
    shutil.copytree(nixos.spec().system, newer)
    await runtime.start(attrs.evolve(nixos.spec(), system=str(newer)))
    assert profile.resolve() == newer
    assert profile.readlink().name == "system-2-link"


async def test_without_a_system_an_existing_container_starts_and_none_is_made(
    nixos: Nixos,
) -> None:
    with pytest.raises(BadRequest, match="rebuild it"):
        await nixos.runtime.start(attrs.evolve(nixos.spec(), system=""))
    await nixos.runtime.start(nixos.spec())
    await nixos.runtime.stop(A, grace_s=0)
    await nixos.runtime.start(attrs.evolve(nixos.spec(), system=""))
    assert (await nixos.runtime.status(A)).is_running


async def test_limits_are_systemds_from_the_first_start_and_after_a_reboot(nixos: Nixos) -> None:
    spec = attrs.evolve(nixos.spec(), limits=Limits(memory_mib=64))
    loaded = nixos.units / "h-a/loaded"
    for _ in range(2):
        await nixos.runtime.start(spec)
        assert "MemoryMax=64M" in loaded.read_text()
        await nixos.runtime.stop(A, grace_s=0)
        shutil.rmtree(nixos.host.drop_in("h-a").parent)  # /run is empty after a boot
        loaded.unlink(missing_ok=True)
    await nixos.runtime.start(nixos.spec())
    assert "MemoryMax" not in loaded.read_text()


@pytest.mark.parametrize("code", [3, 133], ids=["crash", "reboot"])
async def test_systemd_does_not_start_it_again_however_often_it_ends(
    nixos: Nixos, code: int
) -> None:
    for _ in range(7):
        await nixos.runtime.start(nixos.spec(command=f"exit {code}"))
        with trio.fail_after(PATIENCE_S):
            status = await nixos.runtime.wait_exit(A)
        assert (status.is_running, status.exit_code) == (False, code)


async def test_a_missing_source_is_named_and_nothing_is_started(nixos: Nixos) -> None:
    spec = nixos.spec()
    nixos.paths.agent_state(A).rmdir()
    with pytest.raises(Unavailable, match=r"state is not there"):
        await nixos.runtime.start(spec)
    assert not (await nixos.runtime.status(A)).is_running


async def test_a_file_that_cannot_be_written_is_named(nixos: Nixos) -> None:
    spec, given = nixos.spec(), nixos.paths.given(A)
    given.rmdir()
    given.touch()
    with pytest.raises(Unavailable, match=f"cannot write {given}"):
        await nixos.runtime.start(spec)


async def test_a_root_that_cannot_be_passed_on_is_refused(nixos: Nixos) -> None:
    spec = attrs.evolve(nixos, place="a b").spec()
    with pytest.raises(BadRequest, match="another --root"):
        await attrs.evolve(nixos, place="a b").runtime.start(spec)


async def test_a_link_in_place_of_a_state_directory_is_refused(nixos: Nixos) -> None:
    spec = nixos.spec()
    state = nixos.paths.agent_state(A)
    state.rmdir()
    state.symlink_to("/root")
    with pytest.raises(Unavailable, match="cannot open"):
        await nixos.runtime.start(spec)
    assert not (await nixos.runtime.status(A)).is_running


async def test_a_start_that_is_cancelled_on_the_way_leaves_nothing(nixos: Nixos) -> None:
    runtime, spec = nixos.runtime, nixos.spec()
    await runtime.start(spec)
    await runtime.stop(A, grace_s=0)
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runtime.start, spec)
            while not (await nixos.host.unit("h-a")).is_running:  # noqa: ASYNC110
                await trio.sleep(0.005)
            nursery.cancel_scope.cancel()
    assert not (await runtime.status(A)).is_running
    await runtime.start(spec)


async def test_who_was_run_inside_by_hand_does_not_hold_up_a_stop(nixos: Nixos) -> None:
    await nixos.runtime.start(nixos.spec())
    words = [nixos.host.program("nixos-container"), "run", "h-a", "--", "sleep", "1000"]
    async with trio.open_nursery() as nursery:
        inside = await nursery.start(partial(trio.run_process, words, check=False))
        with trio.fail_after(PATIENCE_S):
            while not (nixos.units / f"h-a/in/{inside.pid}").exists():  # noqa: ASYNC110
                await trio.sleep(0.005)
            await nixos.runtime.stop(A, grace_s=0.2)
        inside.kill()
    assert not (await nixos.runtime.status(A)).is_running


async def test_destroying_leaves_no_trace(nixos: Nixos) -> None:
    await nixos.runtime.start(nixos.spec())
    await nixos.runtime.stop(A, grace_s=0)
    await nixos.runtime.destroy(A)
    for gone in (
        nixos.host.conf("h-a"),
        nixos.host.profile("h-a").parent,
        nixos.host.drop_in("h-a").parent,
        nixos.paths.sandbox(A),
    ):
        assert not gone.exists()


async def test_a_container_whose_conf_is_gone_is_stopped_and_destroyed_all_the_same(
    nixos: Nixos,
) -> None:
    await nixos.runtime.start(nixos.spec())
    nixos.host.conf("h-a").unlink()
    await nixos.runtime.stop(A, grace_s=PATIENCE_S)
    assert not (await nixos.runtime.status(A)).is_running
    await nixos.runtime.destroy(A)
    assert not (nixos.host.roots / "h-a").exists()
    assert not nixos.host.profile("h-a").parent.exists()
    assert not nixos.host.conf("h-a").exists()


async def test_a_destroyed_container_does_not_leave_the_host_degraded(nixos: Nixos) -> None:
    await nixos.runtime.start(nixos.spec(command="exit 3"))
    with trio.fail_after(PATIENCE_S):
        await nixos.runtime.wait_exit(A)
    assert (await nixos.host.unit("h-a")).active == "failed"
    await nixos.runtime.destroy(A)
    assert (await nixos.host.unit("h-a")).active == "inactive"


async def test_a_container_of_the_systems_configuration_is_not_destroyed(nixos: Nixos) -> None:
    await nixos.runtime.start(nixos.spec())
    await nixos.runtime.stop(A, grace_s=0)
    conf = nixos.host.conf("h-a")
    conf.symlink_to(conf.rename(nixos.root / "declared.conf"))
    with pytest.raises(Refused, match=r"configuration\.nix"):
        await nixos.runtime.destroy(A)


def order(name: AgentName, nixos: Nixos, config: AgentConfig | None = None) -> BuildOrder:
    return BuildOrder(name, "0" * 40, config or AgentConfig(), nixos.root)


async def test_two_builds_at_once_each_get_their_own(nixos: Nixos) -> None:
    nixos.paths.meta.mkdir(parents=True)
    built: dict[AgentName, str] = {}

    async def build(name: AgentName) -> None:
        built[name] = await nixos.runtime.build(order(name, nixos), lambda _: None)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(build, A)
        nursery.start_soon(build, B)
    assert built[A] != built[B]
    for name in (A, B):
        assert await nixos.runtime.build(order(name, nixos), lambda _: None) == built[name]


async def test_a_build_that_fails_says_why_in_nixs_words(nixos: Nixos) -> None:
    nixos.paths.meta.mkdir(parents=True)
    (nixos.paths.meta / "broken").touch()
    said: list[str] = []
    with pytest.raises(ProgramFailed, match="failed with exit code 1"):
        await nixos.runtime.build(order(A, nixos), said.append)
    assert said[0].startswith("building ")
    assert 'nixosConfigurations."a"' in said[0]


async def test_a_server_that_is_in_no_system_fails_the_build(nixos: Nixos) -> None:
    nixos.paths.meta.mkdir(parents=True)
    for command, said in (("tool", "in the system"), ("/etc/hive/config/x", "no file 'x'")):
        config = AgentConfig(mcp_servers={"one": McpServer(command)})
        with pytest.raises(BadRequest, match=said):
            await nixos.runtime.build(order(A, nixos, config), lambda _: None)


async def test_a_host_that_lacks_a_program_says_which(nixos: Nixos) -> None:
    bare = attrs.evolve(nixos.host, path=str(nixos.root))
    (finding,) = await NixosContainer(nixos.paths, lambda: 1.0, bare).probe()
    assert not finding.is_ok
    assert "nixos-container is not on PATH" in finding.detail
    assert "--containers bubblewrap" in finding.mend


@pytest.mark.parametrize(
    ("version", "is_ok", "detail"),
    [
        ("systemd 257 (257.12)", True, "systemd 257.12"),
        ("systemd 252 (252.36-1~deb12u1)", True, "closed for hive's containers by --settings=no"),
        ("systemd 245 (245.4)", False, "systemd 245 (245.4)"),
    ],
)
async def test_systemds_version_is_looked_at(
    nixos: Nixos, monkeypatch: pytest.MonkeyPatch, version: str, is_ok: bool, detail: str
) -> None:
    monkeypatch.setenv("NIXOS_SYSTEMD", version)
    findings = await nixos.runtime.probe()
    assert any(detail in each.detail for each in findings)
    assert all(each.is_ok for each in findings) is (is_ok and os.geteuid() == 0)


async def test_a_weakness_that_hive_cannot_close_is_a_danger_and_no_obstacle(
    nixos: Nixos, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hive.host import nixos_probe

    monkeypatch.setattr(
        systemd, "ESCAPES", (systemd.Escape("CVE-0-0", since=1, mended={}, mended_in=999),)
    )
    weak = nixos_probe.weaknesses(await nixos.runtime.probe())
    assert [each.mend for each in weak] == [
        "install systemd 999, or one that your distribution has mended"
    ]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(value=TEXT, word=TEXT)
def test_what_runs_inside_gets_exactly_its_words_and_its_environment(
    tmp_path: Path, value: str, word: str
) -> None:
    argv = (
        "/usr/bin/python3",
        "-c",
        "import os,sys; print([sys.argv[1:], dict(os.environ)])",
        word,
    )
    env = {"PATH": "/usr/bin", "LC_ALL": "C.UTF-8", "A": value}
    script = tmp_path / "run"
    script.write_text(
        nixos_files.run_script(ContainerSpec(A, argv, env, (), str(tmp_path))), encoding="utf-8"
    )
    done = subprocess.run(["/bin/sh", script], env={"LEAK": "1"}, capture_output=True, check=True)
    words, seen = eval(done.stdout.decode())
    assert words == [word]
    assert {key: seen[key] for key in env} == env
    assert "LEAK" not in seen
