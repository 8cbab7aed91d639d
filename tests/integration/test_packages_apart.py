"""A hive whose packages have a folder each, as Nix installs them, is found whole."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests.conftest import ROOT

ASKED = """
import json, sys
sys.path += {folders!r}
from hive.host import program
found = program.find(isolated={isolated})
print(json.dumps([found.argv, {{bind.target: str(bind.source) for bind in found.binds}}]))
"""
NEEDED = "import hive.agent.harness, hive.agent.mcp_server, hive.web.agent_page.app; print('found')"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Each locked package in a folder of its own."""
    store = tmp_path_factory.mktemp("store")
    made = []
    lock = (ROOT / "locks/runtime.txt").read_text()
    for name in re.findall(r"^([a-z0-9_.-]+)==", lock, re.MULTILINE):
        try:
            files = distribution(name).files or []
        except PackageNotFoundError:
            continue  # of another system or another Python
        place = store / name / "lib/python3/site-packages"
        for file in files:
            if ".." not in file.parts and file.suffix != ".pyc":
                (place / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), place / file)
        made.append(str(place))
    assert len(made) > 10
    return made


@pytest.mark.parametrize("isolated", [True, False])
def test_every_package_is_found_by_what_is_started(folders: list[str], isolated: bool) -> None:
    python = Path(sys.executable).resolve()
    asked = [python, "-S", "-c", ASKED.format(folders=folders, isolated=isolated)]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    argv, binds = json.loads(said.stdout)
    assert argv[-2:] == ["-m", "hive"]
    # Where a bind would show it, what it shows stands here.
    search = argv[1].removeprefix("PYTHONPATH=").split(":")
    seen = [shown(each, binds) for each in search]
    words = [argv[0], "PYTHONPATH=" + ":".join(seen), argv[2], "-S", *argv[3:-2], "-c", NEEDED]
    done = subprocess.run(words, env={}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "found\n"), done.stderr


def shown(folder: str, binds: dict[str, str]) -> str:
    """Return what on the host is seen there: itself, or what lies in it."""
    if folder in binds:
        return binds[folder]
    inner = [source for target, source in binds.items() if Path(target).parent == Path(folder)]
    return str(Path(inner[0]).parent) if inner else folder
