"""Which inputs an agent's flake may name."""

from __future__ import annotations

import pytest

from hive.errors import BadRequest
from hive.host import flake_inputs
from hive.wire.names import AgentName

ALICE = AgentName("alice")


@pytest.mark.parametrize(
    "url",
    [
        "path:/etc",
        "/etc",
        "path:../x",
        "../x",
        "path:./%2e%2e/x",
        "path:%2fetc",
        "git+file:///root/x",
        "file:///etc/shadow",
        "tarball+file:///root/x.tar",
        "hg+file:///root/x",
        "git+ext::sh -c id",
        "~/x",
        "./../../../root",
        "path:./../x",
        "./sub/..",
        "./sub/../../x",
        "./sub?dir=../../x",
        "./sub#x",
        "",
        7,
        None,
    ],
)
def test_what_may_be_of_the_host_is_refused(url: object) -> None:
    with pytest.raises(BadRequest, match="the flake of alice takes"):
        flake_inputs.check(ALICE, {"x": {"url": url}})
    with pytest.raises(BadRequest):
        flake_inputs.check(ALICE, {"ok": {"url": "github:a/b", "inputs": {"y": {"url": url}}}})


@pytest.mark.parametrize(
    "one",
    [
        {"type": "path", "path": "/etc"},
        {"type": "path", "path": "./sub"},
        {"type": "git", "url": "file:///root/x"},
        {"type": "git", "url": "/root/x"},
        {"type": "git"},
        "path:/etc",
    ],
)
def test_the_long_form_is_looked_at_too(one: object) -> None:
    with pytest.raises(BadRequest):
        flake_inputs.check(ALICE, {"x": one})


@pytest.mark.parametrize("inputs", ["x", "github:a/b", 1, ["a"], None])
def test_inputs_that_are_no_set_are_refused(inputs: object) -> None:
    with pytest.raises(BadRequest):
        flake_inputs.check(ALICE, inputs)


@pytest.mark.parametrize(
    "one",
    [
        {"url": "github:NixOS/nixpkgs/nixos-unstable"},
        {"url": "git+https://example.org/x?ref=main"},
        {"url": "git+ssh://git@example.org/x"},
        {"url": "https://example.org/x.tar.gz"},
        {"url": "path:./sub"},
        {"url": "./sub"},
        {"url": "nixpkgs"},
        {"url": "nixpkgs/nixos-24.05"},
        {"follows": "y"},
        {"url": "github:a/b", "flake": False, "inputs": {"y": {"follows": "z"}}},
        {"type": "github", "owner": "a", "repo": "b"},
        {"type": "git", "url": "https://example.org/x"},
    ],
)
def test_what_is_fetched_or_lies_inside_is_allowed(one: object) -> None:
    flake_inputs.check(ALICE, {"x": one})


def test_the_flakes_inside_are_named() -> None:
    inputs = {
        "a": {"url": "path:./sub"},
        "b": {"url": "github:a/b", "inputs": {"c": {"url": "./x/y/"}}},
        "d": {"follows": "a"},
    }
    assert list(flake_inputs.inside(inputs)) == ["sub", "x/y"]
