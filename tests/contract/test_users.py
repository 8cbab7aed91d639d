"""What it is worth that each container is a user of its own, where the daemon is root."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import attrs
import pytest
import trio

from hive.errors import Unavailable
from hive.host import private_mounts, proc, program, users
from hive.host.private_mounts import PrivateMounts
from hive.host.runtime import Bind, ContainerSpec
from hive.host.safe_repos import SYSTEM
from hive.wire.names import MANAGER, AgentName
from tests.contract.container_subjects import FIRST_USER, IS_ROOT, RealSubject
from tests.fakes import as_user

A = AgentName("a")
B = AgentName("b")
PATIENCE_S = 20


def _as_user(user: int, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [*users.become(user), *words]
    return subprocess.run(argv, capture_output=True, text=True, cwd="/", check=False)


def _connect(user: int, path: Path) -> str:
    """Connect as a user, and return what came of it."""
    try:
        as_user.connect(path, user, walks=False).close()
    except OSError as error:
        return error.strerror or ""
    return "connected"


def _read(path: str) -> str:
    return Path(path).read_text()


def _in_places() -> list[Path]:
    """Return what stands where the agents' users find things, as this process sees it."""
    return [each for place in private_mounts.PLACES if place.exists() for each in place.iterdir()]


async def _say(subject: RealSubject, command: str, name: AgentName = A) -> list[str]:
    await subject.runtime.start(subject.shell(name, f"{{ {command}\n}} 2>&1"))
    with trio.fail_after(PATIENCE_S):
        await subject.runtime.wait_exit(name)
    return await subject.runtime.logs(name, 500)


