"""claude's retries: read from the numbers of its lines, shown while they last, and then gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hive.agent import retrying
from hive.agent.driver import Outcome
from hive.agent.phases import Phase
from hive.agent.retrying import Retry
from hive.agent.state import AgentState
from hive.core import why
from hive.core.why_facts import Facts
from hive.wire import live
from hive.wire.why import Code
from tests.fakes import harness as fake
from tests.fakes.driver import Running
from tests.fakes.harness import looping, until


def line(**changes: Any) -> dict[str, Any]:
    """Return a line as claude prints it."""
    told = {"attempt": 3, "max_retries": 10, "retry_delay_ms": 2290, "error_status": 529}
    return {"type": "system", "subtype": "api_retry", "error": "overloaded", **told, **changes}


def test_a_retry_is_read_from_its_numbers() -> None:
    assert retrying.read(line()) == Retry(3, 10, 529, 2.29)
    assert retrying.read(line(error_status=None)) == Retry(3, 10, None, 2.29)
    assert retrying.read({"type": "system", "subtype": "init"}) is None


@pytest.mark.parametrize("odd", ["3", True, -1, 1e99, float("nan"), [], None])
def test_a_number_that_is_none_is_left_out(odd: object) -> None:
    words = ("attempt", "max_retries", "retry_delay_ms", "error_status")
    found = retrying.read(line(**dict.fromkeys(words, odd)))
    assert found == Retry(None, None, None, 0.0)
    assert found.sentence == "claude is retrying the API (no answer)"


@pytest.mark.parametrize("before", [Phase.THINKING, Phase.COMPACTING, Phase.CHECKPOINT])
def test_what_claude_was_at_goes_on_behind_the_last_retry(before: Phase) -> None:
    now = 100.0
    one = AgentState("haiku", lambda frame: None, lambda: now, phase=before)
    one.set_trouble("a turn failed")
    one.retry(Retry(1, 10, 529, 0.5))
    now = 101.0
    one.retry(Retry(2, 10, 529, 1.0))
    told = one.report()
    assert (told.phase, told.turn_state, told.about) == ("retrying", live.THINKING, None)
    assert told.note == "claude is retrying the API, attempt 2 of 10 (status 529)"
    assert (told.since, told.until) == (100.0, 102.0)
    one.end_retries()
    assert (one.phase, one.shown) == (before, "a turn failed")
    one.end_retries()
    assert one.phase is before


def test_why_says_which_attempt_since_when_and_when_the_next_one_is() -> None:
    one = AgentState("haiku", lambda frame: None, lambda: 1.0, phase=Phase.THINKING)
    one.retry(Retry(3, 10, 529, 2.0))
    found = why.reason(Facts("alice", is_running=True, report=one.report()))
    assert (found.code, found.word, found.level) == (Code.RETRYING, "retrying", "warning")
    assert found.sentence == (
        "claude is retrying the API, attempt 3 of 10 (status 529) since 1970-01-01 00:00:01 UTC;"
        " it tries again at 1970-01-01 00:00:03 UTC"
    )


async def test_a_turn_shows_its_retries_and_works_on_behind_them(
    tmp_path: Path, autojump_clock: object
) -> None:
    seen = []

    async def retries(running: Running) -> Outcome:
        for told in (line(attempt=1), line(attempt=2)):
            running.on_line(told)
            seen.append((rig.harness.state.phase, rig.harness.state.shown))
        running.say()
        seen.append((rig.harness.state.phase, rig.harness.state.shown))
        return running.result()

    rig = fake.make(tmp_path)
    rig.driver.script.append(retries)
    mail = rig.hive.put("hello")
    async with looping(rig):
        await until(lambda: mail.acks)
    assert seen == [
        (Phase.RETRYING, "claude is retrying the API, attempt 1 of 10 (status 529)"),
        (Phase.RETRYING, "claude is retrying the API, attempt 2 of 10 (status 529)"),
        (Phase.THINKING, None),
    ]
