"""What was said of lines reaches the manager: in its message as far as it fits, or in the tag."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.core import review_text, reviews
from hive.errors import BadRequest
from hive.wire.approvals import APPLY_COMMIT, DENIED, Approval
from hive.wire.helper_events import ApprovalResolved
from hive.wire.limits import BODY_BYTES
from hive.wire.reviews import NEW, OLD, Comment

DECIDED = Approval(7, "alice", APPLY_COMMIT, "5e5e5e5", 1.0, DENIED, fetched_sha="5e" * 20)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
COMMENTS = st.lists(
    st.builds(
        Comment,
        id=st.integers(1, 99),
        approval_id=st.just(7),
        path=TEXTS,
        side=st.sampled_from([NEW, OLD]),
        line=st.integers(1, 10**6),
        quote=st.one_of(TEXTS, st.just("q" * 400), st.just("\u65e5" * 400)),
        text=st.one_of(TEXTS, st.just("why?\n" * 400), st.just('"' * 2000)),
        base_ref=st.just("deployed/1"),
        base_sha=st.just("1d" * 20),
        at=st.just(1.0),
        sent_at=st.just(2.0),
    ),
    max_size=100,
)


def told(note: str | None, comments: list[Comment]) -> dict[str, object]:
    event = ApprovalResolved(7, "alice", "5e5e5e5", DENIED, note, "5e" * 20, "denied/7")
    body = review_text.body_of(event, comments, review_text.where(DECIDED, DENIED))
    assert len(body.encode()) <= BODY_BYTES
    found: dict[str, object] = json.loads(body)
    return found


@given(note=st.one_of(st.none(), TEXTS, st.just("n" * 4096)), comments=COMMENTS)
def test_what_does_not_fit_is_counted_and_said_where_it_stands(
    note: str | None, comments: list[Comment]
) -> None:
    found = told(note, comments)
    shown = found.get("comments", [])
    assert isinstance(shown, list)
    for one, of in zip(shown, comments, strict=False):
        assert (one["file"], one["side"], one["line"]) == (of.path, of.side, of.line)
        assert of.quote.startswith(one["quote"])
        assert one["comment"] == of.text
    is_whole = len(shown) == len(comments) and found.get("note") == note
    assert is_whole == ("more" not in found)
    if not is_whole:
        assert "git cat-file tag denied/7" in str(found["more"])
    if 0 < len(shown) < len(comments):
        assert str(found["more"]).startswith(f"{len(comments) - len(shown)} of {len(comments)} ")


@given(COMMENTS)
def test_the_tag_has_every_comment_whole(comments: list[Comment]) -> None:
    for one in comments:
        text = review_text.spell(one)
        assert f"\n  > {one.quote}\n" in text
        assert text.endswith("".join(f"\n  {line}" for line in one.text.split("\n")))


def test_a_comment_is_spelled_as_it_is_read() -> None:
    place, text = reviews.read("a b/agent.toml:12:why: so\nmuch?")
    assert (place.path, place.side, place.line, text) == (
        "a b/agent.toml",
        NEW,
        12,
        "why: so\nmuch?",
    )
    place, _ = reviews.read("agent.toml:-3:keep it")
    assert (place.side, place.line) == (OLD, 3)
    for odd in ("", "agent.toml", "agent.toml:x:y", "agent.toml:0:no", "agent.toml:3:", ":3:x"):
        with pytest.raises(BadRequest, match="FILE:LINE:TEXT"):
            reviews.read(odd)
