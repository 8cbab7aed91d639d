"""The checkout itself: the file map is fresh and no link inside it is dead."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

from tools import attacks_page, file_map

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def tracked(pattern: str) -> list[Path]:
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", pattern]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).exists()]


def test_the_file_map_is_fresh() -> None:
    assert file_map.main(["--check"]) == 0


def test_the_page_of_attacks_is_fresh() -> None:
    assert attacks_page.main(["--check"]) == 0


def test_every_module_says_in_one_line_what_it_is_for() -> None:
    for module in [*tracked("hive/*.py"), *tracked("tools/*.py")]:
        line = file_map.first_line(module)
        assert len(line) < 100, module
        assert line[-1] in ".:,;", module


def test_every_link_inside_the_repository_leads_somewhere() -> None:
    dead = []
    for page in tracked("*.md"):
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            path = target.partition("#")[0]
            if path and "://" not in target and not target.startswith("mailto:"):
                place = (page.parent / path).resolve()
                if not place.exists() or not place.is_relative_to(ROOT):
                    dead.append(f"{page.relative_to(ROOT)}: {target}")
    assert not dead


def test_the_nix_package_has_what_the_wheel_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "nix/package.nix").read_text(encoding="utf-8")
    listed = text.partition("dependencies = map dependency [")[2].partition("]")[0]
    names = {re.split("[<>=]", each)[0] for each in project["dependencies"]}
    # What is imported of a package of its own that comes with another one.
    assert set(re.findall(r'"(\S+)"', listed)) == {*names, "mcp-types"}
