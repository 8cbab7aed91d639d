"""Why an agent does not work: one reason for every combination of facts, in one sentence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hive.agent import client, reporter
from hive.agent.phases import SHOWN, Phase
from hive.core import why
from hive.core.why_facts import Act, Facts, Queued, Trouble
from hive.wire import live
from hive.wire.agent import DOUBT, LACKING, ReportState
from hive.wire.why import ERROR, INFO, LOOKS, NOTICE, WARNING, Code, Reason

AT = 1_795_410_000.0
STAMP = "2026-11-23 05:00:00 UTC"
RUNNING = Facts("alice", is_running=True, is_wanted=True)
TROUBLES = (
    Code.NOT_DEPLOYED,
    Code.NOT_STARTED,
    Code.CRASHED,
    Code.DISK_LIMIT,
    Code.UNREACHABLE,
)
"""What the daemon says a trouble is."""
IDLE = ReportState(live.ONLINE, live.IDLE, phase="waiting", since=AT)

texts = st.text(max_size=20)
times = st.none() | st.floats(-1e15, 1e15)
acts = st.none() | st.builds(Act, by=texts, at=st.floats(-1e15, 1e15))
troubles = st.builds(
    Trouble,
    text=texts,
    code=st.sampled_from(sorted(TROUBLES)),
    since=times,
    until=times,
    mend=st.none() | texts,
)
reports = st.builds(
    ReportState,
    status=st.sampled_from([shown.status for shown in SHOWN.values()]) | texts,
    turn_state=st.sampled_from(["idle", "thinking", "compacting", "offline"]) | texts,
    note=st.none() | texts,
    about=st.sampled_from([None, LACKING, DOUBT]) | texts,
    phase=st.sampled_from([None, *(phase.value for phase in Phase)]) | texts,
    since=times,
    until=times,
)
jobs = st.builds(
    Queued,
    id=st.integers(1),
    is_running=st.booleans(),
    before=st.integers(0, 9),
    step=st.none() | texts,
    since=times,
)
facts = st.builds(
    Facts,
    name=st.just("alice"),
    exists=st.booleans(),
    is_kept=st.booleans(),
    is_running=st.booleans(),
    is_wanted=st.booleans(),
    silent_s=st.floats(0, 1e9),
    heard_at=times,
    started_at=times,
    is_paused=st.booleans(),
    paused=acts,
    stopped=acts,
    transient=st.none() | st.sampled_from(["spawning", "rebuilding", "odd"]),
    transient_since=times,
    trouble=st.none() | troubles,
    report=st.none() | reports,
    has_login_mark=st.booleans(),
    has_limit_mark=st.booleans(),
    unread=st.integers(0, 5),
    limits_met=st.lists(st.sampled_from(["memory_mib", "disk_mib", "odd"]), max_size=2).map(tuple),
    job=st.none() | jobs,
    approval=st.none() | st.integers(1),
)


@settings(max_examples=400, deadline=None)
@given(facts)
def test_every_combination_of_facts_gives_one_reason(known: Facts) -> None:
    found = why.reason(known)
    assert found == why.reason(known)
    assert found.level in {INFO, NOTICE, WARNING, ERROR}
    assert found.word
    assert isinstance(found.code, Code)
    for time in (found.since, found.until):
        assert time is None or datetime.fromisoformat(time).utcoffset() is not None


@settings(max_examples=200, deadline=None)
@given(facts)
def test_what_is_done_to_an_agent_comes_before_all_else(known: Facts) -> None:
    done = attrs.evolve(known, transient="rebuilding")
    assert why.reason(done).code is Code.REBUILDING


@settings(max_examples=200, deadline=None)
@given(facts)
def test_an_agent_that_does_not_run_never_works(known: Facts) -> None:
    found = why.reason(attrs.evolve(known, is_running=False))
    assert found.code not in {Code.WORKING, Code.WAITING, Code.BEHIND_MESSAGES}


def test_every_code_has_a_word_and_a_level() -> None:
    assert set(LOOKS) == set(Code)


def test_every_phase_of_a_harness_has_a_reason_of_its_own() -> None:
    assert {phase.value for phase in Phase} <= set(why._PHASES)


def said(**changes: Any) -> Reason:
    return why.reason(attrs.evolve(RUNNING, **changes))


def reported(phase: str, **fields: Any) -> ReportState:
    return attrs.evolve(IDLE, phase=phase, **fields)


def test_an_agent_waits_for_a_message() -> None:
    found = said(report=IDLE)
    assert (found.code, found.level, found.word) == (Code.WAITING, "info", "idle")
    assert found.sentence == f"it waits for a message since {STAMP}"
    assert found.since == "2026-11-23T05:00:00Z"


def test_an_agent_works_since_its_turn_began() -> None:
    found = said(report=reported("thinking"), unread=2)
    assert (found.code, found.word) == (Code.WORKING, "thinking")
    assert found.sentence == f"it works on a message since {STAMP}"


def test_messages_are_counted_for_whoever_cannot_take_them() -> None:
    assert said(report=IDLE, unread=1).sentence == "it is about to take the first of 1 message"
    found = said(report=reported("paused"), unread=3, paused=Act("operator", AT))
    assert found.sentence == f"it was paused by operator at {STAMP}; 3 messages wait"
    assert (found.by, found.since, found.mend) == (
        "operator",
        "2026-11-23T05:00:00Z",
        "hive.pyz resume alice",
    )


def test_a_limit_says_until_when() -> None:
    note = "claude's account is at its limit: resets at 5am"
    found = said(report=reported("rate_limited", note=note, until=AT))
    assert found.sentence == f"{note}; it waits until {STAMP}"
    assert (found.code, found.until) == (Code.RATE_LIMITED, "2026-11-23T05:00:00Z")


@pytest.mark.parametrize(
    ("phase", "code"),
    [
        ("overloaded", Code.OVERLOADED),
        ("no_claude", Code.NO_CLAUDE),
        ("failing", Code.FAILING),
    ],
)
def test_what_is_tried_again_says_when(phase: str, code: Code) -> None:
    found = said(report=reported(phase, note="no luck", until=AT))
    assert (found.code, found.sentence) == (code, f"no luck; it tries again at {STAMP}")


def test_a_login_is_missing_or_under_way() -> None:
    for status, code in (
        (live.NEEDS_LOGIN_IDLE, Code.NEEDS_LOGIN),
        (live.NEEDS_LOGIN_IN_PROGRESS, Code.LOGGING_IN),
    ):
        found = said(report=reported("needs_login", status=status, note="said by the harness"))
        assert found.code is code
        assert "said by the harness" not in found.sentence
    assert said(has_login_mark=True).code is Code.NEEDS_LOGIN


def test_a_harness_of_an_older_hive_is_told_by_its_status() -> None:
    for status, turn_state, code in (
        (live.RATE_LIMITED, "idle", Code.RATE_LIMITED),
        (live.PAUSED, "idle", Code.PAUSED),
        (live.NEEDS_LOGIN_IDLE, "idle", Code.NEEDS_LOGIN),
        (live.ONLINE, "compacting", Code.WORKING),
        (live.ONLINE, "idle", Code.WAITING),
    ):
        assert said(report=ReportState(status, turn_state)).code is code
    assert said(report=reported("of a newer hive", turn_state="thinking")).code is Code.WORKING


def test_what_is_wrong_beside_the_work_is_in_the_sentence() -> None:
    found = said(report=attrs.evolve(IDLE, note="the MCP server x is missing", about=LACKING))
    assert (found.code, found.word, found.level) == (Code.LACKING, "idle", "warning")
    assert found.sentence.endswith("; the MCP server x is missing")
    found = said(report=reported("thinking", note="claude 9 is untested", about=DOUBT))
    assert (found.code, found.level) == (Code.WORKING, "warning")
    assert said(report=IDLE, limits_met=("memory_mib",)).code is Code.LIMIT_MET
    trouble = Trouble("it was not rebuilt: no")
    found = said(report=IDLE, trouble=trouble)
    assert (found.code, found.word) == (Code.NOT_DEPLOYED, "idle")


def test_a_crash_says_how_it_ended_and_when_it_is_started_again() -> None:
    trouble = Trouble("it ended with 3: no memory", Code.CRASHED, until=AT)
    found = said(is_running=False, trouble=trouble, limits_met=("memory_mib",))
    assert found.sentence == (
        f"it ended with 3: no memory; it is started again at {STAMP};"
        " it met its limit of memory lately"
    )
    assert (found.code, found.mend) == (
        Code.CRASHED,
        "hive.pyz logs alice shows its last words",
    )


def test_an_agent_that_is_off_says_who_stopped_it() -> None:
    off = attrs.evolve(RUNNING, is_running=False, is_wanted=False)
    found = why.reason(attrs.evolve(off, stopped=Act("manager", AT)))
    assert found.sentence == f"it was stopped by manager at {STAMP}"
    assert (found.code, found.by, found.mend) == (
        Code.STOPPED,
        "manager",
        "hive.pyz start alice",
    )
    assert why.reason(off).sentence == "it is stopped"


def test_a_job_that_waits_says_how_many_are_before_it() -> None:
    found = said(is_running=False, job=Queued(7, is_running=False, before=2))
    assert found.sentence == "it waits in the build queue as job 7 behind 2 jobs"
    found = said(is_running=False, job=Queued(7, is_running=True, before=0, step="building"))
    assert (found.code, found.sentence) == (
        Code.BUILDING,
        "it is being built by job 7 (building)",
    )


def test_who_does_not_exist_waits_for_a_decision_or_was_destroyed() -> None:
    nobody = Facts("dora", exists=False)
    assert why.reason(nobody).code is Code.UNKNOWN
    assert why.reason(attrs.evolve(nobody, approval=4)).code is Code.WAITS_FOR_APPROVAL
    assert why.reason(attrs.evolve(nobody, is_kept=True)).code is Code.DESTROYED


def test_a_harness_that_does_not_speak_is_an_error_only_after_a_while() -> None:
    assert said(silent_s=why.SILENT_S - 1).code is Code.COMING_UP
    assert said(silent_s=why.SILENT_S, started_at=AT).code is Code.UNREACHABLE


def test_a_harness_that_has_spoken_and_hangs_says_since_when_and_what_mends_it() -> None:
    # It tells its state every so often: three that did not come in a row mean something.
    assert why.HUNG_S >= 3 * reporter.AGAIN_S + client.CALL_S
    found = said(report=reported("thinking"), silent_s=why.HUNG_S, heard_at=AT)
    assert (found.code, found.level) == (Code.UNREACHABLE, "error")
    assert found.sentence == f"it runs and its harness hangs: nothing was heard of it since {STAMP}"
    assert found.mend == "look at hive.pyz logs alice, then hive.pyz restart alice"
    assert said(report=reported("thinking"), silent_s=why.HUNG_S - 1).code is Code.WORKING
