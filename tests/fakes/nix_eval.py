"""Evaluates hive's Nix files by the real evaluator, in a store of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import attrs

from tests.fakes.nix_world import OFFLINE, ROOT

NIX_INSTANTIATE = shutil.which("nix-instantiate")


@attrs.frozen
class Evaluator:
    """One evaluator that writes below `root` alone."""

    root: Path

    @property
    def env(self) -> dict[str, str]:
        """Its environment."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "NIX_STORE_DIR": str(self.root / "store"),
            "NIX_STATE_DIR": str(self.root / "var"),
            "NIX_LOG_DIR": str(self.root / "log"),
            "NIX_CONF_DIR": str(self.root / "conf"),
            "NIX_CONFIG": OFFLINE,
        }

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run nix-instantiate."""
        assert NIX_INSTANTIATE is not None
        argv = (NIX_INSTANTIATE, *words)
        return subprocess.run(argv, env=self.env, cwd=ROOT, capture_output=True, text=True)

    def value(self, expression: str) -> Any:
        """Return what an expression is, as plain values; fails with what nix says."""
        done = self.call("--eval", "--strict", "--json", "--expr", expression)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def made_of(self, what: str, arguments: str) -> Any:
        """Return a part of what hive's modules make of a configuration."""
        return self.value(f"(import {ROOT}/nix/checks/eval.nix {{ {arguments} }}).{what}")

    def failure(self, what: str, arguments: str) -> str:
        """Return why they make nothing of it."""
        words = ("--eval", "--strict", "--json", "--expr")
        done = self.call(*words, f"(import {ROOT}/nix/checks/eval.nix {{ {arguments} }}).{what}")
        assert done.returncode != 0
        return done.stderr
