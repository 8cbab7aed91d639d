"""Text that hive writes, read by the real Nix: every value comes back, every file is Nix."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive.host import flake_text, meta_lock
from hive.host.flake_text import MetaFlake, Value
from hive.host.git import Git
from hive.wire.names import AgentName
from tests.contract.meta.subjects import KINDS
from tests.fakes.nix_world import ROOT, NixWorld

STRINGS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
TRICKY = st.text("$${}\\\"'\n\r\t#/* ;", max_size=12)
KEYS = (STRINGS | TRICKY).filter(lambda key: key not in {"outPath", "__toString"})
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | STRINGS | TRICKY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@pytest.fixture(params=[kind for kind in KINDS if kind == "flake"])
def world(request: pytest.FixtureRequest) -> NixWorld:
    """A Nix, where there is one."""
    found: NixWorld = request.getfixturevalue("nix_world")
    return found


def evaluated(world: NixWorld, text: str) -> Any:
    words = ("nix-instantiate", "--eval", "--strict", "--json", "--store", "dummy://", "-")
    done = subprocess.run(words, input=text, env=world.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=st.lists(VALUES, min_size=1, max_size=8))
def test_every_value_comes_back(world: NixWorld, values: list[Value]) -> None:
    assert evaluated(world, flake_text.literal(values)) == values


def test_a_flake_of_odd_references_is_nix(world: NixWorld) -> None:
    for reference in ('path:/x";evil="', "a${throw}", "a\\", "''", "{}"):
        flake = MetaFlake(reference, Path("/applied"), "x86_64-linux")
        lock = meta_lock.empty("r").pinned(AgentName("a"), "1" * 40, "deployed/1")
        text = flake_text.meta_flake(flake, lock)
        found = evaluated(world, f"({text}).inputs")
        assert found["hyperhive"] == {"url": reference}
        assert set(found) == {"hyperhive", "agent-a"}


def test_every_nix_file_of_the_repository_is_nix(world: NixWorld) -> None:
    listed = subprocess.run(
        (Git().program, "ls-files", "--", "*.nix"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = listed.stdout.split()
    assert "nix/templates/harness-base.nix" in files
    words = ("nix-instantiate", "--parse", *files)
    done = subprocess.run(words, cwd=ROOT, env=world.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
