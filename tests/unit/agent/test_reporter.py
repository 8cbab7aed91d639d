"""The reporter: the daemon hears of each change, and again after it was away."""

from __future__ import annotations

from pathlib import Path

import trio

from hive.agent import reporter
from hive.wire import live
from hive.wire.agent import ReportState
from tests.fakes import harness as fake
from tests.fakes.harness import until


async def test_changes_are_reported_and_repeated_now_and_then(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    reports = rig.hive.requests
    async with trio.open_nursery() as nursery:
        await nursery.start(reporter.run, rig.harness.page_client, rig.harness.state)
        await until(lambda: len(reports) == 1, 1)
        rig.harness.state.set_turn_state(live.THINKING)
        await until(lambda: len(reports) == 2, 1)
        rig.harness.state.set_trouble("ill")
        await until(lambda: len(reports) == 3, 1)
        await trio.sleep(65)
        nursery.cancel_scope.cancel()
    begun = rig.harness.state.phase_since
    assert reports[0] == ReportState("online", "idle", "haiku", phase="starting", since=begun)
    assert reports[1].turn_state == "thinking"
    assert reports[2].note == "ill"
    assert len(reports) == 5


async def test_a_daemon_that_comes_back_hears_of_it_soon(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.hive.is_away = True
    async with trio.open_nursery() as nursery:
        await nursery.start(reporter.run, rig.harness.page_client, rig.harness.state)
        await trio.sleep(100)
        rig.hive.is_away = False
        await until(lambda: rig.hive.requests, 3)
        nursery.cancel_scope.cancel()


async def test_a_call_that_finds_the_daemon_gone_has_everything_told_again(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    lost, calls = trio.Event(), []

    async def wait_lost() -> None:
        calls.append(None)
        if len(calls) > 1:
            await trio.sleep_forever()
        await lost.wait()

    async with trio.open_nursery() as nursery:
        client, state = rig.harness.page_client, rig.harness.state
        await nursery.start(reporter.run, client, state, wait_lost)
        await until(lambda: len(rig.hive.requests) == 1, 1)
        began = trio.current_time()
        lost.set()
        await until(lambda: len(rig.hive.requests) == 2, 1)
        assert trio.current_time() - began < 1
        nursery.cancel_scope.cancel()
