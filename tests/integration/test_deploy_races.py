"""What is decided, asked for and cut short at the same moment ends as one thing or the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from hive.core import actions, proposals
from hive.errors import Conflict, HiveError, Unavailable
from hive.host.plain_meta import PlainMeta
from hive.host.repos import Repos
from hive.wire import approvals, jobs
from hive.wire.approvals import Approval
from hive.wire.names import MANAGER, OPERATOR, AgentName
from tests.fakes.manager_git import commit, git
from tests.fakes.running import Running, running
from tests.fakes.runtime import FakeHost
from tests.fakes.waiting import until

BOB = AgentName("bob")


async def proposed(daemon: Running, text: str = "# new\n") -> Approval:
    """Commit something to bob's proposed repository, and ask for it."""
    sha = commit(daemon.hive.paths.agent_config(BOB), {"agent.toml": text})
    return await proposals.request_apply_commit(daemon.hive, "bob", sha, None)


def waits(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> tuple[trio.Event, trio.Event]:
    """Let a method wait at its begin; return the events of that, and of its going on."""
    real = getattr(owner, name)
    reached, go_on = trio.Event(), trio.Event()

    async def waiting(self: Any, *words: Any, **more: Any) -> Any:
        reached.set()
        await go_on.wait()
        return await real(self, *words, **more)

    monkeypatch.setattr(owner, name, waiting)
    return reached, go_on


def ends_behind(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> trio.Event:
    """Let a method do its work and never return, and return the event of that."""
    real = getattr(owner, name)
    reached = trio.Event()

    async def hanging(self: Any, *words: Any, **more: Any) -> Any:
        await real(self, *words, **more)
        reached.set()
        await trio.sleep_forever()

    monkeypatch.setattr(owner, name, hanging)
    return reached


def breaks(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, *words: str) -> None:
    """Let a method fail where one of these words is said."""
    real = getattr(owner, name)

    async def failing(self: Any, *given: Any, **more: Any) -> Any:
        if any(word in given for word in words):
            raise Unavailable("no space left on the disk: free some, then try again")
        return await real(self, *given, **more)

    monkeypatch.setattr(owner, name, failing)


async def test_a_request_is_shown_and_decided_only_when_its_commit_was_copied(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as daemon, trio.open_nursery() as nursery:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        reached, go_on = waits(monkeypatch, Repos, "pin")
        pinned = trio.Event()

        async def propose() -> None:
            await proposed(daemon)
            pinned.set()

        nursery.start_soon(propose)
        await reached.wait()
        rows = await hive.approvals.pending()
        assert (await daemon.operator("pending"))["approvals"] == []
        with pytest.raises(Conflict, match="still being copied"):
            await actions.approve(hive, rows[0].id)
        go_on.set()
        await pinned.wait()
        assert await proposals.waiting(hive) == await hive.approvals.pending()
        await (await actions.approve(hive, rows[0].id)).wait()
        assert hive.agents.get(BOB).deployed_tag == f"deployed/{rows[0].id}"


async def test_one_commit_deployed_under_two_numbers_has_one_name_everywhere(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        first = await proposals.request_spawn(hive, "bob", None, OPERATOR)
        second = await proposals.request_apply_commit(hive, "bob", first.fetched_sha or "", None)
        assert first.fetched_sha == second.fetched_sha
        for each in (second, first):
            await (await actions.approve(hive, each.id)).wait()
            record = hive.agents.get(BOB)
            assert await hive.repos.deployed(BOB) == (record.deployed_tag, record.deployed_sha)
            assert (await hive.meta.locked())[BOB] == (record.deployed_sha, record.deployed_tag)
        assert "deployed" in await hive.repos.states(BOB, first.id)


async def test_what_could_not_be_tagged_does_not_run_on(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        before = hive.agents.get(BOB).deployed_sha
        asked = await proposed(daemon)
        with monkeypatch.context() as patch:
            breaks(patch, Repos, "mark", "deployed", "failed")
            with pytest.raises(HiveError):
                await (await actions.approve(hive, asked.id)).wait()
        spec = [each for each in daemon.runtime.started if each.name == BOB][-1]
        (tree,) = [each.source.name for each in spec.binds if each.target == "/etc/hive/config"]
        assert tree == before
        assert (await daemon.runtime.status(BOB)).is_running


async def test_two_approved_in_a_row_of_which_the_first_fails(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        broken = await proposed(daemon, "packages = 7\n")
        mended = await proposed(daemon)
        tickets = [await actions.approve(hive, each.id) for each in (broken, mended)]
        with pytest.raises(HiveError):
            await tickets[0].wait()
        await tickets[1].wait()
        assert await hive.repos.deployed(BOB) == (f"deployed/{mended.id}", mended.fetched_sha)
        assert await hive.repos.main(BOB) == hive.agents.get(BOB).deployed_sha


async def test_a_withdrawal_is_shown_though_it_cannot_be_tagged_yet(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = FakeHost()
    async with running(short_tmp, host) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        asked = await proposed(daemon)
        with hive.feed.watch() as watch, monkeypatch.context() as patch:
            breaks(patch, Repos, "mark", "denied")
            with pytest.raises(Unavailable):
                await proposals.withdraw(hive, asked.id, MANAGER)
            with trio.fail_after(10):
                while "approval_resolved" not in str(await watch.next()):
                    pass
    async with running(short_tmp, host) as again:
        assert "denied" in await again.hive.repos.states(BOB, asked.id)
        assert (await again.hive.approvals.get(asked.id)).status == approvals.CANCELLED


async def test_a_deploy_that_was_locked_is_not_locked_back_at_the_start(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = FakeHost()
    async with running(short_tmp, host) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        await (await actions.stop(hive, "bob")).wait()
        asked = await proposed(daemon)
        reached = ends_behind(monkeypatch, PlainMeta, "finalize")
        await actions.approve(hive, asked.id)
        await reached.wait()
    monkeypatch.undo()
    async with running(short_tmp, host) as again:
        hive = again.hive
        await until(lambda: all(row.state in jobs.OVER for row in hive.queue.rows()))
        log = [line for line in await hive.meta.log(9) if line.startswith("deploy bob")]
        assert [line.split()[2] for line in log] == [f"deployed/{asked.id}", "deployed/0"]
        assert [row for row in hive.queue.rows() if row.kind == jobs.REBUILD] == []


async def test_a_rebuild_mends_the_files_of_the_applied_repository(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        hive = daemon.hive
        await (await actions.spawn(hive, "bob")).wait()
        applied = hive.paths.applied(BOB)
        # As a daemon leaves it that ended after `main` was moved, and before its files were.
        git(applied, "rm", "-q", "--cached", "agent.toml")
        (applied / "agent.toml").unlink()
        await (await actions.rebuild(hive, "bob")).wait()
        assert git(applied, "status", "--porcelain") == ""
