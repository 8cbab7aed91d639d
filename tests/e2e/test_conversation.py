"""From the operator's message to the answer in the operator's inbox, in every way of running."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.stage import KINDS, MODES, REAL, WAYS, at_night_but, spawn, stage

KILLED = [("claude", REAL, "live"), ("harness", REAL, "process"), ("daemon", REAL, "live")]


@pytest.mark.parametrize(("kind", "mode"), WAYS)
async def test_the_operator_asks_one_agent_works_with_another_and_the_answer_comes_back(
    short_tmp: Path, kind: str, mode: str
) -> None:
    async with stage(short_tmp, kind, mode) as hive:
        await spawn(hive, "alice", "bob")
        to_operator = '!tool send {"to": "operator", "body": "bob says hello"}'
        inner = to_operator.replace('"', '\\"')
        await hive.send("alice", f'!tool send {{"to": "bob", "body": "{inner}"}}')
        inbox = await hive.wait_inbox("bob says hello")
        for name in ("alice", "bob"):
            await hive.wait_settled(name)
    assert inbox.count("bob says hello") == 1


@pytest.mark.parametrize(
    ("victim", "kind", "mode"), at_night_but(KILLED, ("claude", "harness", "daemon"), KINDS, MODES)
)
async def test_a_kill_in_the_middle_of_a_turn_loses_nothing_and_repeats_nothing(
    short_tmp: Path, kind: str, mode: str, victim: str
) -> None:
    async with stage(short_tmp, kind, mode) as hive:
        await spawn(hive, "alice")
        await hive.send(
            "alice",
            '!tool send {"to": "operator", "body": "before"}',
            "!hang",
            '!tool send {"to": "operator", "body": "after"}',
        )
        await hive.wait_inbox("before")
        await hive.wait_hanging("alice")
        if victim == "daemon":
            hive.kill_daemon()
            await hive.start()
            # With the daemon its gateway went, and a claude that may not ask the model again ends.
            hive.kill("alice", "claude", may_be_gone=True)
        else:
            hive.kill("alice", victim)
        inbox = await hive.wait_inbox("after")
        row = await hive.wait_settled("alice")
        assert inbox.count("before") == 1
        assert inbox.count("after") == 1
        assert row["unread"] == 0
        assert (await hive.operator("mark_all_read", name="alice"))["marked"] == 0
