"""What the dashboard's strip says of the agents: one notice per kind, and one per failure."""

from __future__ import annotations

from typing import Any

import attrs

from hive.core import board, why
from hive.core.why_facts import Facts, Trouble
from hive.wire.agent import ReportState
from hive.wire.dashboard import ContainerRow, Notice
from hive.wire.why import Code


def row(name: str, **facts: Any) -> ContainerRow:
    """Return an agent's row for facts."""
    known = attrs.evolve(Facts(name, is_running=True, is_wanted=True), **facts)
    is_manager = name == "manager"
    return ContainerRow(name, name, is_manager, known.is_running, why=why.reason(known))


def said(*rows: ContainerRow) -> list[Notice]:
    """Return the notices of rows."""
    return list(board.of_the_rows(rows))


def test_an_agent_that_works_or_waits_is_no_notice() -> None:
    idle = ReportState("online", "idle", phase="waiting")
    assert said(row("alice", report=idle), row("bob", transient="rebuilding")) == []


def test_those_at_a_limit_are_told_of_together_with_who_goes_on_first() -> None:
    limited = ReportState("rate_limited", "idle", phase="rate_limited", note="no more")
    (notice,) = said(
        row("alice", report=attrs.evolve(limited, until=7200.0)),
        row("bob", report=attrs.evolve(limited, until=3600.0)),
        row("carol", report=limited),
    )
    assert (notice.kind, notice.level) == ("parked", "warning")
    assert notice.about == ("alice", "bob", "carol")
    assert "alice, bob, carol" in notice.message
    assert "the first until 1970-01-01 01:00:00 UTC: " in notice.message


def test_a_missing_login_says_how_to_give_one() -> None:
    (notice,) = said(row("bob", has_login_mark=True))
    assert notice.kind == "needs_login"
    assert "bob" in notice.message
    assert "ANTHROPIC_API_KEY" in notice.message


def test_whoever_failed_has_a_notice_of_its_own_with_the_mend() -> None:
    trouble = Trouble("it ended with 3", Code.CRASHED)
    found = said(*(row(name, is_running=False, trouble=trouble) for name in ("alice", "bob")))
    assert [(each.kind, each.level, each.about) for each in found] == [
        ("failed", "error", ("alice",)),
        ("failed", "error", ("bob",)),
    ]
    assert "it ended with 3 — hive.pyz logs alice" in found[0].message


def test_agents_that_are_off_are_a_warning_only_with_the_manager_among_them() -> None:
    off = {"is_running": False, "is_wanted": False}
    (notice,) = said(row("bob", **off))
    assert (notice.kind, notice.level, notice.about) == ("off", "info", ("bob",))
    (notice,) = said(row("manager", **off), row("bob", **off))
    assert notice.level == "warning"
    assert notice.message == "Stopped or paused, and their messages wait: manager, bob"
