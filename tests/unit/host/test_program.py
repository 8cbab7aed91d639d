"""How this hive and claude are started inside a container."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hive.errors import Unavailable
from hive.host import program
from hive.host.sandbox import is_visible


def _executable(file: Path, text: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text)
    file.chmod(0o755)
    return file


def _targets(path: Path) -> dict[str, Path]:
    return {bind.target: bind.source for bind in program.claude_binds(path)}


def test_on_the_host_it_runs_from_any_directory_without_an_environment(tmp_path: Path) -> None:
    (tmp_path / "hive.py").write_text("raise SystemExit('shadowed')\n")
    here = program.find(isolated=False)
    assert here.binds == ()
    done = subprocess.run(
        [*here.argv, "--version"], cwd=tmp_path, env=here.env, capture_output=True, check=True
    )
    assert done.stdout.startswith(b"hive ")


def test_inside_its_paths_do_not_tell_where_it_is_on_the_host() -> None:
    here = program.find(isolated=True)
    mine = [bind for bind in here.binds if "hive" in bind.source.parts]
    assert mine
    assert all(bind.target.startswith("/opt/hive/") for bind in mine)
    assert not any(bind.writable for bind in here.binds)


def test_inside_it_needs_no_virtual_environment() -> None:
    here = program.find(isolated=True)
    assert sys.prefix not in {bind.target for bind in here.binds}
    python = Path(here.argv[2])
    assert python == python.resolve()
    assert is_visible(python) or str(python) in {bind.target for bind in here.binds}


def test_a_zipapp_brings_the_tree_it_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "my-hive.pyz"
    unpacked = tmp_path / "cache" / "my-hive.pyz_b0b"
    monkeypatch.setattr(program.hive, "__file__", f"{unpacked}/site-packages/hive/__init__.py")
    monkeypatch.setattr(sys.modules["__main__"], "__loader__", Loader(str(archive)))
    inside, outside = program.find(isolated=True), program.find(isolated=False)
    binds = {bind.target: bind.source for bind in inside.binds}
    assert binds["/opt/hive/hive.pyz"] == archive
    assert binds["/opt/hive/shiv/hive.pyz_b0b"] == unpacked
    assert inside.argv[1] == "SHIV_ROOT=/opt/hive/shiv"
    assert inside.argv[-1] == "/opt/hive/hive.pyz"
    assert outside.argv[1] == f"SHIV_ROOT={tmp_path}/cache"
    assert outside.argv[-1] == str(archive)


class Loader:
    """What Python leaves in `__main__` when it runs an archive."""

    def __init__(self, archive: str) -> None:
        self.archive = archive


def test_a_native_claude_needs_its_file_alone(tmp_path: Path) -> None:
    real = _executable(tmp_path / "versions" / "2.1.0", b"\x7fELF...")
    link = tmp_path / "bin" / "claude"
    link.parent.mkdir()
    link.symlink_to(real)
    assert _targets(link) == {str(link): real}


def test_a_claude_that_is_a_script_needs_its_directory_and_its_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = _executable(tmp_path / "nvm" / "bin" / "node", b"\x7fELF")
    script = _executable(tmp_path / "claude-code" / "cli.js", b"#!/usr/bin/env node\n1;\n")
    monkeypatch.setenv("PATH", str(node.parent))
    assert _targets(script) == {
        str(script.parent): script.parent,
        str(script): script,
        str(node): node,
        f"{program.BIN_INSIDE}/node": node,
    }


def test_a_claude_in_a_place_that_is_seen_anyway_needs_nothing() -> None:
    assert program.claude_binds(Path("/usr/bin/env")) == ()


def test_a_claude_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=str(tmp_path / "claude")):
        program.claude_binds(tmp_path / "claude")
