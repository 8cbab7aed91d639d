"""A whole state directory as the hive before repositories left it: nothing of it is lost.

`tests/data/state-v1.tar.gz` is what its daemon wrote: a manager, alice (paused, with notes, a
login, mail, a question and a reminder), bob (stopped), eve (destroyed), carol (asked for) and dave
(denied).
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from hive.core import actions, proposals, readings
from hive.host.runtime import ContainerSpec
from hive.wire import approvals, jobs
from hive.wire.names import MANAGER, AgentName
from tests.fakes.manager_git import commit
from tests.fakes.running import Running, paths_below, running
from tests.fakes.runtime import FakeHost, FakeRuntime
from tests.fakes.waiting import until

ALICE, BOB, EVE = AgentName("alice"), AgentName("bob"), AgentName("eve")
KEPT = Path(__file__).parents[1] / "data/state-v1.tar.gz"
KEPT_AT = 1795421412.0
"""When it was made, in Unix seconds: its reminder is due a day later."""


def then() -> float:
    """Return a moment an hour after the older daemon ended."""
    return KEPT_AT + 3600


@pytest.fixture
def older(short_tmp: Path) -> Path:
    with tarfile.open(KEPT) as archive:
        archive.extractall(short_tmp, filter="data")
    paths_below(short_tmp).state.chmod(0o750)
    return short_tmp


async def keeps_everything(daemon: Running) -> None:
    """What was there is there, and every agent is what it was."""
    hive = daemon.hive
    assert list(hive.agents.names()) == [MANAGER, ALICE, BOB]
    assert (hive.paths.agent_state(ALICE) / "notes.md").read_text() == "mine\n"
    assert (hive.paths.agent_claude(ALICE) / ".credentials.json").exists()
    assert hive.agents.get(ALICE).paused
    assert not hive.agents.is_wanted(BOB)
    assert not (await daemon.runtime.status(BOB)).is_running
    assert [row.question for row in await hive.questions.pending()] == ["which?"]
    assert [row.message for row in await hive.reminders.pending()] == ["later"]
    assert "hello" in [row.body for row in await hive.broker.recent(MANAGER, 50)]
    assert (await hive.approvals.get(2)).note == "not now"
    assert [kept.name for kept in readings.tombstones(hive)] == ["eve"]
    for name in hive.agents.names():
        record = hive.agents.get(name)
        assert (await hive.meta.locked())[name] == (record.deployed_sha, record.deployed_tag)
        assert record.deployed_tag == "deployed/0"


async def test_an_older_hives_state_is_taken_over_whole(older: Path) -> None:
    host = FakeHost()
    async with running(older, host, clock=then) as daemon:
        await until(lambda: {spec.name for spec in daemon.runtime.started} == {MANAGER, ALICE})
        await keeps_everything(daemon)
        assert paths_below(older).broker_db.with_name("broker.sqlite.v1").exists()
    async with running(older, host, clock=then) as again:
        await keeps_everything(again)
        assert again.runtime.started == []


async def test_what_an_older_daemon_left_running_is_adopted_and_built_anew(older: Path) -> None:
    host = FakeHost()
    for name in (MANAGER, ALICE):
        FakeRuntime(host).adopt(ContainerSpec(name, ("old",), {}, (), "/"))
    async with running(older, host, clock=then) as daemon:
        hive = daemon.hive
        await until(
            lambda: (
                [(row.agent, row.state) for row in hive.queue.rows()]
                == [(MANAGER, jobs.DONE), (ALICE, jobs.DONE)]
            )
        )
        await keeps_everything(daemon)
        assert [spec.name for spec in daemon.runtime.started] == [MANAGER, ALICE]


async def test_and_its_agents_are_proposed_to_revived_and_asked_for_again(older: Path) -> None:
    async with running(older, clock=then) as daemon:
        hive = daemon.hive
        sha = commit(hive.paths.agent_config(ALICE), {"agent.toml": 'description = "new"\n'})
        asked = await proposals.request_apply_commit(hive, "alice", sha, None)
        await (await actions.approve(hive, asked.id)).wait()
        assert hive.agents.get(ALICE).deployed_sha == sha
        asked = await actions.revive(hive, "eve")
        await (await actions.approve(hive, asked.id)).wait()
        assert hive.agents.is_wanted(EVE)
        carol = await hive.approvals.get(1)
        if carol.status == approvals.PENDING:
            await (await actions.approve(hive, 1)).wait()
        else:
            assert "again" in (carol.note or "")
            asked = await actions.request_spawn(hive, "carol", carol.description)
            await (await actions.approve(hive, asked.id)).wait()
        assert hive.agents.is_wanted(AgentName("carol"))