if IS_ROOT:

    @pytest.fixture
    def hive(sandbox: RealSubject) -> RealSubject:
        """Two agents below directories that only root can walk through."""
        for name in (A, B):
            for folder in (sandbox.paths.agent_state(name), sandbox.paths.agent_claude(name)):
                folder.mkdir(parents=True)
                folder.chmod(0o700)
                sandbox.own(name, folder)
        sandbox.root.chmod(0o700)
        sandbox.binds = (Bind(sandbox.paths.agent_state(A), "/state", writable=True),)
        return sandbox

    async def test_what_it_writes_belongs_to_its_user(hive: RealSubject) -> None:
        assert await _say(hive, "echo x > /state/new; id -u; id -un") == [
            str(hive.user(A)),
            "agent",
        ]
        about = (hive.paths.agent_state(A) / "new").stat()
        assert (about.st_uid, about.st_gid) == (hive.user(A), hive.user(A))

    async def test_its_processes_are_its_users_with_no_group_and_no_right(
        hive: RealSubject,
    ) -> None:
        await hive.runtime.start(hive.shell(A, "exec sleep 100"))
        lines = _read(f"/proc/{hive.first(A)}/status").splitlines()
        status = {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
        user = str(hive.user(A))
        assert (status["Uid"], status["Gid"], status["Groups"]) == ([user] * 4, [user] * 4, [])
        assert int(status["CapEff"][0], 16) == int(status["CapBnd"][0], 16) == 0
        assert hive.runtime.user(A) == hive.user(A)
        assert hive.another().user(A) == hive.user(A)

    async def test_one_that_never_ran_is_the_daemons_users(hive: RealSubject) -> None:
        assert hive.runtime.user(B) == os.geteuid()

    async def test_another_agents_user_can_neither_read_nor_connect(hive: RealSubject) -> None:
        login = hive.paths.agent_claude(A) / ".credentials.json"
        login.write_text("secret")
        hive.own(A, login)
        path = hive.root / "mcp.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            path.chmod(0o660)
            listener.listen()
            hive.own(A, path)
            # However open the doors above are.
            for folder in (*login.parents, *path.parents):
                if folder.is_relative_to(hive.root) and folder != login.parent:
                    folder.chmod(0o755)
            mine, other = hive.user(A), hive.user(B)
            assert mine is not None
            assert other is not None
            assert _as_user(mine, "/usr/bin/cat", str(login)).stdout == "secret"
            assert "Permission denied" in _as_user(other, "/usr/bin/cat", str(login)).stderr
            assert _connect(mine, path) == "connected"
            assert _connect(other, path) == "Permission denied"

    async def test_the_daemon_and_the_host_see_nothing_of_its_mounts(hive: RealSubject) -> None:
        before = _read("/proc/self/mountinfo")
        await hive.runtime.start(hive.shell(A, "exec sleep 100"))
        assert _read("/proc/self/mountinfo") == before
        assert _in_places() == []

    async def test_it_holds_no_descriptor_of_the_daemons(hive: RealSubject) -> None:
        said = await _say(hive, "ls /proc/self/fd; cat /proc/1/fdinfo/* | grep -c lock")
        # The last is that of the listing itself.
        assert said[:4] == ["0", "1", "2", "3"]

    async def test_it_cannot_open_the_lock_that_holds_it_together(hive: RealSubject) -> None:
        said = await _say(
            hive,
            "for f in /proc/1/fd/*; do case $(readlink $f) in *lock*) cat $f >/dev/null"
            " && echo opened;; esac; done; true",
        )
        assert "opened" not in said
        record = hive.record(A)
        assert not record.is_locked()

    async def test_a_limit_of_processes_counts_its_own_without_control_groups(
        hive: RealSubject,
    ) -> None:
        assert hive.runtime._limiter.ways()["tasks"]
        assert hive.runtime.shares_user is None

    async def test_a_file_that_was_replaced_is_what_the_next_one_gets(hive: RealSubject) -> None:
        tool = hive.root / "tool"
        hive.binds = (*hive.binds, Bind(tool, "/opt/tool"))
        for text in ("one", "two", "three"):
            new = hive.root / "new"
            new.write_text(f"{text}\n")
            new.chmod(0o644)
            new.replace(tool)
            assert (await _say(hive, "cat /opt/tool"))[-1] == text

    async def test_what_its_user_may_not_read_fails_the_start_by_name(hive: RealSubject) -> None:
        tool = hive.root / "tool"
        tool.touch(0o700)
        hive.binds = (*hive.binds, Bind(tool, "/opt/tool"))
        with pytest.raises(Unavailable, match=f"cannot read {tool}: chmod"):
            await hive.runtime.start(hive.shell(A, "true"))
        assert await hive.runtime.running() == []

    async def test_this_hive_runs_from_below_a_closed_directory(hive: RealSubject) -> None:
        here = program.find(isolated=True)
        argv = (*here.argv[:-2], "-c", "import hive.config, os; print(os.getuid())")
        env = {"PATH": "/usr/bin", **here.env}
        binds = (*hive.binds, *here.binds)
        await hive.runtime.start(ContainerSpec(A, argv, env, binds, "/state", user=hive.user(A)))
        await hive.runtime.wait_exit(A)
        assert await hive.runtime.logs(A, 5) == [str(hive.user(A))]

    async def test_the_managers_git_may_look_into_what_is_the_daemons_and_into_nothing_else(
        hive: RealSubject,
    ) -> None:
        assert await _say(hive, "cat /etc/gitconfig", MANAGER) == SYSTEM.splitlines()
        assert "No such file" in (await _say(hive, "cat /etc/gitconfig"))[0]

    async def test_without_setpriv_python_does_it(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        (tmp_path / "busybox").touch(0o755)
        (tmp_path / "setpriv").symlink_to("busybox")
        words = users.become(FIRST_USER)
        assert "setpriv" not in words[0]
        assert _as_user(FIRST_USER, "/usr/bin/id", "-u").stdout.strip() == str(FIRST_USER)
        assert _as_user(FIRST_USER, "/usr/bin/id", "-G").stdout.strip() == str(FIRST_USER)

    def test_where_no_mount_namespace_can_be_made_it_says_so(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        nobodys = tmp_path / "place"
        nobodys.mkdir()
        os.chown(nobodys, 1, 1)
        monkeypatch.setattr(private_mounts, "PLACES", (nobodys,))
        with pytest.raises(Unavailable, match="cannot make a mount namespace"):
            PrivateMounts([]).seen([tmp_path])

    async def test_without_it_agents_share_the_daemons_user_and_doctor_says_why(
        hive: RealSubject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(private_mounts, "PLACES", ())
        found = {each.what: each for each in await hive.runtime.probe()}
        assert found["users"].is_ok
        assert "all of them the same user" in found["users"].detail
        assert hive.runtime.shares_user == found["users"].detail
        assert not hive.runtime._limiter.ways().get("tasks", "").startswith("rlimit")


async def test_who_the_daemon_is_decides_and_doctor_says_what_that_means(
    sandbox: RealSubject,
) -> None:
    found = {each.what: each for each in await sandbox.runtime.probe()}
    detail = found["users"].detail
    if IS_ROOT:
        assert detail == f"each agent is a user of its own, from {FIRST_USER} on"
    else:
        assert f"your user (uid {os.geteuid()})" in detail


async def test_a_container_of_an_older_hive_is_the_daemons_users(shared_user: RealSubject) -> None:
    spec = shared_user.shell(A, "exec sleep 100")
    await shared_user.runtime.start(attrs.evolve(spec, user=None))
    assert shared_user.another().user(A) == os.geteuid()
    assert proc.is_alive(shared_user.first(A))
