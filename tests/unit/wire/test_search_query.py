"""What a person types into the search: read, or refused with the mend; never a fault of sqlite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hive.errors import BadRequest
from hive.store.agent_databases import TOKENS
from hive.wire.search import Place, from_cursor, to_cursor
from hive.wire.search_query import KINDS, QUERY_MOST, Chip, Query, Term, parse

NOW = 1_770_000_000.0
DAY = 86400.0

PIECES = (
    *('"', "*", "(", ")", "AND", "NOT", "OR", "NEAR(", ":", "body:", "from:", "a", "é", "日本"),
    *(
        "->",
        "\x00",
        "^",
        "-",
        "+",
        "{",
        "}",
        " ",
        "kind:event",
        "after:1d",
        "\ud800",
        "𞤀",
        "ก",
        "'",
    ),
)
TYPED = st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@pytest.fixture(scope="module")
def words() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE VIRTUAL TABLE words USING fts5(body, tokenize='{TOKENS}')")
    connection.execute("INSERT INTO words VALUES ('a word AND another, é')")
    yield connection
    connection.close()


@given(typed=TYPED)
@example(typed='"')
@example(typed='a"b"*')
@example(typed="\x00")
def test_no_text_makes_sqlite_fail_and_every_refusal_is_a_sentence(
    words: sqlite3.Connection, typed: str
) -> None:
    try:
        query = parse(typed, NOW)
    except BadRequest as refused:
        told = refused.message
    else:
        told = "found: "
        _search(words, query)
    # What is wrong, then the mend.
    assert ":" in told


def _search(words: sqlite3.Connection, query: Query) -> None:
    if query.match is not None:
        words.execute("SELECT rowid FROM words WHERE words MATCH ?", (query.match,)).fetchall()
    for part in query.parts:
        words.execute("SELECT instr('x', ?)", (part,)).fetchall()


@given(typed=st.text(max_size=200))
def test_what_was_read_names_no_operator_of_the_index(typed: str) -> None:
    try:
        match = parse(typed, NOW).match or ""
    except BadRequest:
        return
    outside = match.replace('""', "").split('"')[::2]
    assert {word for piece in outside for word in piece.split()} <= {"AND", "*"}


def test_words_phrases_and_beginnings_are_terms() -> None:
    query = parse('deploy "the report" chec* "in par"*', NOW)
    assert query.terms == (
        Term("deploy"),
        Term("the report"),
        Term("chec", is_prefix=True),
        Term("in par", is_prefix=True),
    )
    assert query.match == '"deploy" AND "the report" AND "chec" * AND "in par" *'
    assert query.plain_words == ("chec", "deploy", "in", "par", "report", "the")
    assert query.kinds == KINDS


def test_filters_are_read_as_chips_and_as_what_they_mean() -> None:
    query = parse("from:bob to:@alice in:#42 after:2026-01-31 before:2d x", NOW)
    assert query.chips == (
        Chip("from", "bob"),
        Chip("to", "@alice"),
        Chip("in", "#42"),
        Chip("after", "2026-01-31"),
        Chip("before", "2d"),
    )
    assert (query.sender, query.recipient, query.thread) == ("bob", "alice", 42)
    assert (query.after, query.before) == (1769817600.0, NOW - 2 * DAY)
    assert query.kinds == ("message",)


def test_since_until_and_thread_are_other_words_for_filters() -> None:
    query = parse('since:"7d" until:1h thread:3', NOW)
    assert [chip.key for chip in query.chips] == ["after", "before", "in"]


def test_kinds_add_up() -> None:
    assert parse("x kind:turns kind:event", NOW).kinds == ("event", "turn")


@pytest.mark.parametrize(
    "text", ["日本語", "ทดสอบ", "🎉", "->", "𞤀𞤁"], ids=["han", "thai", "emoji", "arrow", "adlam"]
)
def test_what_the_index_cannot_find_is_looked_for_as_it_stands(text: str) -> None:
    query = parse(text, NOW)
    assert (query.match, query.parts, query.plain_words) == (None, (text,), ())


def test_a_colon_that_is_no_filter_is_part_of_a_word() -> None:
    assert parse('https://x.org/a error:"not found"', NOW).terms == (
        Term("https://x.org/a"),
        Term("error:not found"),
    )


@pytest.mark.parametrize(
    ("typed", "mend"),
    [
        ("  ", "write a word, or a filter"),
        ('say "hello', 'put a " behind it'),
        ("x" * (QUERY_MOST + 1), "leave some words out"),
        (" ".join(map(str, range(17))), "leave some out"),
        ("from:", "write it as in from:alice"),
        ("from:a from:b", "leave one of them out"),
        ("in:abc", "write the number of one"),
        ("kind:mail", "write kind:message, kind:event, kind:turn"),
        ("from:bob kind:event", "can only be said of messages"),
        ("after:yesterday", "write a day as 2026-01-31"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_mend(typed: str, mend: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(typed, NOW)
    assert mend in refused.value.message


def test_a_time_is_a_day_or_a_minute_in_utc_or_an_age() -> None:
    assert parse("after:2026-01-31T16:30Z", NOW).after == 1769877000.0
    assert parse("after:90m", NOW).after == NOW - 5400
    assert isinstance(parse("after:999999w", NOW), Query)


NUMBER = st.none() | st.integers(0, 2**62)
PLACES = st.builds(
    Place,
    NUMBER,
    st.dictionaries(st.sampled_from(["ada", "b-b", "manager"]), st.tuples(NUMBER, NUMBER)),
)


@given(place=PLACES)
def test_a_cursor_says_its_place(place: Place) -> None:
    assert from_cursor(to_cursor(place)) == place


@given(
    word=st.text(max_size=40)
    | st.binary(max_size=40).map(lambda raw: to_cursor(Place(len(raw)))[2:])
)
@example(word="e30")
@example(word="eyJtIjoxLjV9")
@example(word="\ud800")
def test_any_other_cursor_is_refused(word: str) -> None:
    with pytest.raises(BadRequest):
        from_cursor(word)
