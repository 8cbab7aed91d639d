"""Nix text as it is written; that Nix reads it back is in `tests/contract/meta`."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import BadRequest
from hive.host import flake_text, meta_lock
from hive.host.flake_text import MetaFlake
from hive.wire.names import MANAGER, AgentName

FLAKE = MetaFlake("path:/hive", Path("/var/lib/hyperhive/applied"), "x86_64-linux")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (-7, "(-7)"),
        (-(2**63), "(-9223372036854775807 - 1)"),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("${x} $$", '"\\${x} \\$\\$"'),
        ("a\n\r\tb", '"a\\n\\r\\tb"'),
        ([], "[ ]"),
        ([1, "a"], '[ 1 "a" ]'),
        ({}, "{ }"),
        ({"a b": [True]}, '{ "a b" = [ true ]; }'),
    ],
)
def test_a_value_is_one_line_of_nix(value: flake_text.Value, text: str) -> None:
    assert flake_text.literal(value) == text


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "a\0b", "\ud800", {"\0": 1}, 1.5, b"a"])
def test_what_nix_cannot_hold_is_refused(value: flake_text.Value) -> None:
    with pytest.raises(BadRequest):
        flake_text.literal(value)


def test_every_agent_is_an_input_at_its_commit_and_a_system() -> None:
    lock = meta_lock.empty("r").pinned(AgentName("alice"), "1" * 40, "deployed/1")
    lock = lock.pinned(MANAGER, "2" * 40, "deployed/0")
    text = flake_text.meta_flake(FLAKE, lock)
    url = f"git+file:///var/lib/hyperhive/applied/alice?rev={'1' * 40}"
    assert f'"agent-alice".url = "{url}";' in text
    assert '"alice" = container "alice" "agent";' in text
    assert '"manager" = container "manager" "manager";' in text
    assert '"hyperhive".url = "path:/hive";' in text


@pytest.mark.parametrize("path", ["/a b", "/a?b", "/a#b", "/a%b", "/é", "/a$b", "a", '/"'])
def test_a_path_that_nix_reads_otherwise_is_refused(path: str) -> None:
    with pytest.raises(BadRequest, match="give another --root"):
        flake_text.repository(Path(path), "1" * 40)


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "é", "x" * 501])
def test_a_reference_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="hive_flake"):
        flake_text.reference(text)
