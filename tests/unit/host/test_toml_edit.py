"""A string is added to a list of a TOML text, and nothing else of the text changes."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.host.toml_edit import add_strings

WORDS = st.text("ab.:*]#\"'\\,", max_size=3)
FILLINGS = st.sampled_from(
    [
        "# [x]",
        "",
        "# allow = ['z']",
        'b1 = "allow = [ # ]"',
        'b2 = """\nallow = 1\n[a]\n"""',
        "b3 = [ [1, 2], [\n3 ] ]",
        "b4 = { allow = ['q'] }",
    ]
)
TABLES = st.sampled_from(["", "# of it\n[a]\nallow = ['n']\n", "[[c]]\nx = 1\n"])
GAPS = st.sampled_from(["", " ", "\n", " # ]\n", "\n\n  # it, is\n"])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", 'allow = ["x"]\n'),
        ("a = 1", 'a = 1\nallow = ["x"]\n'),
        ("allow = []", 'allow = ["x"]'),
        ('allow = ["a"] # why\n', 'allow = ["a", "x"] # why\n'),
        ("allow = ['a', ]\n", "allow = ['a', \"x\" ]\n"),
        ('allow = [\n    "a", # one\n    "b" # two\n]\n', None),
        ('# allow = ["e"]\n\n# [env]\n', '# allow = ["e"]\nallow = ["x"]\n\n# [env]\n'),
        ("a = 1\n\n# of b\n[b]\nc = 1\n", 'a = 1\n\nallow = ["x"]\n\n# of b\n[b]\nc = 1\n'),
        ("[b]\nallow = ['n']\n", "allow = [\"x\"]\n\n[b]\nallow = ['n']\n"),
        ('allow = [\r\n  "a",\r\n]\r\n', 'allow = [\r\n  "a",\r\n  "x",\r\n]\r\n'),
    ],
)
def test_an_entry_stands_where_a_person_would_write_it(text: str, wanted: str | None) -> None:
    if wanted is None:
        wanted = 'allow = [\n    "a", # one\n    "b", # two\n    "x",\n]\n'
    assert add_strings(text, "allow", ["x"]) == wanted


@given(
    st.lists(FILLINGS, unique=True, max_size=4),
    st.none() | st.lists(WORDS, max_size=3),
    GAPS,
    st.booleans(),
    TABLES,
    st.lists(WORDS, min_size=1, max_size=3),
)
def test_what_is_read_afterwards_is_what_was_there_and_the_new_ones(
    fillings: list[str],
    known: list[str] | None,
    gap: str,
    has_comma: bool,
    table: str,
    new: list[str],
) -> None:
    rows = [f"{filling}\n" for filling in fillings]
    if known is not None:
        items = f",{gap} ".join(json.dumps(each) for each in known)
        comma = "," * (has_comma and bool(known))
        rows.insert(len(rows) // 2, f"allow = [{gap}{items}{gap}{comma}{gap}]\n")
    text = "".join([*rows, table])
    before = tomllib.loads(text)
    after = tomllib.loads(add_strings(text, "allow", new))
    assert after == {**before, "allow": [*before.get("allow", []), *new]}
