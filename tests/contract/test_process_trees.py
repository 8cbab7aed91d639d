"""What the runtimes that start processes promise about all that a container started."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import trio

from hive.errors import Conflict, ProgramFailed
from hive.host import proc
from hive.host.records import LOG_BYTES
from hive.host.runtime import Bind
from hive.wire.names import AgentName
from tests.contract.container_subjects import RealSubject

A = AgentName("a")
PATIENCE_S = 20


@attrs.frozen
class Sleepers:
    """Processes that can be told from those of every other test."""

    seconds: int

    @property
    def one(self) -> str:
        """A command that is one of them."""
        return f"sleep {self.seconds}"

    @property
    def away(self) -> str:
        """A command that leaves two in another session, without a parent, and returns."""
        return f"(setsid sh -c '{self.one} & {self.one}' &)"

    def living(self) -> list[int]:
        """Return the numbers of those that live."""
        words = f"sleep\0{self.seconds}\0".encode()
        return [pid for pid in proc.pids() if proc.words(pid) == words]

    async def wait(self, count: int) -> None:
        """Wait until that many live."""
        with trio.fail_after(PATIENCE_S):
            while len(self.living()) != count:  # noqa: ASYNC110 - they are other processes
                await trio.sleep(0.005)


_numbers = itertools.count(os.getpid() * 1000)


@pytest.fixture
def sleepers() -> Iterator[Sleepers]:
    """Sleepers of one test, ended whatever became of it."""
    made = Sleepers(next(_numbers))
    yield made
    for pid in made.living():
        os.kill(pid, signal.SIGKILL)


async def test_stopping_ends_what_moved_away(real: RealSubject, sleepers: Sleepers) -> None:
    await real.runtime.start(real.shell(A, f"{sleepers.away}; exec sleep 1000"))
    await sleepers.wait(2)
    await real.runtime.stop(A, grace_s=PATIENCE_S)
    assert sleepers.living() == []


async def test_what_a_crashed_command_left_is_ended_by_whoever_waits(
    real: RealSubject, sleepers: Sleepers
) -> None:
    await real.runtime.start(real.shell(A, f"{sleepers.away}; exec sleep 1000"))
    await sleepers.wait(2)
    real.crash(A)
    with trio.fail_after(PATIENCE_S):
        assert not (await real.another().wait_exit(A)).is_running
    assert sleepers.living() == []


async def test_what_a_crashed_command_left_is_ended_by_whoever_looks(
    real: RealSubject, sleepers: Sleepers
) -> None:
    await real.runtime.start(real.shell(A, f"{sleepers.away}; exec sleep 1000"))
    await sleepers.wait(2)
    real.crash(A)
    with trio.fail_after(PATIENCE_S):
        while await real.runtime.running():  # noqa: ASYNC110
            await trio.sleep(0.005)
    assert sleepers.living() == []


async def test_it_is_ended_whole_after_the_daemon_was_killed(
    real: RealSubject, sleepers: Sleepers
) -> None:
    runtime = await real.start_and_die(real.shell(A, f"{sleepers.away}; exec sleep 1000"))
    await sleepers.wait(2)
    await runtime.stop(A, grace_s=PATIENCE_S)
    assert sleepers.living() == []


async def test_processes_that_keep_forking_are_ended(real: RealSubject, sleepers: Sleepers) -> None:
    forker = f"f() {{ {sleepers.one} & (f &) ; sleep 0.001; }}; while :; do f; sleep 0.02; done"
    await real.runtime.start(real.shell(A, f"ulimit -u 4096; timeout 5 sh -c '{forker}'"))
    with trio.fail_after(PATIENCE_S):
        while len(sleepers.living()) < 20:  # noqa: ASYNC110
            await trio.sleep(0.005)
        await real.runtime.stop(A, grace_s=0)
    assert sleepers.living() == []


def _zombies() -> list[int]:
    return [pid for pid in proc.children(os.getpid()) if not proc.is_alive(pid)]


async def test_no_zombie_stays(real: RealSubject) -> None:
    before = _zombies()
    for code in range(3):
        await real.runtime.start(real.shell(A, f"exit {code}"))
        await real.runtime.wait_exit(A)
    await real.runtime.start(real.shell(A, "exec sleep 1000"))
    await real.runtime.stop(A, grace_s=0)
    with trio.fail_after(PATIENCE_S):
        while _zombies() != before:
            await trio.sleep(0.005)
            await real.runtime.status(A)


async def test_the_command_gets_no_descriptor_but_its_three(real: RealSubject) -> None:
    ours, theirs = os.pipe()
    os.set_inheritable(ours, True)
    try:
        await real.runtime.start(real.shell(A, "ls /proc/$$/fd; readlink /proc/$$/fd/0"))
        await real.runtime.wait_exit(A)
    finally:
        os.close(ours)
        os.close(theirs)
    lines = await real.runtime.logs(A, 20)
    # A shell may keep a copy of its own above 9.
    assert [line for line in lines if line.startswith("/") or int(line) < 10] == [
        "0",
        "1",
        "2",
        "/dev/null",
    ]


async def test_the_command_leads_a_session_of_its_own_or_its_monitor_does(
    real: RealSubject,
) -> None:
    await real.runtime.start(real.shell(A, "exec sleep 1000"))
    assert os.getsid(real.first(A)) != os.getsid(0)


async def test_a_working_directory_that_is_missing_fails_the_start(real: RealSubject) -> None:
    spec = attrs.evolve(real.shell(A, "exec sleep 1000"), cwd="/no/such/directory")
    with pytest.raises(ProgramFailed, match="/no/such/directory"):
        await real.runtime.start(spec)
    assert await real.runtime.running() == []


@pytest.fixture
def taking_signals() -> Iterator[None]:
    """As a daemon is that nobody started in the background of a script."""
    numbers = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_DFL) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


async def test_signals_that_the_daemon_ignores_are_not_ignored_inside(
    real: RealSubject, taking_signals: None
) -> None:
    await real.runtime.start(real.shell(A, "grep SigIgn /proc/self/status"))
    await real.runtime.wait_exit(A)
    assert await real.runtime.logs(A, 1) == ["SigIgn:\t0000000000000000"]


async def test_a_monitor_that_was_killed_does_not_hide_the_container(
    real: RealSubject, sleepers: Sleepers
) -> None:
    await real.runtime.start(real.shell(A, f"{sleepers.away}; exec sleep 1000"))
    await sleepers.wait(2)
    monitors = proc.holders(real.record(A).status) or [_anchor(real)]
    for pid in monitors:
        os.kill(pid, signal.SIGKILL)
    await trio.sleep(0.05)
    await real.runtime.stop(A, grace_s=1)
    assert not (await real.runtime.status(A)).is_running
    assert sleepers.living() == []
    await real.runtime.start(real.shell(A, "exec sleep 1000"))


def _anchor(real: RealSubject) -> int:
    anchor = real.record(A).told().anchor
    assert anchor is not None
    return anchor


async def test_a_command_ended_by_a_signal_tells_it_as_a_shell_would(real: RealSubject) -> None:
    await real.runtime.start(real.shell(A, "kill -SEGV $$"))
    assert (await real.runtime.wait_exit(A)).exit_code == 128 + signal.SIGSEGV


async def test_a_long_log_is_moved_aside_and_one_part_kept(real: RealSubject) -> None:
    log, size = real.record(A).log, LOG_BYTES + 1
    await real.runtime.start(real.shell(A, f"yes line | head -c {size}; echo; echo last"))
    with trio.fail_after(PATIENCE_S):
        await real.runtime.wait_exit(A)
    await real.runtime.start(real.shell(A, "echo after; exec sleep 1000"))
    with trio.fail_after(PATIENCE_S):
        while (await real.runtime.logs(A, 1)) != ["after"]:  # noqa: ASYNC110
            await trio.sleep(0.005)
    await real.runtime.status(A)
    assert log.stat().st_size < size
    assert log.with_name("log.1").stat().st_size <= LOG_BYTES
    assert (await real.runtime.logs(A, 2)) == ["last", "after"]


async def test_records_are_for_the_daemons_user_only(real: RealSubject) -> None:
    await real.runtime.start(real.shell(A, "exec sleep 1000"))
    folder = real.record(A).directory
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o777 == 0o700


async def test_a_record_of_another_boot_is_of_nothing_that_runs(real: RealSubject) -> None:
    await real.runtime.start(real.shell(A, "exec sleep 1000"))
    await real.runtime.stop(A, grace_s=0)
    record = real.record(A)
    run = record.run()
    assert run is not None
    record.begin(attrs.evolve(run, boot_id="another"))
    record.status.write_text(f'{{ "child-pid": {os.getpid()}, "pid-namespace": 1 }}\n')
    assert await real.runtime.running() == []
    await real.runtime.stop(A, grace_s=0)
    await real.runtime.start(real.shell(A, "exec sleep 1000"))


async def test_a_record_torn_by_a_power_cut_does_not_stop_a_start(real: RealSubject) -> None:
    await real.runtime.start(real.shell(A, "exit 0"))
    await real.runtime.wait_exit(A)
    folder = real.record(A).directory
    (folder / "run.json").write_bytes(b"")
    (folder / "status").write_bytes(b'{ "child-pid": 12')
    assert await real.runtime.running() == []
    await real.runtime.start(real.shell(A, "exec sleep 1000"))
    assert len(await real.runtime.running()) == 1


async def test_stopping_while_it_starts_ends_it(real: RealSubject, sleepers: Sleepers) -> None:
    async def start() -> None:
        try:
            await real.runtime.start(real.shell(A, f"exec {sleepers.one}"))
        except ProgramFailed:
            return

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(start)
            await trio.lowlevel.checkpoint()
            await real.another().stop(A, grace_s=1)
    await real.runtime.stop(A, grace_s=0)
    assert sleepers.living() == []


@pytest.mark.parametrize("after_ms", [0, 1, 2, 3, 4, 6, 8, 12])
async def test_killed_at_any_point_of_a_start_there_is_one_copy_or_none(
    real: RealSubject, sleepers: Sleepers, after_ms: int
) -> None:
    spec = real.shell(A, f"exec {sleepers.one}")
    with real.daemon(spec) as daemon:
        assert daemon.stdout is not None
        await trio.to_thread.run_sync(daemon.stdout.readline)
        await trio.sleep(after_ms / 1000)
        daemon.kill()
    runtime = real.another()
    with trio.fail_after(PATIENCE_S):
        try:
            await runtime.start(spec)
        except Conflict:
            assert len(await runtime.running()) == 1
        await sleepers.wait(1)
        await runtime.stop(A, grace_s=1)
    assert sleepers.living() == []


async def test_a_container_of_the_other_kind_is_found_and_ended(
    short_tmp: Path, sleepers: Sleepers
) -> None:
    sandboxes, plain = (RealSubject(kind, short_tmp) for kind in ("bubblewrap", "process"))
    for before, after in ((sandboxes, plain), (plain, sandboxes)):
        await before.runtime.start(before.shell(A, f"exec {sleepers.one}"))
        assert len(await after.runtime.running()) == 1
        with pytest.raises(Conflict):
            await after.runtime.start(after.shell(A, f"exec {sleepers.one}"))
        await after.runtime.stop(A, grace_s=PATIENCE_S)
        assert sleepers.living() == []


async def test_a_stranger_with_the_same_number_is_left_alone(
    real: RealSubject, sleepers: Sleepers
) -> None:
    await real.runtime.start(real.shell(A, "exec sleep 1000"))
    await real.runtime.stop(A, grace_s=0)
    record = real.record(A)
    run = record.run()
    assert run is not None
    with subprocess.Popen(["sleep", str(sleepers.seconds)]) as stranger:  # noqa: ASYNC220
        record.begin(run)
        record.status.write_text(f'{{ "child-pid": {stranger.pid}, "pid-namespace": 1 }}\n')
        assert await real.runtime.running() == []
        await real.runtime.stop(A, grace_s=0)
        assert stranger.poll() is None
        stranger.kill()


async def test_a_bind_that_nests_in_another_is_seen(sandbox: RealSubject) -> None:
    outer, inner = sandbox.root / "outer", sandbox.root / "inner"
    for folder in (outer / "in", inner):
        folder.mkdir(parents=True)
    (inner / "file").write_text("nested\n")
    sandbox.binds = (Bind(inner, "/data/in"), Bind(outer, "/data"))
    await sandbox.runtime.start(sandbox.shell(A, "cat /data/in/file"))
    await sandbox.runtime.wait_exit(A)
    assert await sandbox.runtime.logs(A, 5) == ["nested"]


async def test_who_waits_too_long_for_an_end_leaves_the_next_run_alone(
    real: RealSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, has_waited, go_on = real.another(), trio.Event(), trio.Event()

    async def slowly(record: object) -> None:
        del record
        has_waited.set()
        await go_on.wait()

    monkeypatch.setattr(late, "_wait_told", slowly)
    await real.runtime.start(real.shell(A, "exec sleep 1000"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(late.wait_exit, A)
        await trio.sleep(0.05)
        await real.runtime.stop(A, grace_s=1)
        with trio.fail_after(PATIENCE_S):
            await has_waited.wait()
        await real.runtime.start(real.shell(A, "exec sleep 1000"))
        go_on.set()
        await trio.sleep(0.1)
        assert (await real.runtime.status(A)).is_running
        nursery.cancel_scope.cancel()
