"""What else may be going on while something is deployed, and what may be missing then."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import trio

from hive.core import actions, lifecycle, proposals, recovery
from hive.errors import Conflict, HiveError, Unavailable
from hive.host.plain_meta import PlainMeta
from hive.host.repos import Repos
from hive.store.jobs import JobStore, NewJob
from hive.store.reminders import ATTEMPTS_MAX
from hive.wire import approvals, jobs
from hive.wire.approvals import Approval
from hive.wire.names import MANAGER, OPERATOR, AgentName
from tests.fakes.manager_git import commit
from tests.fakes.running import Running, running
from tests.fakes.runtime import BuildScript, FakeHost, FakeRuntime, Script
from tests.fakes.waiting import until

BOB = AgentName("bob")


async def proposed(daemon: Running, text: str = 'description = "new"\n') -> Approval:
    """Commit something to bob's proposed repository, and ask for it."""
    folder = daemon.hive.paths.agent_config(BOB)
    sha = commit(folder, {"agent.toml": text})
    return await proposals.request_apply_commit(daemon.hive, "bob", sha, None)


async def told(daemon: Running, name: str) -> list[dict[str, Any]]:
    """Return every event of a kind that the manager was told, oldest first."""
    rows = await daemon.hive.broker.recent(MANAGER, 200)
    events = [json.loads(row.body) for row in reversed(rows) if row.body.startswith("{")]
    return [each for each in events if each["event"] == name]


async def status(daemon: Running, number: int) -> str:
    return (await daemon.hive.approvals.get(number)).status


def fails(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, when: Any = None) -> None:
    """Let a method fail for as long as the test has not undone it."""
    real = getattr(owner, name)

    async def failing(self: Any, *words: Any, **more: Any) -> Any:
        if when is None or when(*words):
            raise Unavailable("no space left on the disk: free some, then try again")
        return await real(self, *words, **more)

    monkeypatch.setattr(owner, name, failing)


@pytest.mark.parametrize("kind", ["deploy", "rebuild", "restart", "destroy"])
async def test_what_is_done_to_the_agent_at_the_moment_is_waited_for(
    short_tmp: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "GRACE_S", 0.2)
    async with running(short_tmp) as daemon:
        await (await actions.spawn(daemon.hive, "bob")).wait()
        waiting = await proposed(daemon)
        daemon.runtime.host.containers[BOB].script = Script(ignores_term=True)
        await actions.stop(daemon.hive, "bob")
        await until(lambda: daemon.hive.transients.get(BOB) is not None)
        if kind == "deploy":
            ticket = await actions.approve(daemon.hive, waiting.id)
        elif kind == "destroy":
            ticket = await actions.destroy(daemon.hive, "bob", purge=False)
        else:
            ticket = await getattr(actions, kind)(daemon.hive, "bob")
        with trio.fail_after(15):
            assert (await ticket.wait()).state == jobs.DONE


