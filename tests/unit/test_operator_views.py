"""What the client verbs make of replies, where it is more than a line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hive import operator_views


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
    assert operator_views.deed({"kind": "meta_update", "agent": None}) == "the inputs are updated"
