"""Jobs that wait behind a long one: what is asked, told, stopped, crashed or purged meanwhile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from hive.core import actions, proposals
from hive.core.build_queue import JobCancelled
from hive.core.rebuild import renewal
from hive.errors import Conflict
from hive.host.plain_meta import PlainMeta
from hive.host.repos import Repos
from hive.nursery import crash_watch
from hive.store.jobs import NewJob
from hive.wire import jobs
from hive.wire.approvals import APPROVED
from hive.wire.names import MANAGER, OPERATOR, SYSTEM, AgentName
from tests.fakes.manager_git import commit
from tests.fakes.running import Running, running
from tests.fakes.runtime import BuildScript, FakeHost
from tests.fakes.waiting import until

BOB, EVE = AgentName("bob"), AgentName("eve")


@asynccontextmanager
async def busy(daemon: Running) -> AsyncIterator[None]:
    """Keep the queue's worker at a long job during the block, and let it go on behind it."""
    daemon.runtime.builds[EVE] = BuildScript(takes_s=3600)
    ticket = await actions.spawn(daemon.hive, EVE)
    await until(lambda: any(order.name == EVE for order in daemon.runtime.built))
    yield
    await actions.cancel_job(daemon.hive, ticket.row.id)
    with pytest.raises(JobCancelled):
        await ticket.wait()


async def with_bob(daemon: Running) -> None:
    assert (await daemon.operator("spawn", name="bob"))["ok"]


async def is_up(daemon: Running) -> bool:
    return (await daemon.runtime.status(BOB)).is_running


async def told(daemon: Running, name: str) -> list[dict[str, Any]]:
    """Return every event of a kind about bob that the manager was told, oldest first."""
    rows = await daemon.hive.broker.recent(MANAGER, 200)
    events = [json.loads(row.body) for row in reversed(rows) if row.body.startswith("{")]
    return [each for each in events if (each["event"], each["agent"]) == (name, "bob")]


