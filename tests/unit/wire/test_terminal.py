"""The frames between a terminal and the inside of an agent, however they are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.wire import terminal

CONTENTS = st.binary(max_size=200)
FRAMES = st.lists(st.tuples(st.sampled_from(sorted(terminal.KINDS)), CONTENTS), max_size=8)


def read(reader: terminal.Reader, data: bytes, cuts: list[int]) -> list[tuple[bytes, bytes]]:
    found = []
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(places):
        found += reader.feed(data[start:end])
    return found


@given(FRAMES, st.lists(st.integers(0, 5000)))
def test_frames_come_out_as_they_went_in_wherever_they_are_cut(
    sent: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    data = b"".join(terminal.frame(kind, content) for kind, content in sent)
    assert read(terminal.Reader(), data, cuts) == sent


@given(st.binary(max_size=3 * terminal.CONTENT_BYTES), st.lists(st.integers(0)))
def test_a_content_of_any_length_is_passed_on_whole(content: bytes, cuts: list[int]) -> None:
    found = read(terminal.Reader(), terminal.frames(terminal.DATA, content), cuts)
    assert b"".join(part for _, part in found) == content
    assert all(kind == terminal.DATA for kind, _ in found)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
def test_nonsense_is_refused_or_waits_for_more_and_is_never_kept_without_bounds(
    data: bytes, cuts: list[int]
) -> None:
    reader = terminal.Reader()
    try:
        found = read(reader, data, cuts)
    except terminal.BadFrame:
        return
    # What was taken was frames, and what is left is the beginning of one.
    taken = b"".join(terminal.frame(kind, content) for kind, content in found)
    assert data.startswith(taken)
    assert len(reader._buffer) <= terminal.CONTENT_BYTES + 5


@given(st.integers(0, 70_000), st.integers(0, 70_000))
def test_a_size_comes_out_as_it_went_in(rows: int, columns: int) -> None:
    ((_, content),) = terminal.Reader().feed(terminal.size(rows, columns))
    assert terminal.size_of(content) == (min(rows, 65535), min(columns, 65535))


@given(st.integers(0, 255), st.text(max_size=300))
def test_an_end_comes_out_as_it_went_in(status: int, text: str) -> None:
    ((_, content),) = terminal.Reader().feed(terminal.exited(status))
    assert terminal.exit_of(content) == status
    ((_, content),) = terminal.Reader().feed(terminal.failed("conflict", text))
    assert terminal.failure_of(content) == ("conflict", text)


@pytest.mark.parametrize("content", [b"", b"1", b"12345"])
def test_a_wrong_length_is_no_size_and_no_end(content: bytes) -> None:
    with pytest.raises(terminal.BadFrame):
        terminal.size_of(content)
    if len(content) != 1:
        with pytest.raises(terminal.BadFrame):
            terminal.exit_of(content)
