"""The registry: what is to be so again after a reboot."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from hive.errors import Conflict, NotFound
from hive.store.agents import RUNNING, STOPPED, AgentRecord, Deployed
from hive.wire.agent_config import AgentConfig
from tests.fakes.post import ADA, BOB, open_post

RECORD = AgentRecord(
    name=ADA,
    created_at=5.0,
    wanted=RUNNING,
    parent=BOB,
    deployed_sha="a" * 40,
    deployed_tag="deployed/0",
    system="/built",
    config=AgentConfig(packages=("jq",)),
    hive_rev="rev",
)


async def test_a_record_comes_back_after_a_reopen(tmp_path: Path) -> None:
    async with open_post(tmp_path) as post:
        await post.agents.add(RECORD)
        await post.agents.set_wanted(ADA, STOPPED)
        await post.agents.set_paused(ADA, paused=True)
        await post.agents.set_status(ADA, "reading", 7.0)
    async with open_post(tmp_path) as post:
        kept = await post.agents.get(ADA)
        assert kept == attrs.evolve(
            RECORD,
            wanted=STOPPED,
            paused=True,
            status_text="reading",
            status_set_at=7.0,
        )
        assert await post.agents.all() == [kept]


async def test_a_name_is_taken_once(tmp_path: Path) -> None:
    async with open_post(tmp_path) as post:
        await post.agents.add(RECORD)
        with pytest.raises(Conflict, match="choose another name"):
            await post.agents.add(RECORD)
        await post.agents.remove(ADA)
        await post.agents.add(RECORD)


async def test_an_unknown_agent_is_said(tmp_path: Path) -> None:
    async with open_post(tmp_path) as post:
        with pytest.raises(NotFound):
            await post.agents.get(ADA)
        with pytest.raises(NotFound):
            await post.agents.set_wanted(ADA, RUNNING)


async def test_what_an_agent_runs_is_recorded_as_a_whole(tmp_path: Path) -> None:
    async with open_post(tmp_path) as post:
        await post.agents.add(RECORD)
        kept = await post.agents.set_deployed(Deployed(ADA, "b" * 40, "deployed/4"), 9.0)
        assert kept == await post.agents.get(ADA)
        assert kept == attrs.evolve(
            RECORD,
            deployed_sha="b" * 40,
            deployed_tag="deployed/4",
            system=None,
            config=None,
            hive_rev=None,
        )
        made = await post.agents.set_deployed(Deployed(BOB), 9.0)
        assert made == AgentRecord(name=BOB, created_at=9.0, wanted=RUNNING)