async def test_a_revived_agent_that_does_not_start_can_be_revived_again(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await (await actions.spawn(daemon.hive, "bob")).wait()
        good = await proposed(daemon)
        await (await actions.approve(daemon.hive, good.id)).wait()
        await (await actions.destroy(daemon.hive, "bob", purge=False)).wait()
        daemon.runtime.scripts[BOB] = Script(fails="no such file")
        first = await actions.revive(daemon.hive, "bob")
        with pytest.raises(HiveError):
            await (await actions.approve(daemon.hive, first.id)).wait()
        assert await daemon.hive.repos.main(BOB) == good.fetched_sha
        del daemon.runtime.scripts[BOB]
        again = await actions.revive(daemon.hive, "bob")
        assert again.fetched_sha == good.fetched_sha
        await (await actions.approve(daemon.hive, again.id)).wait()
        assert daemon.hive.agents.get(BOB).deployed_sha == good.fetched_sha
        kicks = [row.body for row in await daemon.hive.broker.recent("bob", 50)]
        assert kicks[0].startswith("You were revived.")


async def test_who_is_revived_gets_the_reminders_that_nobody_could_be_given(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        await hive.reminders.remind(BOB, "water", delay_seconds=9000)
        await (await actions.destroy(hive, "bob", purge=False)).wait()
        for _ in range(ATTEMPTS_MAX):
            assert await hive.reminders.run_due(hive.clock() + 9999) == 0
        asked = await actions.revive(hive, "bob")
        await (await actions.approve(hive, asked.id)).wait()
        assert await hive.reminders.run_due(hive.clock() + 9999) == 1


async def test_an_agent_whose_proposed_repository_is_gone_is_revived(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await (await actions.spawn(daemon.hive, "bob")).wait()
        sha = daemon.hive.agents.get(BOB).deployed_sha
        await (await actions.destroy(daemon.hive, "bob", purge=False)).wait()
        shutil.rmtree(daemon.hive.paths.agent_config(BOB))
        asked = await actions.revive(daemon.hive, "bob")
        await (await actions.approve(daemon.hive, asked.id)).wait()
        assert daemon.hive.agents.get(BOB).deployed_sha == sha


async def test_what_is_being_made_is_not_purged(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        daemon.runtime.builds[BOB] = BuildScript(takes_s=0.3)
        ticket = await actions.spawn(daemon.hive, "bob")
        await until(lambda: bool(daemon.runtime.built) and daemon.runtime.built[-1].name == BOB)
        with pytest.raises(Conflict, match="job"):
            await actions.purge_tombstone(daemon.hive, "bob")
        await ticket.wait()


async def test_a_job_cancelled_before_it_began_tells_the_manager(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        asked = await proposals.request_init_config(hive, "bob", None)
        # As a daemon leaves it that ended between the click and the end of the job.
        with monkeypatch.context() as patch:
            patch.setattr(JobStore, "cancelled_by", _by_operator)
            with pytest.raises(HiveError):
                await (await actions.approve(hive, asked.id)).wait()
        assert await status(daemon, asked.id) == approvals.FAILED
        assert [each["id"] for each in await told(daemon, "approval_resolved")] == [asked.id]


async def _by_operator(*_: object) -> str:
    return OPERATOR


async def test_a_destroy_is_over_though_the_meta_repository_cannot_be_used(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as daemon:
        await (await actions.spawn(daemon.hive, "bob")).wait()
        with monkeypatch.context() as patch:
            fails(patch, PlainMeta, "sync")
            row = await (await actions.destroy(daemon.hive, "bob", purge=True)).wait()
        assert row.state == jobs.DONE
        assert "meta" in (row.note or "")
        assert not daemon.hive.paths.agent_root(BOB).exists()
        assert [each["agent"] for each in await told(daemon, "destroyed")] == ["bob"]


async def test_a_failure_that_cannot_be_tagged_is_told_and_never_shipped(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        before = hive.agents.get(BOB).deployed_sha
        asked = await proposed(daemon)
        daemon.runtime.builds[BOB] = BuildScript(fails="no space")
        with monkeypatch.context() as patch:
            fails(patch, Repos, "mark", lambda *words: "failed" in words)
            with pytest.raises(HiveError):
                await (await actions.approve(hive, asked.id)).wait()
        assert await status(daemon, asked.id) == approvals.FAILED
        assert [each["id"] for each in await told(daemon, "approval_resolved")] == [asked.id]
        del daemon.runtime.builds[BOB]
        await (await actions.rebuild(hive, "bob")).wait()
        assert hive.agents.get(BOB).deployed_sha == before
        assert await hive.repos.main(BOB) == before
    async with running(short_tmp) as again:
        states = await again.hive.repos.states(BOB, asked.id)
        assert "failed" in states
        assert "deployed" not in states


@pytest.mark.parametrize("is_rebuilt", [True, False])
async def test_a_deploy_is_one_though_the_meta_repository_cannot_be_used(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, is_rebuilt: bool
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        asked = await proposed(daemon)
        with monkeypatch.context() as patch:
            fails(patch, PlainMeta, "finalize")
            row = await (await actions.approve(hive, asked.id)).wait()
        assert row.state == jobs.DONE
        assert "no space" in (row.note or "")
        assert await status(daemon, asked.id) == approvals.APPROVED
        assert hive.agents.get(BOB).deployed_sha == asked.fetched_sha
        (resolved,) = await told(daemon, "approval_resolved")
        assert resolved["status"] == approvals.APPROVED
        if is_rebuilt:
            await (await actions.rebuild(hive, "bob")).wait()
            assert (await hive.meta.locked())[BOB] == (asked.fetched_sha, f"deployed/{asked.id}")
    async with running(short_tmp) as again:
        # Its containers are gone, as after a reboot.
        locked = await again.hive.meta.locked()
        assert locked[BOB] == (asked.fetched_sha, f"deployed/{asked.id}")


@pytest.mark.parametrize("is_built", [True, False])
async def test_a_deploy_that_was_tagged_is_one_after_the_machine_came_back(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, is_built: bool
) -> None:
    host = FakeHost()
    reached = trio.Event()

    async def hangs(*_: Any) -> None:
        reached.set()
        await trio.sleep_forever()

    async with running(short_tmp, host) as daemon:
        await (await actions.spawn(daemon.hive, "bob")).wait()
        asked = await proposed(daemon)
        monkeypatch.setattr(PlainMeta, "finalize", hangs)
        await actions.approve(daemon.hive, asked.id)
        await reached.wait()
    monkeypatch.undo()
    host.containers.clear()
    if not is_built:
        fails(monkeypatch, FakeRuntime, "build", lambda order, _: order.name == BOB)
    async with running(short_tmp, host) as again:
        hive = again.hive
        await until(lambda: hive.queue.rows()[-1].state == jobs.DONE)
        assert await status(again, asked.id) == approvals.APPROVED
        assert hive.agents.get(BOB).deployed_sha == asked.fetched_sha
        assert [each["status"] for each in await told(again, "approval_resolved")] == ["approved"]
        await hive.view.rescan()
        (row,) = [row for row in hive.view.rows() if row.name == BOB]
        assert row.needs_update == (not is_built)
        if is_built:
            assert row.running
            assert await told(again, "container_crash") == []


async def test_a_deploy_whose_repository_is_gone_ends_and_is_told(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        asked = await proposed(daemon)
        daemon.runtime.builds[AgentName("eve")] = BuildScript(takes_s=0.3)
        await actions.spawn(hive, "eve")
        ticket = await actions.approve(hive, asked.id)
        shutil.rmtree(hive.paths.applied(BOB))
        with pytest.raises(HiveError):
            await ticket.wait()
        assert await status(daemon, asked.id) == approvals.FAILED
        assert [each["id"] for each in await told(daemon, "approval_resolved")] == [asked.id]
        assert [each["ok"] for each in await told(daemon, "rebuilt")] == [False]


async def test_what_is_about_to_be_destroyed_is_not_deployed(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        asked = await proposed(daemon)
        daemon.runtime.builds[AgentName("eve")] = BuildScript(takes_s=0.3)
        await actions.spawn(hive, "eve")
        gone = await actions.destroy(hive, "bob", purge=False)
        with pytest.raises(Conflict, match="destroyed"):
            await actions.approve(hive, asked.id)
        await gone.wait()
        assert await status(daemon, asked.id) == approvals.FAILED
        assert BOB not in hive.agents


async def test_update_all_and_the_manager_let_a_stopped_agent_stay_stopped(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        await (await actions.stop(hive, "bob")).wait()
        from hive.store.agents import Deployed

        record = hive.agents.get(BOB)
        await hive.agents.set_deployed(
            Deployed(BOB, record.deployed_sha, record.deployed_tag, None, record.config, "old")
        )
        await hive.view.rescan()
        (ticket,) = await actions.update_all(hive)
        await ticket.wait()
        assert not hive.agents.is_wanted(BOB)
        assert not (await daemon.runtime.status(BOB)).is_running
        await hive.view.rescan()
        assert not any(row.needs_update for row in hive.view.rows())


async def test_a_commit_that_was_pinned_and_not_noted_gets_its_end(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        with monkeypatch.context() as patch:
            fails(patch, type(hive.approvals), "set_fetched")
            with pytest.raises(Unavailable):
                await proposed(daemon)
        (number,) = [row.id for row in await hive.approvals.history(9) if row.agent == "bob"]
        assert await hive.repos.states(BOB, number) == {"proposal", "failed"}


async def test_one_repository_that_cannot_be_used_does_not_keep_the_daemon_down(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as daemon:
        await (await actions.spawn(daemon.hive, "bob")).wait()
        asked = await proposed(daemon)
        await actions.deny(daemon.hive, asked.id, "no")
        waits = await proposed(daemon, "# more\n")
        fails(monkeypatch, Repos, "states", lambda name, *_: name == BOB)
        await recovery.recover(daemon.hive)
        assert await status(daemon, waits.id) == approvals.PENDING


async def test_a_proposal_behind_another_is_told_how_to_come_before_it(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        base = hive.agents.get(BOB).deployed_sha
        first = await proposed(daemon, "# one\n")
        folder = hive.paths.agent_config(BOB)
        from tests.fakes.manager_git import git

        git(folder, "reset", "-q", "--hard", base or "")
        second = await proposed(daemon, "# two\n")
        await (await actions.approve(hive, first.id)).wait()
        with pytest.raises(HiveError, match="git fetch applied && git rebase applied/main"):
            await (await actions.approve(hive, second.id)).wait()
        assert await hive.repos.main(BOB) == first.fetched_sha
        assert hive.agents.get(BOB).deployed_sha == first.fetched_sha


async def test_an_older_proposal_behind_a_newer_is_said_to_be_contained(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        first = await proposed(daemon, "# one\n")
        second = await proposed(daemon, "# two\n")
        await (await actions.approve(hive, second.id)).wait()
        with pytest.raises(HiveError, match="already"):
            await (await actions.approve(hive, first.id)).wait()


async def test_an_agent_that_was_never_deployed_is_kept_when_its_first_commit_fails(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await hive.agents.add(BOB)
        await hive.agents.set_wanted(BOB, is_running=False)
        await hive.queue.submit(NewJob(jobs.INIT_CONFIG, "bob", OPERATOR))
        await until(lambda: hive.paths.agent_config(BOB).exists())
        asked = await proposed(daemon, "packages = 7\n")
        with pytest.raises(HiveError):
            await (await actions.approve(hive, asked.id)).wait()
        assert BOB in hive.agents


BROKEN_OFF = [
    ("stop", "build", True),
    ("destroy", "start", False),
    ("cancel", "build", False),
    ("cancel", "start", True),
]


@pytest.mark.parametrize(
    ("verb", "phase", "is_new"),
    [
        pytest.param(*each, marks=[] if each in BROKEN_OFF else [pytest.mark.slow])
        for each in itertools.product(
            ("stop", "destroy", "cancel"), ("build", "start"), (True, False)
        )
    ],
)
async def test_whatever_breaks_a_deploy_off_it_is_over_and_told_once(
    short_tmp: Path, verb: str, phase: str, is_new: bool
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        if is_new:
            asked = await actions.request_spawn(hive, "bob", None)
        else:
            await (await actions.spawn(hive, "bob")).wait()
            asked = await proposed(daemon)
        before = await hive.repos.main(BOB)
        count = len(daemon.runtime.started)
        daemon.runtime.builds[BOB] = BuildScript(takes_s=60 if phase == "build" else 0)
        daemon.runtime.scripts[BOB] = Script(takes_s=60)
        ticket = await actions.approve(hive, asked.id)
        if phase == "build":
            await until(lambda: hive.queue.rows()[-1].step == "building")
        else:
            await until(lambda: len(daemon.runtime.started) > count)
        daemon.runtime.builds.clear()
        daemon.runtime.scripts.clear()
        await _break_off(daemon, verb, ticket.row.id)
        with trio.fail_after(10), pytest.raises(HiveError):
            await ticket.wait()
        await until(lambda: hive.transients.get(BOB) is None)
        assert await status(daemon, asked.id) == approvals.FAILED
        assert [each["status"] for each in await told(daemon, "approval_resolved")] == ["failed"]
        assert await told(daemon, "container_crash") == []
        assert "failed" in await hive.repos.states(BOB, asked.id)
        assert await hive.repos.main(BOB) == before
        await until(lambda: all(row.state in jobs.OVER for row in hive.queue.rows()))
        is_up = (await daemon.runtime.status(BOB)).is_running
        assert (BOB in hive.agents) == (not is_new and verb != "destroy")
        assert is_up == (not is_new and verb == "cancel")


async def _break_off(daemon: Running, verb: str, job: int) -> None:
    hive = daemon.hive
    if verb != "cancel" and BOB not in hive.agents:
        with pytest.raises(HiveError):
            await actions.restart(hive, "bob")
        verb = "cancel"
    if verb == "cancel":
        await actions.cancel_job(hive, job)
    elif verb == "destroy":
        await (await actions.destroy(hive, "bob", purge=False)).wait()
    else:
        # Of a new one nothing is left that could be stopped.
        with contextlib.suppress(HiveError):
            await (await actions.stop(hive, "bob")).wait()


@pytest.mark.parametrize("part", ["build", "start", "stop"])
async def test_a_full_disk_is_the_sentence_a_deploy_fails_with(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        before = hive.agents.get(BOB).deployed_sha
        asked = await proposed(daemon)
        left = [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/state/sandboxes/bob")]
        real = getattr(FakeRuntime, part)

        async def full(self: FakeRuntime, what: Any, *more: Any, **named: Any) -> Any:
            if left and BOB in (what, getattr(what, "name", None)):
                raise left.pop()
            return await real(self, what, *more, **named)

        monkeypatch.setattr(FakeRuntime, part, full)
        with pytest.raises(Unavailable, match="No space left on device"):
            await (await actions.approve(hive, asked.id)).wait()
        assert (await daemon.runtime.status(BOB)).is_running
        assert hive.agents.get(BOB).deployed_sha == await hive.repos.main(BOB) == before
        (resolved,) = await told(daemon, "approval_resolved")
        assert "No space left on device" in resolved["note"]
        assert all(row.restarts == 0 for row in hive.tasks())


@pytest.mark.parametrize("is_good", [True, False])
async def test_the_manager_is_deployed_and_rolled_back_like_any_other(
    short_tmp: Path, is_good: bool
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        before = hive.agents.get(MANAGER).deployed_sha
        folder = hive.paths.agent_config(MANAGER)
        sha = commit(folder, {"agent.toml": "# new\n" if is_good else "packages = 7\n"})
        reply = await daemon.agent(
            "manager", "request_apply_commit", agent="manager", commit_ref=sha
        )
        ticket = await actions.approve(hive, reply["id"])
        if is_good:
            await ticket.wait()
        else:
            with pytest.raises(HiveError):
                await ticket.wait()
        assert (await daemon.runtime.status(MANAGER)).is_running
        assert hive.agents.get(MANAGER).deployed_sha == (sha if is_good else before)
        assert await hive.repos.main(MANAGER) == (sha if is_good else before)
        (resolved,) = await told(daemon, "approval_resolved")
        assert resolved["status"] == (approvals.APPROVED if is_good else approvals.FAILED)


async def test_a_manager_whose_first_start_fails_is_tried_again_and_kept(short_tmp: Path) -> None:
    async with running(short_tmp, fails={"manager": "no such file"}) as daemon:
        await until(lambda: all(row.state in jobs.OVER for row in daemon.hive.queue.rows()))
        assert MANAGER in daemon.hive.agents
        daemon.runtime.scripts.clear()
        await until(lambda: bool(daemon.hive.view.row(MANAGER) and _is_up(daemon)))
    async with running(short_tmp, daemon.runtime.host) as again:
        await until(lambda: again.hive.agents.get(MANAGER).deployed_tag == "deployed/0")


def _is_up(daemon: Running) -> bool:
    row = daemon.hive.view.row(MANAGER)
    return row is not None and row.running


async def test_the_manager_is_told_of_an_end_that_nobody_foresaw(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        before = hive.agents.get(BOB).deployed_sha
        asked = await proposed(daemon)

        async def breaks(*_: object) -> str:
            raise RuntimeError("a mistake in hive")

        with monkeypatch.context() as patch:
            patch.setattr(FakeRuntime, "build", breaks)
            with pytest.raises(Unavailable):
                await (await actions.approve(hive, asked.id)).wait()
        await (await actions.rebuild(hive, "bob")).wait()
        assert hive.agents.get(BOB).deployed_sha == await hive.repos.main(BOB) == before
        assert "failed" in await hive.repos.states(BOB, asked.id)
        (resolved,) = await told(daemon, "approval_resolved")
        assert resolved["status"] == approvals.FAILED
