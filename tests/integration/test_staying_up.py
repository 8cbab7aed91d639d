"""Who is to run runs: ends nobody saw, starts that fail, jobs that fail beside others."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from hive.core import lifecycle
from hive.core.hive import Hive
from hive.errors import Unavailable
from hive.nursery import crash_watch, on_host
from hive.nursery.crash_watch import Crash, bring_back
from hive.wire.names import MANAGER, AgentName
from tests.fakes.running import Running, running
from tests.fakes.runtime import FakeHost, Script
from tests.fakes.waiting import until

ALICE = AgentName("alice")


def starts(daemon: Running, name: AgentName) -> int:
    return [spec.name for spec in daemon.runtime.started].count(name)


@contextmanager
def read_only(hive: Hive) -> Iterator[None]:
    """Let every transaction fail, as on a disk without room or one that turned read-only."""
    connection = hive.agents._store._database._writer._connection
    connection.execute("PRAGMA query_only = ON")
    try:
        yield
    finally:
        connection.execute("PRAGMA query_only = OFF")


async def is_up(daemon: Running, name: AgentName) -> bool:
    return (await daemon.runtime.status(name)).is_running


async def test_an_agent_that_ends_before_it_was_seen_running_is_started_again(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        daemon.runtime.scripts[ALICE] = Script(exits=3)
        assert (await daemon.operator("restart", name="alice"))["ok"]
        await until(lambda: "it ended with 3" in (_note(daemon, ALICE) or ""))
        assert _row(daemon, ALICE).failed
        del daemon.runtime.scripts[ALICE]
        await until(lambda: starts(daemon, ALICE) == 3)
        assert await is_up(daemon, ALICE)
        await until(lambda: _note(daemon, ALICE) is None)


async def test_an_agent_that_cannot_be_started_with_the_daemon_is_tried_again(
    short_tmp: Path,
) -> None:
    host = FakeHost()
    async with running(short_tmp, host) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        await daemon.runtime.stop(ALICE, grace_s=0)
    async with running(short_tmp, host, fails={"alice": "no room"}) as daemon:
        await until(lambda: "no room" in (_note(daemon, ALICE) or ""))
        daemon.runtime.scripts.clear()
        await until(lambda: starts(daemon, ALICE) == 2)
        await until(lambda: _note(daemon, ALICE) is None)
        assert await is_up(daemon, ALICE)


async def test_a_job_that_fails_in_an_unforeseen_way_does_not_cancel_the_others(
    short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(short_tmp) as daemon:
        go_on = trio.Event()
        ended: list[str] = []

        async def patient() -> None:
            await go_on.wait()
            ended.append("patient")

        async def broken() -> None:
            raise ZeroDivisionError

        slow = daemon.hive.jobs.submit("slow", patient)
        with caplog.at_level(logging.CRITICAL), pytest.raises(Unavailable, match="broken"):
            await daemon.hive.jobs.submit("broken", broken).wait()
        await trio.testing.wait_all_tasks_blocked()
        go_on.set()
        await slow.wait()
        assert ended == ["patient"]
        assert {row.state for row in daemon.hive.tasks()} == {"running"}


async def test_an_agent_whose_restart_broke_off_half_way_is_started_again(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        start = daemon.runtime.start
        has_failed = False

        async def fails_once(spec: Any) -> None:
            nonlocal has_failed
            if not has_failed:
                has_failed = True
                raise ZeroDivisionError
            await start(spec)

        monkeypatch.setattr(daemon.runtime, "start", fails_once)
        assert not (await daemon.operator("restart", name="alice"))["ok"]
        await until(lambda: starts(daemon, ALICE) == 2)
        assert await is_up(daemon, ALICE)


async def test_an_agent_stopped_while_its_start_was_waiting_stays_stopped(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        assert (await daemon.operator("kill", name="alice"))["ok"]
        await bring_back(daemon.hive, {}, ALICE).wait()
        assert not await is_up(daemon, ALICE)


def test_the_manager_does_not_pay_a_turn_for_every_crash_of_a_storm() -> None:
    told = [count for count in range(1, 100) if Crash(count, 0).is_told()]
    assert told == [1, 2, 4, 8, 16, 32, 64]


async def test_one_container_that_does_not_end_does_not_keep_the_others_running(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        stop = daemon.runtime.stop

        async def refuses(name: AgentName, *, grace_s: float) -> None:
            if name == ALICE:
                raise Unavailable("some processes of alice do not end")
            await trio.sleep(0.01)
            await stop(name, grace_s=grace_s)

        monkeypatch.setattr(daemon.runtime, "stop", refuses)
        await on_host.stop_containers(daemon.hive)
        assert not await is_up(daemon, MANAGER)
        monkeypatch.undo()
    assert "alice was not stopped" in caplog.text


async def test_the_manager_is_told_of_the_first_crash(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        daemon.runtime.scripts[ALICE] = Script(exits=9)
        assert (await daemon.operator("restart", name="alice"))["ok"]
        events = []
        with trio.fail_after(5):
            while not any(event["event"] == "container_crash" for event in events):
                reply = await daemon.agent("manager", "recv", wait_seconds=5, max=9)
                events += [json.loads(each["body"]) for each in reply["messages"]]
    assert events[-1] == {
        "event": "container_crash",
        "agent": "alice",
        "note": "it ended with 9; it is started again",
    }


async def test_a_crash_is_told_the_moment_it_happens_and_once(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_watch, "SWEEP_S", 3600.0)
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        await trio.testing.wait_all_tasks_blocked(0.1)
        daemon.runtime.crash(ALICE, 5)
        with trio.fail_after(5):
            while await crashes_told(daemon) == 0:  # noqa: ASYNC110 - a row of a table
                await trio.sleep(0.005)
        for _ in range(3):
            daemon.hive.view.poke()
            await trio.sleep(2 * crash_watch.SETTLE_S)
        assert await crashes_told(daemon) == 1
        await until(lambda: starts(daemon, ALICE) == 2)


@pytest.mark.parametrize("verb", ["kill", "restart", "destroy"])
async def test_an_end_that_the_operator_caused_is_no_crash(short_tmp: Path, verb: str) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        await trio.testing.wait_all_tasks_blocked(0.1)
        assert (await daemon.operator(verb, name="alice"))["ok"]
        for _ in range(3):
            daemon.hive.view.poke()
            await trio.sleep(2 * crash_watch.SETTLE_S)
        assert await crashes_told(daemon) == 0


async def test_a_second_crash_is_awaited_like_the_first(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_watch, "SWEEP_S", 3600.0)
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        for count in (1, 2):
            await trio.testing.wait_all_tasks_blocked(0.1)
            daemon.runtime.crash(ALICE, 5)
            await until(lambda count=count: starts(daemon, ALICE) == count + 1)  # type: ignore[misc]
        assert await crashes_told(daemon) == 2


async def test_an_end_that_cannot_be_awaited_is_found_by_the_sweep(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_watch, "SWEEP_S", 0.2)
    async with running(short_tmp) as daemon:
        daemon.runtime.cannot_await = True
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        await until(lambda: "cannot be awaited" in (_note(daemon, ALICE) or ""))
        daemon.runtime.crash(ALICE, 5)
        await until(lambda: starts(daemon, ALICE) == 2)
        assert await crashes_told(daemon) == 1


async def crashes_told(daemon: Running) -> int:
    """How many crashes wait in the manager's inbox or were taken from it."""
    reply = await daemon.agent("manager", "recent", limit=50)
    return sum("container_crash" in row["body"] for row in reply["rows"])


def _row(daemon: Running, name: AgentName) -> Any:
    return daemon.hive.view.row(name)


def _note(daemon: Running, name: AgentName) -> str | None:
    row = _row(daemon, name)
    return None if row is None else row.note


async def test_who_fills_the_disk_is_stopped_though_nothing_can_be_written_down(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="bob"))["ok"]
        bob = AgentName("bob")
        with (
            read_only(daemon.hive),
            pytest.raises(Unavailable, match=r"broker.sqlite cannot be written"),
        ):
            await lifecycle.stop(daemon.hive, bob, at_once=True)
        assert not await is_up(daemon, bob)
