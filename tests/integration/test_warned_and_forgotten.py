"""A bad commit is said to be one at once; purging leaves nothing open, a lost lock comes back."""

from __future__ import annotations

from pathlib import Path

from hive.wire.names import agent_name
from tests.fakes.dying_daemon import commit
from tests.fakes.running import running
from tests.fakes.runtime import FakeHost

X = agent_name("x")
BROKEN = "# broken\npackages = 7\n"
WHY = "It will fail as it is: agent.toml line 2: packages must be a list"


async def test_the_manager_and_the_operator_are_warned_of_a_broken_file(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="x"))["ok"]
        sha = commit(short_tmp, BROKEN)
        asked = await daemon.agent("manager", "request_apply_commit", agent="x", commit_ref=sha)
        assert (asked["kind"], asked["note"]) == ("approval_queued", WHY)
        (waiting,) = (await daemon.operator("pending"))["approvals"]
        assert waiting["note"] == WHY
        reply = await daemon.operator("approve", id=asked["id"])
        # What was asked for was good: a script must not take it for a bad request.
        assert (reply["ok"], reply["code"]) == (False, "unavailable")


async def test_a_warning_is_not_the_reason_of_a_denial(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="x"))["ok"]
        commit(short_tmp, BROKEN)
        asked = await daemon.operator("request_apply_commit", agent="x")
        assert asked["note"] == WHY
        assert (await daemon.operator("deny", id=asked["approval_id"]))["ok"]
        (denied, *_) = await daemon.hive.approvals.history(5)
        assert (denied.status, denied.note) == ("denied", None)


async def test_the_operator_proposes_the_newest_commit(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="x"))["ok"]
        sha = commit(short_tmp, "# mine\n")
        asked = await daemon.operator("request_apply_commit", agent="x", description="by hand")
        assert "note" not in asked
        assert (await daemon.operator("approve", id=asked["approval_id"]))["ok"]
        assert daemon.hive.agents.get(X).deployed_sha == sha


async def test_what_a_purged_agent_left_open_is_closed(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        for name in ("x", "bob"):
            assert (await daemon.operator("spawn", name=name))["ok"]
        assert (await daemon.operator("set_paused", name="x", paused=True))["ok"]
        await daemon.agent("x", "ask", question="may I?")
        await daemon.agent("bob", "ask", question="are you there?", to="x")
        await daemon.agent("x", "remind", message="later", delay_seconds=3600)
        await daemon.operator("send", to="x", body="hello")
        assert (await daemon.operator("destroy", name="x", purge=True))["ok"]
        assert await daemon.hive.questions.pending() == []
        assert await daemon.hive.reminders.pending() == []
        told = [row.body for row in await daemon.hive.broker.recent("bob", 9)]
        assert any("[cancelled]" in body for body in told)
        assert (await daemon.operator("spawn", name="x"))["ok"]
        mail = await daemon.agent("x", "recv", max=9)
        assert all("hello" not in each["body"] for each in mail["messages"])


async def test_kept_state_that_is_purged_leaves_nothing_open_either(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="x"))["ok"]
        await daemon.agent("x", "remind", message="later", delay_seconds=3600)
        assert (await daemon.operator("destroy", name="x"))["ok"]
        assert len(await daemon.hive.reminders.pending()) == 1
        assert (await daemon.operator("purge", name="x"))["ok"]
        assert await daemon.hive.reminders.pending() == []


async def test_a_meta_repository_that_was_moved_aside_is_filled_again(short_tmp: Path) -> None:
    host = FakeHost()
    async with running(short_tmp, host) as daemon:
        assert (await daemon.operator("spawn", name="x"))["ok"]
        before = await daemon.hive.meta.locked()
        meta = daemon.hive.paths.meta
    meta.rename(short_tmp / "aside")
    async with running(short_tmp, host) as daemon:
        assert await daemon.hive.meta.locked() == before
        assert len([spec for spec in daemon.runtime.started if spec.name == X]) == 0
