"""What a browser keeps of hive: no data, no code of the pages, and anew when a file changes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from hive import resources
from hive.web import offline_shell
from hive.web.static import Assets


def shell_of(assets: Assets) -> dict[str, object]:
    first = offline_shell.script(assets).split(b"\n", 1)[0].decode()
    found: dict[str, object] = json.loads(first.removeprefix("self.SHELL = ").removesuffix(";"))
    return found


def test_what_is_kept_is_the_offline_page_and_exactly_what_it_names() -> None:
    page = (resources.assets() / offline_shell.PAGE).read_text(encoding="utf-8")
    named = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    files = shell_of(Assets())["files"]
    assert isinstance(files, list)
    assert set(files) == named | {f"/static/{offline_shell.PAGE}"}


def test_a_changed_file_or_script_is_a_new_version(tmp_path: Path) -> None:
    seen = {shell_of(Assets())["version"]}
    for path in (offline_shell.SCRIPT, offline_shell.PAGE, "shared/base.css"):
        root = tmp_path / path.replace("/", "-")
        shutil.copytree(resources.assets(), root, ignore=shutil.ignore_patterns("vendor"))
        unchanged = shell_of(Assets(root))["version"]
        assert unchanged == shell_of(Assets())["version"]
        with (root / path).open("a") as file:
            file.write("\n")
        seen.add(shell_of(Assets(root))["version"])
    assert len(seen) == 4
