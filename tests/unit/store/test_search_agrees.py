"""Messages and agents' files are searched alike: the same words find the same in both."""

from __future__ import annotations

import json
import sqlite3

from hypothesis import example, given
from hypothesis import strategies as st

from hive.errors import BadRequest
from hive.store import agent_databases, message_index, schema
from hive.wire.search_query import parse

WORDS = (
    "Café",
    "cafe\u0301",
    "İstanbul",
    "straße",
    "ΣΑΣ",
    "日本語です",
    "don't",
    "a_b",
    "v1.2",
    "x",
)
TEXTS = st.lists(
    st.sampled_from(WORDS) | st.text(min_size=1, max_size=8), min_size=1, max_size=5
).map(" ".join)
TYPED = st.lists(
    st.sampled_from(
        (*WORDS, "cafe", "istanbul", "strasse", "σας", "日本", "caf*", '"a b"', "ca", "1", "語で")
    ),
    min_size=1,
    max_size=3,
).map(" ".join)


def clean(text: str) -> str:
    """Return a text as both places hold one."""
    return text.replace("\0", " ").encode(errors="replace").decode()


@given(texts=st.lists(TEXTS, min_size=1, max_size=4), typed=TYPED | TEXTS)
@example(texts=["cafe\u0301 x"], typed="CAFÉ")
@example(texts=["ein \u212a"], typed="k")
def test_the_same_words_find_the_same_texts(texts: list[str], typed: str) -> None:
    try:
        query = parse(typed, 0.0)
    except BadRequest:
        return
    if query.chips:
        return
    texts = [clean(text) for text in texts]
    broker = sqlite3.connect(":memory:", isolation_level=None)
    for migration in schema.BROKER:
        migration(broker)
    broker.executemany(
        "INSERT INTO messages (id, sender, recipient, body, sent_at) VALUES (?, 'a', 'b', ?, 0)",
        list(enumerate(texts, start=1)),
    )
    message_index._index_some(broker)
    page = message_index._search(broker, query, None, 50)
    broker.close()
    wanted = {"match": query.match, "parts": query.parts}
    rows = [(number, 0.0, "", text) for number, text in enumerate(texts, start=1)]
    found = agent_databases.find_rows(rows[::-1], wanted)
    assert [row[0] for row in found] == [each.id for each in page.found]
    assert [(row[3], tuple(row[4])) for row in found] == [
        (each.text, each.marks) for each in page.found
    ]
    for number, *_ in found:
        for is_ascii in (True, False):
            payload = json.dumps({"text": texts[number - 1]}, ensure_ascii=is_ascii)
            # The cheap look lets pass whatever has the words.
            assert agent_databases._may_have(payload, list(query.plain_words))
