"""What the client verbs make of replies, where it is more than a line."""

from __future__ import annotations

from argparse import Namespace

from hypothesis import given
from hypothesis import strategies as st

from hive import operator_views
from hive.store.reminders import ATTEMPTS_MAX


@given(st.lists(st.integers(), unique=True, max_size=30), st.integers(0, 30), st.integers(1, 40))
def test_a_followed_log_shows_each_line_once(lines: list[int], seen: int, tail: int) -> None:
    log = [str(line) for line in lines]
    before = log[:seen]
    shown = before[-tail:] + operator_views.fresh(before[-tail:], log[-40:])
    assert shown == log[max(0, len(before) - tail) :]


def test_a_log_that_was_begun_anew_is_shown_whole() -> None:
    assert operator_views.fresh(["one", "two"], ["three"]) == ["three"]


def test_what_an_approval_did_is_said_in_words() -> None:
    assert operator_views.deed({"kind": "spawn", "agent": "bob"}) == "bob: it runs"
    for agent in (None, "manager"):
        row = {"kind": "meta_update", "agent": agent}
        assert operator_views.deed(row) == "the inputs are updated"


def test_a_question_is_shown_with_its_deadline_and_how_many_may_be_chosen() -> None:
    row = {"id": 2, "asker": "bob", "target": None, "question": "which?", "options": ["a", "b"]}
    times = {"asked_at": 0.0, "deadline_at": 3600.0, "multi": True}
    head, *_ = operator_views.questions({"questions": [{**row, **times}]}, Namespace())
    until = operator_views.clock(3600.0)
    assert head.endswith(f"bob asks operator, until {until}, several may be chosen")
    times = {"asked_at": 0.0, "deadline_at": None, "multi": False}
    head, *_ = operator_views.questions({"questions": [{**row, **times}]}, Namespace())
    assert head.endswith("bob asks operator")


def test_a_reminder_says_when_it_was_given_up() -> None:
    row = {"id": 1, "agent": "bob", "message": "tea\nmilk", "due_at": 0.0, "last_error": "no bob"}
    said = {
        count: list(
            operator_views.reminders({"reminders": [{**row, "attempt_count": count}]}, Namespace())
        )[1].strip()
        for count in (1, 2, 5)
    }
    assert said[1] == "failed once: no bob"
    assert said[2] == "failed 2 times: no bob"
    assert said[5] == "failed 5 times, given up: no bob"
    assert operator_views.REMINDER_ATTEMPTS == ATTEMPTS_MAX


def test_what_waits_names_the_inputs_it_would_update() -> None:
    row = {
        "id": 3,
        "agent": "manager",
        "kind": "update_meta_inputs",
        "commit_ref": '["hyperhive", "agent-bob"]',
        "requested_at": "2026-01-01T00:00:00Z",
        "status": "pending",
    }
    (line,) = operator_views.pending({"approvals": [row]}, Namespace())
    assert line.endswith("hyperhive, agent-bob")


def test_a_diff_ends_with_its_last_line() -> None:
    found = {"sha": "a" * 40, "base_sha": None, "files": [], "text": "@@\n+x\n"}
    shown = list(operator_views.diff({"diff": {**found, "is_truncated": False}}, Namespace()))
    assert shown[-2:] == ["@@", "+x"]


def test_what_an_agent_reached_is_shown_with_why_it_was_refused() -> None:
    row = {"port": 443, "count": 2, "sent": 2048, "received": 5 * 1024**3, "last_at": 0.0}
    report = {
        "mode": "proxy",
        "account": "gateway",
        "allowed": [],
        "always": ["api.anthropic.com:443"],
        "reached": [
            {**row, "host": "pypi.org", "verdict": "allowed", "why": None},
            {**row, "host": "evil.example", "verdict": "denied", "why": "not listed"},
        ],
    }
    lines = list(operator_views.network({"network": report}, Namespace()))
    assert lines[0] == "network: by hive's proxy alone"
    assert "never holds it" in lines[1]
    assert lines[2:4] == ["allowed: nothing", "always:  api.anthropic.com:443"]
    assert lines[4].split()[2:] == [
        "allowed",
        "2",
        "pypi.org:443",
        "2",
        "KiB",
        "out,",
        "5",
        "GiB",
        "in",
    ]
    assert lines[5].split()[2:] == ["denied", "2", "evil.example:443", "not", "listed"]
    (first, _) = operator_views.network({"network": {**report, "mode": "host"}}, Namespace())
    assert "nothing is held back" in first
