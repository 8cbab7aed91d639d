"""What a meta flake needs without a network: a Nix store of its own, hive's flake, a small nixpkgs.

hive's flake is the real one, with the address of nixpkgs changed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import attrs

from hive.host.git import Git, environment, make_repository
from hive.host.nix import Nix

ROOT = Path(__file__).resolve().parents[2]
NIX = shutil.which("nix")
OFFLINE = (
    "build-users-group =\nsandbox = false\nsubstituters =\n"
    "extra-experimental-features = nix-command flakes\n"
)
NIXPKGS_URL = "github:NixOS/nixpkgs/nixos-unstable"
SHARED = ("lib.nix", "host-options.nix")
"""What the small nixpkgs has of nix/checks."""
AGENT_FLAKE = "{ outputs = inputs: { nixosModules.default = ./agent.nix; }; }\n"


def commit(git: Git, repo: Path, files: dict[str, str]) -> str:
    """Commit exactly these files; return the commit."""
    if not repo.exists():
        make_repository(repo)
    for old in repo.iterdir():
        if old.name != ".git":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for name, text in files.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text)
    for words in (("add", "--all"), ("commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run(git.argv(repo / ".git", repo, *words), env=environment(), check=True)
    words = git.argv(repo / ".git", repo, "rev-parse", "HEAD")
    done = subprocess.run(words, env=environment(), check=True, capture_output=True, text=True)
    return done.stdout.strip()


@attrs.define
class NixWorld:
    """One store, and the flakes that every meta flake of it is built from."""

    root: Path
    git: Git

    @property
    def env(self) -> dict[str, str]:
        """The environment of a nix that keeps everything below `root`."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "home"),
            "NIX_STORE_DIR": str(self.root / "store"),
            "NIX_STATE_DIR": str(self.root / "var"),
            "NIX_LOG_DIR": str(self.root / "log"),
            "NIX_CONF_DIR": str(self.root / "conf"),
            "NIX_CONFIG": OFFLINE,
        }

    @property
    def nix(self) -> Nix:
        """The real one."""
        assert NIX is not None
        return Nix(NIX, self.git.program, self.env)

    @property
    def nixpkgs(self) -> Path:
        """The repository of the small nixpkgs."""
        return self.root / "nixpkgs"

    @property
    def hyperhive(self) -> Path:
        """The repository of hive's flake."""
        return self.root / "hyperhive"

    @property
    def reference(self) -> str:
        """What the setting `hive_flake` holds."""
        return f"git+file://{self.hyperhive}"

    def make(self) -> NixWorld:
        """Commit both flakes."""
        (self.root / "home").mkdir(parents=True)
        self.bump_nixpkgs("first")
        self.bump_hive("first")
        return self

    def bump_nixpkgs(self, note: str) -> str:
        """Commit another nixpkgs."""
        own = {name: (ROOT / "nix/checks" / name).read_text() for name in SHARED}
        files = {**_below("tests/data/nix/nixpkgs"), **own, "note": note}
        return commit(self.git, self.nixpkgs, files)

    def bump_hive(self, note: str) -> str:
        """Commit another hive."""
        flake = (ROOT / "flake.nix").read_text()
        assert NIXPKGS_URL in flake
        files = {f"nix/{name}": text for name, text in _below("nix").items()}
        files["flake.nix"] = flake.replace(NIXPKGS_URL, f"git+file://{self.nixpkgs}")
        return commit(self.git, self.hyperhive, {**files, "note": note})

    def call(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run nix as an operator would."""
        assert NIX is not None
        return subprocess.run(
            (NIX, *args), env=self.env, check=check, capture_output=True, text=True, cwd=self.root
        )

    def build(self, meta: Path, name: str) -> dict[str, Any]:
        """Build an agent's system as the daemon does; return the configuration it was made of."""
        what = f'{meta}#nixosConfigurations."{name}".config.system.build.toplevel'
        done = self.call("build", "--no-link", "--json", "--no-write-lock-file", "--", what)
        built = Path(json.loads(done.stdout)[0]["outputs"]["out"])
        found: dict[str, Any] = json.loads((built / "config.json").read_text())
        return found


def _below(folder: str) -> dict[str, str]:
    return {
        str(file.relative_to(ROOT / folder)): file.read_text()
        for file in (ROOT / folder).rglob("*.nix")
    }
