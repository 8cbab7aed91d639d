"""`hive.lock`: what is written is read again, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.errors import Unavailable
from hive.host import meta_lock
from hive.host.meta_lock import Installed, Lock, Pin
from hive.wire.names import AgentName

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True).filter(
    lambda name: name not in {"operator", "system", "reminder", "hm1nd", "all"}
)
PINS = st.builds(
    Pin,
    st.from_regex(r"[0-9a-f]{40}", fullmatch=True),
    st.integers(0, 10**12).map(lambda number: f"deployed/{number}"),
)
LOCKS = st.builds(
    Lock,
    st.just(1),
    st.builds(Installed, st.text('abc"\\é', max_size=9)),
    st.dictionaries(NAMES, PINS),
)


@given(LOCKS)
def test_what_is_written_is_read_again(lock: Lock) -> None:
    assert meta_lock.from_text(meta_lock.to_text(lock)) == lock


@given(LOCKS)
def test_the_same_lock_is_the_same_text(lock: Lock) -> None:
    turned = Lock(1, lock.hyperhive, dict(reversed(lock.agents.items())))
    assert meta_lock.to_text(turned) == meta_lock.to_text(lock)


def text(name: str = "a", rev: str = "1" * 40, tag: str = "deployed/1") -> str:
    pin = f'{{"rev": "{rev}", "tag": "{tag}"}}'
    return f'{{"version": 1, "hyperhive": {{"rev": "r"}}, "agents": {{"{name}": {pin}}}}}'


BAD = ["", "[]", "{}", text("../x"), text("operator"), text(rev="x"), text(tag="failed/1")]


@pytest.mark.parametrize("bad", [*BAD, text()[:-1] + ', "more": 1}'])
def test_anything_else_is_refused(bad: str) -> None:
    with pytest.raises(Unavailable, match="cannot be read"):
        meta_lock.from_text(bad)


def test_a_newer_file_is_left_to_the_hive_that_wrote_it() -> None:
    with pytest.raises(Unavailable, match="version 2, and this hive knows 1"):
        meta_lock.from_text('{"version": 2, "hyperhive": {"rev": "r"}, "agents": {}}')


def test_a_lock_of_many_agents_is_read() -> None:
    lock = meta_lock.empty("r")
    for number in range(3000):
        lock = Lock(1, lock.hyperhive, {**lock.agents, f"a{number}": Pin("1" * 40, "deployed/1")})
    assert meta_lock.from_text(meta_lock.to_text(lock)) == lock


def test_only_the_named_are_kept() -> None:
    lock = meta_lock.empty("r").pinned(AgentName("a"), "1" * 40, "deployed/1")
    lock = lock.pinned(AgentName("b"), "2" * 40, "deployed/2")
    assert list(lock.only([AgentName("b"), AgentName("c")]).agents) == ["b"]
