"""What is counted stays bounded, and nothing of it is lost to whoever stores it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hive.egress import ledger
from hive.egress.ledger import Ledger
from hive.wire.destinations import Target
from hive.wire.network import ALLOWED, DENIED, Connection, Reached

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("denied"), st.integers(0, 4)),
        st.tuples(st.just("failed"), st.integers(0, 4)),
        st.tuples(st.just("passed"), st.integers(0, 4)),
        st.tuples(st.just("taken"), st.just(0)),
        st.tuples(st.just("put back"), st.just(0)),
    ),
    max_size=60,
)


def target(number: int) -> Target:
    return Target(f"h{number}.example", 443)


def test_a_flood_of_denials_stays_bounded_and_does_not_push_out_what_was_allowed() -> None:
    book = Ledger(lambda: 1.0)
    passage = book.opened(target(0), "192.0.2.1")
    for number in range(5000):
        book.denied(target(number), "no")
    passage.add(3, 4)
    passage.close()
    rows = book.reached()
    assert len(rows) == ledger.DESTINATIONS + 1
    assert [row for row in rows if row.verdict == ALLOWED] == [
        Reached("h0.example", 443, ALLOWED, 1, 3, 4, 1.0, 1.0)
    ]
    assert len(book.connections()) == ledger.CONNECTIONS
    changes = book.take_changes()
    assert changes is not None
    assert len(changes.reached) == ledger.DESTINATIONS + 1
    assert len(changes.connections) == ledger.CONNECTIONS


def test_what_is_used_again_is_kept_and_the_longest_unused_goes() -> None:
    book = Ledger(lambda: 1.0)
    for number in range(ledger.DESTINATIONS):
        book.denied(target(number), "no")
    book.denied(target(0), "no")
    book.denied(target(9999), "no")
    hosts = {row.host for row in book.reached()}
    assert "h0.example" in hosts
    assert "h1.example" not in hosts
    assert book.denials == ledger.DESTINATIONS


@given(STEPS)
def test_what_was_stored_is_what_is_known(steps: list[tuple[str, int]]) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1
        return now

    book = Ledger(clock)
    stored: dict[tuple[str, int, str], Reached] = {}
    connections: list[Connection] = []
    for step, number in steps:
        if step == "denied":
            book.denied(target(number), "no")
        elif step == "failed":
            book.failed(target(number), "away")
        elif step == "passed":
            passage = book.opened(target(number), "192.0.2.1")
            passage.add(1, 2)
            passage.close()
        elif step == "put back":
            if (changes := book.take_changes()) is not None:
                book.put_back(changes)
        elif (changes := book.take_changes()) is not None:
            stored |= {(row.host, row.port, row.verdict): row for row in changes.reached}
            connections += changes.connections
    if (changes := book.take_changes()) is not None:
        stored |= {(row.host, row.port, row.verdict): row for row in changes.reached}
        connections += changes.connections
    assert sorted(stored.values(), key=lambda row: -row.last_at) == book.reached()
    assert list(reversed(connections)) == book.connections()
    assert book.take_changes() is None
    again = Ledger(clock, tuple(stored.values()), tuple(connections))
    assert again.reached() == book.reached()
    assert again.connections() == book.connections()
    assert again.denials == len([row for row in stored.values() if row.verdict == DENIED])


def test_an_open_connection_is_shown_before_what_is_over() -> None:
    book = Ledger(lambda: 5.0)
    book.denied(target(1), "no")
    passage = book.opened(target(2), "192.0.2.1")
    passage.add(10, 20)
    first = book.connections()[0]
    assert (first.host, first.ended_at, first.sent, first.received) == ("h2.example", None, 10, 20)
    passage.close()
    assert book.connections()[0].ended_at == 5.0
