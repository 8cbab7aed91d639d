"""The states of the turn loop are one machine, and the document draws it as it is."""

from __future__ import annotations

import pytest

from hive.agent import phases
from hive.agent.phases import ALLOWED, SHOWN, Phase
from hive.agent.state import AgentState
from tests.unit.docs.pages import page


def state() -> AgentState:
    return AgentState("haiku", lambda frame: None, lambda: 100.0)


def test_every_phase_can_be_reached_and_left() -> None:
    assert set(ALLOWED) == set(SHOWN) == set(Phase)
    reached, new = set(), {Phase.STARTING}
    while new:
        reached |= new
        new = {after for phase in new for after in ALLOWED[phase]} - reached
    assert reached == set(Phase)
    assert all(ALLOWED.values())


def test_a_step_that_is_not_in_the_table_is_refused() -> None:
    one = state()
    with pytest.raises(AssertionError, match="thinking cannot follow starting"):
        one.enter(Phase.THINKING)
    one.enter(Phase.WAITING)
    one.enter(Phase.STARTING)


def test_a_phase_without_work_needs_a_sentence() -> None:
    one = state()
    with pytest.raises(AssertionError, match="does not say why"):
        one.enter(Phase.NEEDS_LOGIN)
    one.enter(Phase.NEEDS_LOGIN, "log it in")
    assert (one.status, one.turn_state, one.trouble) == ("needs_login_idle", "idle", "log it in")


def test_a_login_that_runs_shows_where_one_is_missing_and_nowhere_else() -> None:
    one = state()
    one.set_logging_in(True)
    assert (one.status, one.report().status) == ("online", "online")
    one.enter(Phase.NEEDS_LOGIN, "log it in")
    assert one.report().status == "needs_login_in_progress"
    one.set_logging_in(False)
    assert one.status == "needs_login_idle"
    one.set_logging_in(True)
    one.enter(Phase.WAITING)
    assert one.status == "online"


def test_the_document_draws_the_table() -> None:
    text = page("turn-loop.md")
    assert phases.picture() in text
    assert phases.table() in text
