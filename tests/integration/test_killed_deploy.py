"""A daemon killed at any step leaves the old or the new, tagged as what it is, and says which."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.dying_daemon import SCENES
from tests.fakes.one_truth import agrees

ROOT = Path(__file__).parents[2]
WORST_S = 400
SOME = {"deny": 2, "deploy": 8, "spawn": 13, "broken": 14, "destroy": 13}
"""Scenes that are killed each time, at every so manieth effect; all of all scenes at night."""


def lives(root: Path, scene: str, first: int, step: int, kills: int = 1) -> list[dict[str, Any]]:
    """Play a scene once for every kill; return what the daemon after it made of it."""
    words = [sys.executable, "-m", "tests.fakes.dying_daemon", str(root), scene]
    words += [str(first), str(step), str(kills)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=WORST_S)
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def is_whole(life: dict[str, Any], *, is_purged: bool = False) -> None:
    """The next daemon found one truth, said it once, and took nothing for a crash."""
    agrees(life, is_purged=is_purged)
    assert [one for one in life["told"] if one["event"] == "container_crash"] == []
    deploys = [line for line in life["log"] if line.startswith("deploy ")]
    assert len(deploys) == len(set(deploys))


@pytest.mark.parametrize("scene", SOME)
def test_what_a_killed_daemon_left_is_made_whole_by_the_next(short_tmp: Path, scene: str) -> None:
    found = lives(short_tmp, scene, SOME[scene] // 2, SOME[scene])
    assert len(found) > 2
    assert found[-1]["is_over"]
    for life in found:
        is_whole(life)


def test_a_deploy_that_was_broken_off_twice_is_rolled_back(short_tmp: Path) -> None:
    found = [life for life in lives(short_tmp, "deploy", 12, 24, kills=2) if not life["is_over"]]
    assert len(found) > 2
    for life in found:
        is_whole(life)
    rolled_back = [life for life in found if life["approvals"]["2"][0] == "failed"]
    assert rolled_back
    assert all("twice" in str(life["told"]) for life in rolled_back)


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("kills", [1, 2])
def test_killed_at_any_effect_and_twice(short_tmp: Path, scene: str, kills: int) -> None:
    # Each effect has a place before and one behind it, and behind one is before the next.
    found = lives(short_tmp, scene, 1, 1 if scene in SOME else 2, kills)
    assert len(found) > 2
    assert found[-1]["is_over"]
    for life in found:
        is_whole(life, is_purged="purge" in scene)
