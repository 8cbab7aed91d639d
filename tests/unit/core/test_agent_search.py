"""What an agent's files made the reader print is checked before anybody sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from hive.core.agent_search import read
from hive.errors import Unavailable
from hive.wire.names import AgentName
from tests.fakes.any_json import JSON

BOB = AgentName("bob")
GOOD: list[Any] = ["event", 7, 1.5, "stream", "a word", [[2, 6]]]


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_a_row_becomes_a_hit_with_the_place_it_stands_at() -> None:
    looked = read(BOB, lines(GOOD, ["end", "event", None, None]), 9)
    (hit,) = looked.hits["event"]
    assert (hit.id, hit.agent, hit.href) == (7, "bob", "/agent/bob/#row-7")
    assert (looked.ends["event"], looked.fault) == (None, None)


def test_a_history_that_was_not_looked_through_says_back_to_when() -> None:
    looked = read(BOB, lines(GOOD, ["end", "event", 5, 1.0]), 9)
    assert looked.fault is not None
    assert (looked.ends["event"], looked.fault.where, looked.fault.back_to) == (5, "bob", 1.0)
    assert read(BOB, lines(GOOD, ["end", "event", 7, 1.5]), 1).fault is None


@pytest.mark.parametrize(
    ("at", "value"),
    [
        *((0, kind) for kind in ("message", "fault", 1, None)),
        *((1, number) for number in (-1, 2**62, "7", True, 1.0)),
        *((2, moment) for moment in ("1", None, 1e300, -1, 9e14)),
        *((3, label) for label in (None, 7)),
        *((4, text) for text in (None, "x" * 241)),
        *((5, marks) for marks in ([[6, 2]], [[0, 7]], [[0]], 7, [[0, 1]] * 21)),
    ],
)
def test_a_row_with_anything_else_in_it_is_refused(at: int, value: Any) -> None:
    row = [*GOOD]
    row[at] = value
    with pytest.raises(Unavailable):
        read(BOB, lines(row), 9)


def test_more_than_was_asked_for_is_refused() -> None:
    with pytest.raises(Unavailable):
        read(BOB, lines(*[GOOD] * 10), 9)


@given(said=JSON)
def test_whatever_is_printed_is_read_or_refused(said: Any) -> None:
    try:
        looked = read(BOB, lines(said), 9)
    except Unavailable:
        return
    assert len(looked.hits["event"]) <= 1
