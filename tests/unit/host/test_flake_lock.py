"""Reading a `flake.lock`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hive.errors import BadRequest, Unavailable
from hive.host import flake_lock
from hive.wire.jobs import MetaInput
from hive.wire.names import AgentName

ALICE, BOB = AgentName("alice"), AgentName("bob")


def git(rev: str, **more: Any) -> dict[str, Any]:
    url = "https://example.org/x"
    return {"locked": {"type": "git", "url": url, "rev": rev, "lastModified": 7}, **more}


def lock(**changes: Any) -> flake_lock.FlakeLock:
    nodes = {
        "root": {
            "inputs": {
                "hyperhive": "hyperhive",
                "agent-alice": "agent-alice",
                "agent-bob": "agent-bob",
            }
        },
        "hyperhive": git("h", inputs={"nixpkgs": "nixpkgs"}),
        "nixpkgs": git("n"),
        "agent-alice": git("a", inputs={"tool": "tool", "nixpkgs": ["hyperhive", "nixpkgs"]}),
        "tool": git("t", inputs={"deep": "deep"}),
        "deep": {"locked": {"type": "tarball", "narHash": "sha256-x"}},
        "agent-bob": git("b"),
        **changes,
    }
    return flake_lock.read(json.dumps({"version": 7, "root": "root", "nodes": nodes}))


def test_inputs_are_walked_breadth_first_to_a_depth_of_two_hive_itself_first() -> None:
    assert [row.name for row in lock().inputs()] == [
        "hyperhive",
        "agent-alice",
        "agent-bob",
        "hyperhive/nixpkgs",
        "agent-alice/tool",
    ]


@pytest.mark.parametrize(
    ("original", "source"),
    [
        ({"type": "github", "owner": "o", "repo": "r", "ref": "main"}, "github:o/r/main"),
        ({"type": "git", "url": "https://x.org/y", "ref": "main"}, "git+https://x.org/y?ref=main"),
        ({"type": "path", "path": "/nix/hive"}, "path:/nix/hive"),
        ({"type": "indirect", "id": "nixpkgs"}, "indirect:nixpkgs"),
        ({}, ""),
    ],
)
def test_an_input_says_where_it_comes_from(original: dict[str, str], source: str) -> None:
    found = lock(hyperhive=git("h", original=original)).inputs()[0]
    assert (found.name, found.source) == ("hyperhive", source)


def test_an_input_has_its_revision_and_its_age() -> None:
    assert lock().inputs()[1] == MetaInput("agent-alice", "a", 7.0)


def test_an_input_without_a_revision_has_the_hash_of_its_content() -> None:
    changed = lock(hyperhive={"locked": {"type": "path", "narHash": "sha256-y"}})
    assert flake_lock.hive_rev(changed) == "sha256-y"


def test_what_lies_deep_below_an_agent_is_part_of_it() -> None:
    changed = lock(deep={"locked": {"type": "tarball", "narHash": "sha256-other"}})
    assert changed.below("agent-alice") != lock().below("agent-alice")
    assert changed.below("agent-bob") == lock().below("agent-bob")
    assert changed.below("hyperhive") == lock().below("hyperhive")


def test_inputs_that_name_each_other_come_to_an_end() -> None:
    turning = lock(deep=git("d", inputs={"tool": "tool"}))
    turning.check(ALICE)
    assert len(turning.inputs()) == 5


@pytest.mark.parametrize(
    "locked",
    [
        {"type": "path", "path": "/etc"},
        {"type": "path"},
        {"type": "git", "url": "file:///root/x"},
        {"type": "git", "url": "/root/x"},
        {"type": "tarball", "url": "file:///root/x.tar"},
        {"type": "hg", "url": "file:///root/x"},
    ],
)
def test_files_of_the_host_are_no_input_of_an_agent(locked: dict[str, str]) -> None:
    with pytest.raises(BadRequest, match="the flake of alice takes"):
        lock(deep={"locked": locked}).check(ALICE)
    lock(deep={"locked": locked}).check(BOB)


@pytest.mark.parametrize(
    "locked",
    [
        {"type": "path", "path": "./sub"},
        {"type": "github", "owner": "o", "repo": "r"},
        {"type": "git", "url": "ssh://git@example.org/x"},
        {"type": "git", "url": "git@example.org:x"},
        {"type": "tarball", "url": "https://example.org/x.tar"},
    ],
)
def test_what_is_fetched_or_lies_in_the_repository_may_be_one(locked: dict[str, str]) -> None:
    lock(deep={"locked": locked}).check(ALICE)


def test_an_agent_that_nix_left_out_is_told() -> None:
    with pytest.raises(Unavailable, match="no input agent-carol"):
        lock().check(AgentName("carol"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"nodes": 1, "root": "r"}',
        '{"nodes": {"r": 1}, "root": "r"}',
        '{"nodes": {"r": {"inputs": {"a": "gone"}}}, "root": "r"}',
        '{"nodes": {}, "root": "r"}',
        "[" * 100_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Unavailable):
        flake_lock.read(text)
