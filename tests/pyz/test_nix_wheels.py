"""What `nix/pyz.nix` builds from, and that its commands build the zipapp of `./build.sh`."""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.fakes.nix_eval import NIX_INSTANTIATE, Evaluator
from tools import build_pyz, nix_wheels

KNOWN = json.loads((ROOT / "nix/wheels.json").read_text())


def same_as_nix(folder: Path, said: str) -> bool:
    """Tell whether Nix, where it is, finds the hash that we do."""
    program = shutil.which("nix-hash")
    if program is None:
        return True
    argv = [program, "--type", "sha256", folder]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return done.stdout.strip() == b64decode(said.removeprefix("sha256-")).hex()


@pytest.mark.parametrize("name", nix_wheels.LOCKS)
def test_the_hashes_are_those_of_the_locks_that_are_there(name: str) -> None:
    assert KNOWN[name]["lock"] == nix_wheels.lock_digest(name), "run: tools/nix_wheels.py"


def test_our_hash_of_a_folder_is_that_of_nix(tmp_path: Path) -> None:
    place = tmp_path / "folder"
    (place / "b/inner").mkdir(parents=True)
    (place / "b/empty").write_bytes(b"")
    (place / "B").write_bytes(b"12345678")
    (place / "b.whl").write_bytes(b"123456789")
    (place / "ü").write_text("odd")
    (place / "b/inner/run").write_text("#!/bin/sh\n")
    (place / "b/inner/run").chmod(0o755)
    said = nix_wheels.nar_hash(place)
    assert said == "sha256-41ROwnJq8ysEYQqslP59KewIUHfz1sb8YOT8xhCO1Sc="
    assert same_as_nix(place, said)


if platform.machine() == "x86_64" and sys.version_info < (3, 15):

    def test_the_wheels_of_the_ordinary_build_have_that_hash(pyz: Path) -> None:
        wheel = build_pyz.dependency_wheels()[0]
        assert nix_wheels.nar_hash(wheel.parent) == KNOWN["runtime"]["hash"]


if NIX_INSTANTIATE:

    def asked(store: Path, root: Path) -> Any:
        return Evaluator(root).value(
            f"import {ROOT}/nix/checks/packaged.nix {{ store = ''{store}''; }}"
        )

    def test_the_derivations_are_what_nix_is_to_be_asked(tmp_path: Path) -> None:
        made = asked(Path("/none"), tmp_path)
        assert made["exported"] == ["default", "hive", "pyz"]
        program = "/none/hive/bin/hive.pyz serve --config /etc/hyperhive/config.json"
        assert made["host"] == {"hive_flake": "path:/source", "ExecStart": program}
        for name in nix_wheels.LOCKS:
            wheels = made["wheels"][name]
            assert wheels["outputHash"] == KNOWN[name]["hash"]
            assert KNOWN[name]["lock"].startswith(wheels["name"].rpartition("-")[2])
            assert wheels["outputHashMode"] == "recursive"
            assert f"{ROOT}/locks/{name}.txt" in wheels["src"]
        for module in made["package"]["pythonImportsCheck"]:
            importlib.import_module(module)
        files = {Path(each) for each in made["pyz"]["src"]}
        needed = {path for path in build_pyz.input_files() if not files & {path, *path.parents}}
        assert needed == set()

    @pytest.mark.slow
    def test_the_commands_of_the_derivations_build_the_same_bytes(
        pyz: Path, tmp_path: Path
    ) -> None:
        """The network is there for the wheels alone, and a Python that has pip and no more."""
        store = tmp_path / "store"
        made = asked(store, tmp_path)
        (store / "libraries").mkdir(parents=True)
        (store / "libraries/node_modules").symlink_to(ROOT / ".cache/npm/node_modules")
        subprocess.run([sys.executable, "-m", "venv", tmp_path / "python"], check=True, timeout=300)
        path = f"{tmp_path}/python/bin:{os.environ['PATH']}"
        for name in nix_wheels.LOCKS:
            env = {**os.environ, "PATH": path}
            output = run_derivation(made["wheels"][name], store, tmp_path, env)
            assert nix_wheels.nar_hash(output) == KNOWN[name]["hash"]
            assert same_as_nix(output, KNOWN[name]["hash"])
        # As in Nix' sandbox, where nobody answers.
        alone = {"PATH": path, "https_proxy": "http://127.0.0.1:9/", "SOURCE_DATE_EPOCH": "1"}
        output = run_derivation(made["pyz"], store, tmp_path, alone)
        assert (output / "bin/hive.pyz").read_bytes() == pyz.read_bytes()

    def run_derivation(
        made: dict[str, Any], store: Path, tmp_path: Path, env: dict[str, str]
    ) -> Path:
        """Run its commands where its source alone is; return the output."""
        name = made.get("name") or made["pname"]
        place = tmp_path / name
        for each in map(Path, made["src"]):
            target = place / each.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            if each.is_dir():
                left = shutil.ignore_patterns("vendor", "__pycache__")
                shutil.copytree(each, target, ignore=left)
            else:
                shutil.copyfile(each, target)
        temporary = tmp_path / f"{name}-tmp"
        temporary.mkdir()
        env |= {"out": str(store / name), "TMPDIR": str(temporary)}
        # The certificates are those of this machine, not of nixpkgs.
        for step in (made["buildPhase"].replace("PIP_CERT=", "OF_NIXPKGS="), made["installPhase"]):
            subprocess.run(["bash", "-euc", step], cwd=place, env=env, check=True, timeout=900)
        return store / name
