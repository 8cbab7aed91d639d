"""What the API refuses: the message waits as long as it must and is answered once, unharmed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stage import KINDS, MODES, REAL, STAND_IN, at_night_but, spawn, stage

QUICK: dict[str, Any] = {"rate_limit_s": 1.0, "overloaded_s": 1.0}


REFUSALS = ("!429", "!529", "!dropped", "!fail 500")
REFUSED = [
    ("!429", REAL, "live"),
    ("!529", REAL, "process"),
    ("!dropped", REAL, "live"),
    ("!fail 500", STAND_IN, "live"),
]


@pytest.mark.parametrize(("refusal", "kind", "mode"), at_night_but(REFUSED, REFUSALS, KINDS, MODES))
async def test_a_refused_turn_is_tried_again_and_answered_once(
    short_tmp: Path, kind: str, mode: str, refusal: str
) -> None:
    async with stage(short_tmp, kind, mode, **QUICK) as hive:
        await spawn(hive, "alice")
        await hive.send(
            "alice",
            '!tool send {"to": "operator", "body": "before"}',
            refusal,
            '!tool send {"to": "operator", "body": "after"}',
        )
        inbox = await hive.wait_inbox("after")
        row = await hive.wait_settled("alice")
        assert inbox.count("before") == 1
        assert inbox.count("after") == 1
        assert row["unread"] == 0


@pytest.mark.parametrize(("kind", "mode"), at_night_but([(REAL, "live")], KINDS, MODES))
async def test_a_refused_key_parks_the_agent_until_it_is_started_with_a_good_one(
    short_tmp: Path, kind: str, mode: str
) -> None:
    async with stage(short_tmp, kind, mode, **QUICK) as hive:
        hive.model.is_refusing = True
        await spawn(hive, "alice")
        await hive.send("alice", "!401", "!401", '!tool send {"to": "operator", "body": "after"}')

        async def is_parked() -> bool:
            return bool((await hive.row("alice"))["needs_login"])

        await hive.wait(is_parked)
        assert (await hive.row("alice"))["unread"] == 1
        hive.model.is_refusing = False
        assert (await hive.operator("restart", name="alice"))["ok"]
        inbox = await hive.wait_inbox("after")
        await hive.wait_settled("alice")
        assert inbox.count("after") == 1


@pytest.mark.parametrize(("kind", "mode"), at_night_but([(REAL, "live")], KINDS, MODES))
async def test_a_conversation_that_is_too_long_is_compacted_and_the_work_goes_on(
    short_tmp: Path, kind: str, mode: str
) -> None:
    async with stage(short_tmp, kind, mode, **QUICK) as hive:
        await spawn(hive, "alice")
        await hive.send("alice", '!tool send {"to": "operator", "body": "first"}')
        await hive.wait_inbox("first")
        await hive.send("alice", "!too-long", '!tool send {"to": "operator", "body": "after"}')
        inbox = await hive.wait_inbox("after")
        await hive.wait_settled("alice")
    assert inbox == ["first", "after"]


async def test_an_agent_at_its_limit_says_so_on_its_row(short_tmp: Path) -> None:
    async with stage(short_tmp, STAND_IN, "live", rate_limit_s=600.0) as hive:
        await spawn(hive, "alice")
        await hive.send("alice", "!429")

        async def is_limited() -> bool:
            return "limit" in (await hive.row("alice")).get("note", "")

        await hive.wait(is_limited)
        assert (await hive.row("alice"))["unread"] == 1
