"""A key of a TOML text is found on the line on which it stands."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.host import toml_lines

KEYS = st.text("ab.]='\"# é\n", min_size=1, max_size=4)
FILLINGS = (
    "# [x] y = 1",
    "",
    'b1 = """\n[a]\na = 1 \\""" "" \\\\ """""',
    "b2 = '''\n\\\n[a]'''''",
    "b3 = [\n  1, # ]\n  [\"]\", '['],\n  { a = 1 },\n]",
    'b4 = { a = [\n1,\n], "}" = 2 }',
    "b5 = 1979-05-27T07:32:00.5Z",
    'b6 = ""',
    "b7 = ''",
    "b8 = -inf",
)


@pytest.mark.parametrize(
    ("text", "keys", "number"),
    [
        ("[a]\n[a.b]\nc = 1", ("a", "b", "c"), 3),
        ("[a]\n[a.b]\nc = 1", ("a", "b", "d"), 2),
        ("[ a . 'b' ] # x\nc.d = 1", ("a", "b", "c", "d"), 2),
        ("\n[[a]]\nb = 1\n[[a]]\nc = 1", ("a", "c"), 5),
        ("\n[[a]]\nb = 1\n[[a]]\nb = 1", ("a", "2", "b"), 5),
        ("\n[[a]]\nb = 1\n[[a]]\nc = 1", ("a", "2", "b"), 4),
        ("a = { b = 1 }", ("a", "b"), 1),
        ('"\\u0061" = 1', ("a",), 1),
        ("a = 1\r\nb = 2\r\n", ("b",), 2),
        ("a = 1", ("b",), 0),
        ("", (), 0),
    ],
)
def test_the_deepest_key_that_is_there_is_found(
    text: str, keys: tuple[str, ...], number: int
) -> None:
    tomllib.loads(text)
    assert toml_lines.find(text, keys) == number


@given(
    before=st.lists(st.sampled_from(FILLINGS), unique=True),
    table=st.lists(KEYS, max_size=3),
    key=KEYS,
)
def test_nothing_before_it_hides_a_key(before: list[str], table: list[str], key: str) -> None:
    lines = [*before]
    path = ("t", *table)
    lines.append(f"[{'.'.join(json.dumps(part, ensure_ascii=False) for part in path)}]")
    lines += [line.replace("b", "key-", 1) for line in before]
    text = "\n".join(lines)
    number = text.count("\n") + 2
    text += f"\n{json.dumps(key, ensure_ascii=False)} = 1\n"
    tomllib.loads(text)
    assert toml_lines.find(text, (*path, key)) == number
