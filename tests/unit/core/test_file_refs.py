"""Paths that agents write: which file they mean, and which are shown."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.core import file_refs
from hive.core.file_refs import Ref, candidates, locate
from hive.errors import BadRequest, HiveError, Refused
from hive.paths import Paths

PATHS = Paths(Path("/var/lib/hyperhive"), Path("/run/hyperhive"))


@pytest.fixture
def hive(tmp_path: Path) -> Any:
    paths = Paths(tmp_path / "s", tmp_path / "r")
    for folder in (paths.shared, paths.agents / "alice/state", paths.agents / "manager/state"):
        folder.mkdir(parents=True)
    (paths.shared / "plan.md").write_text("the plan")
    (paths.agents / "alice/state/notes.md").write_text("hers")
    (paths.agents / "alice/state/key").write_text("hers")
    (paths.agents / "alice/state/key").chmod(0o600)
    (paths.agents / "alice/claude").mkdir()
    (paths.agents / "alice/claude/settings.json").write_text("{}")
    return SimpleNamespace(paths=paths)


@pytest.mark.parametrize(
    ("path", "base", "parts"),
    [
        ("/shared/a/b.md", PATHS.shared, ("a", "b.md")),
        ("/var/lib/hyperhive/shared/b.md", PATHS.shared, ("b.md",)),
        ("/agents/alice/state/b.md", PATHS.agents, ("alice", "state", "b.md")),
        ("/var/lib/hyperhive/agents/bob/state/x/y", PATHS.agents, ("bob", "state", "x", "y")),
        ("/agents/hm1nd/state/x", PATHS.agents, ("manager", "state", "x")),
    ],
)
def test_both_forms_mean_the_same_file(path: str, base: Path, parts: tuple[str, ...]) -> None:
    assert locate(PATHS, path) == (base, parts)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "relative",
        "/etc/passwd",
        "/shared",
        "/shared/",
        "/sharedx/a",
        "/shared/../broker.sqlite",
        "/shared/a//b",
        "/shared/./a",
        "/state/notes.md",
        "/agents/alice",
        "/agents/alice/state",
        "/agents/alice/state/",
        "/agents/alice/claude/.credentials.json",
        "/agents/alice/config/agent.toml",
        "/agents/../broker.sqlite/state/x",
        "/agents/-x/state/x",
        "/agents/a\nb/state/x",
        "/agents/\u0430lice/state/x",
        "/agents/alice/state/../claude/x",
        "/var/lib/hyperhive/broker.sqlite",
        "/var/lib/hyperhive/given/alice/harness.json",
        "/shared/a\0b",
        "/shared/" + "x" * 5000,
    ],
)
def test_no_other_file_is_meant(path: str) -> None:
    with pytest.raises((BadRequest, Refused)):
        locate(PATHS, path)


@given(st.text(alphabet="/.as\0ltehrd-~", max_size=40), st.sampled_from(["/shared", "/agents", ""]))
def test_what_is_located_is_below_its_root(text: str, root: str) -> None:
    try:
        base, parts = locate(PATHS, root + text)
    except HiveError:
        return
    assert base in {PATHS.shared, PATHS.agents}
    assert not {"", ".", ".."} & set(parts)


async def test_a_file_is_read_by_either_form(hive: Any) -> None:
    assert (await file_refs.read(hive, "/shared/plan.md")).text == "the plan"
    whole = f"{hive.paths.agents}/alice/state/notes.md"
    assert (await file_refs.read(hive, whole)).text == "hers"


async def test_a_link_in_a_text_is_only_what_would_be_read(hive: Any) -> None:
    text = (
        "See /shared/plan.md. Or (/agents/alice/state/notes.md), not /agents/alice/state/key,"
        " /agents/alice/claude/settings.json, /shared/none.md or https://x.example/shared/plan.md"
    )
    assert await file_refs.find(hive, text, None) == [
        Ref("/agents/alice/state/notes.md", "/agents/alice/state/notes.md"),
        Ref("/shared/plan.md", "/shared/plan.md"),
    ]


async def test_a_bare_state_is_its_senders(hive: Any) -> None:
    text = "it is in /state/notes.md"
    assert await file_refs.find(hive, text, "alice") == [
        Ref("/state/notes.md", "/agents/alice/state/notes.md")
    ]
    for sender in (None, "system", "bob", "../alice", "a cron job"):
        assert await file_refs.find(hive, text, sender) == []


async def test_a_text_full_of_paths_costs_a_bounded_look(hive: Any) -> None:
    text = " ".join(f"/shared/x{number}" for number in range(5000)) + " /shared/plan.md"
    assert await file_refs.find(hive, text, None) == []


def test_paths_are_found_in_prose_and_markdown() -> None:
    text = '`/shared/a.md`, **/shared/b.md**? "/shared/c" ~/shared/d ./shared/e x/shared/f'
    assert candidates(text)[0] == "/shared/a.md"
    assert "/shared/c" in candidates(text)
    assert not {"/shared/d", "/shared/e", "/shared/f"} & set(candidates(text))