async def test_a_rebuild_that_starts_is_not_taken_for_one_that_does_not(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_bob(daemon)
        await (await actions.stop(daemon.hive, BOB)).wait()
        async with busy(daemon):
            await daemon.hive.queue.submit(renewal(BOB, SYSTEM))
            ticket = await actions.rebuild(daemon.hive, BOB)
        await ticket.wait()
        assert await is_up(daemon)


@pytest.mark.parametrize("verb", ["restart", "rebuild"])
async def test_a_stop_outlasts_what_was_asked_for_before_it(short_tmp: Path, verb: str) -> None:
    async with running(short_tmp) as daemon:
        await with_bob(daemon)
        async with busy(daemon):
            ticket = await getattr(actions, verb)(daemon.hive, BOB)
            await (await actions.stop(daemon.hive, BOB)).wait()
        if verb == "restart":
            with pytest.raises(JobCancelled):
                await ticket.wait()
        else:
            await ticket.wait()
        assert not await is_up(daemon)
        # What is asked for behind it counts.
        await (await getattr(actions, verb)(daemon.hive, BOB)).wait()
        assert await is_up(daemon)


async def test_the_manager_is_told_of_a_rebuild_that_was_cancelled_while_it_waited(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        await with_bob(daemon)
        async with busy(daemon):
            ticket = await actions.rebuild(daemon.hive, BOB, by=MANAGER)
            await actions.cancel_job(daemon.hive, ticket.row.id)
        assert await told(daemon, "rebuilt") == [
            {"event": "rebuilt", "agent": "bob", "ok": False, "note": "cancelled by operator"}
        ]


async def test_who_crashes_while_a_job_of_it_waits_is_started_by_the_sweep(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_watch, "SWEEP_S", 0.2)
    async with running(short_tmp) as daemon:
        daemon.runtime.cannot_await = True
        await with_bob(daemon)
        async with busy(daemon):
            await actions.restart(daemon.hive, BOB)
            daemon.runtime.crash(BOB, 5)
            await until(lambda: [spec.name for spec in daemon.runtime.started].count(BOB) == 2)
            assert len(await told(daemon, "container_crash")) == 1


async def test_nobody_stays_down_behind_the_builds_of_others(short_tmp: Path) -> None:
    host = FakeHost()
    async with running(short_tmp, host) as daemon:
        await with_bob(daemon)
        daemon.runtime.builds[EVE] = BuildScript(takes_s=3600)
        await actions.spawn(daemon.hive, EVE)
        await actions.rebuild(daemon.hive, BOB)
    host.containers.clear()
    again = running(short_tmp, host, builds={"eve": BuildScript(takes_s=3600)})
    async with again as daemon:
        await until(lambda: BOB in [spec.name for spec in daemon.runtime.started])
        waiting = [row.agent for row in daemon.hive.queue.rows() if row.state not in jobs.OVER]
        assert waiting == [EVE, BOB]


@pytest.mark.parametrize("is_destroyed", [False, True])
async def test_who_is_to_be_built_anew_is_so_whenever_the_daemon_ends(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, is_destroyed: bool
) -> None:
    update, committed = PlainMeta.update, trio.Event()

    async def newer(self: PlainMeta, lock: Any, *_: object) -> Any:
        del self
        return lock.on("newer"), (MANAGER, BOB)

    async def update_and_hang(self: PlainMeta, *words: Any) -> Any:
        await update(self, *words)
        committed.set()
        await trio.sleep_forever()

    host = FakeHost()
    with monkeypatch.context() as patch:
        patch.setattr(PlainMeta, "_update", newer)
        patch.setattr(PlainMeta, "update", update_and_hang)
        async with running(short_tmp, host) as daemon:
            await with_bob(daemon)
            parent = await actions.update_inputs(daemon.hive, ["hyperhive"])
            await committed.wait()
            if is_destroyed:
                await actions.destroy(daemon.hive, BOB, purge=False)
    async with running(short_tmp, host) as daemon:
        await until(lambda: all(row.state == jobs.DONE for row in daemon.hive.queue.rows()))
        children = [row for row in daemon.hive.queue.rows() if row.parent_id == parent.row.id]
    assert [row.agent for row in children] == ([MANAGER] if is_destroyed else [MANAGER, BOB])


async def test_what_was_asked_for_as_the_agent_was_destroyed_does_not_make_it_again(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await with_bob(daemon)
        sha = commit(hive.paths.agent_config(BOB), {"agent.toml": "# new\n"})
        asked = await proposals.request_apply_commit(hive, "bob", sha, None)
        async with busy(daemon):
            gone = await actions.destroy(hive, BOB, purge=False)
            # As if each had been on its way into the queue when it was looked at.
            deploy = NewJob(jobs.DEPLOY, BOB, OPERATOR, approval_id=asked.id)
            _, deployed = await hive.queue.decide(asked.id, APPROVED, job=deploy)
            rebuilt = await hive.queue.submit(NewJob(jobs.REBUILD, BOB, MANAGER))
            again = await actions.destroy(hive, BOB, purge=True)
        await gone.wait()
        await again.wait()
        assert deployed is not None
        assert (deployed.row.state, rebuilt.row.state) == (jobs.CANCELLED, jobs.CANCELLED)
        assert BOB not in hive.agents
        assert not hive.paths.agent_root(BOB).exists()
        assert [each["status"] for each in await told(daemon, "approval_resolved")] == ["failed"]
        assert len(await told(daemon, "destroyed")) == 1


async def test_what_is_being_purged_is_not_made_meanwhile(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove, begun, through = Repos.remove, trio.Event(), trio.Event()

    async def slow(self: Repos, name: AgentName) -> None:
        begun.set()
        await through.wait()
        await remove(self, name)

    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await with_bob(daemon)
        await (await actions.destroy(hive, BOB, purge=False)).wait()
        monkeypatch.setattr(Repos, "remove", slow)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(actions.purge_tombstone, hive, BOB)
            await begun.wait()
            for asked in (
                actions.spawn(hive, BOB),
                actions.purge_tombstone(hive, BOB),
                actions.revive(hive, BOB),
                actions.request_spawn(hive, BOB, None),
                actions.request_apply_commit(hive, BOB, "0" * 40, None),
                proposals.request_init_config(hive, BOB, None),
            ):
                with pytest.raises(Conflict):
                    await asked
            through.set()
        assert not hive.paths.agent_root(BOB).exists()
        assert hive.transients.get(BOB) is None
        await with_bob(daemon)
        assert await is_up(daemon)


async def test_nobody_inherits_what_was_said_of_another_of_that_name(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        hive.view.set_trouble(BOB, "it was not rebuilt")
        await hive.view.rescan()
        await hive.agents.add(BOB)
        await hive.view.rescan()
        row = hive.view.row(BOB)
        assert row is not None
        assert row.note is None


async def test_a_scope_with_somebody_who_is_not_there_does_nothing(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_bob(daemon)
        reply = await daemon.operator("stop", scope={"agent_names": ["bob", "nobody"]})
        assert reply["code"] == "not_found"
        assert daemon.hive.agents.is_wanted(BOB)
        assert (await daemon.operator("stop", scope={"agent_names": ["bob", "bob"]}))["ok"]
        assert not await is_up(daemon)
