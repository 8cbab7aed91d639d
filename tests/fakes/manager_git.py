"""The manager's side of the repositories: plain git in the proposed one, and forgeries."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from pathlib import Path

from hive.host.repos import Repos
from hive.paths import Paths
from hive.wire.names import AgentName

ALICE = AgentName("alice")
ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
}


def make_repos(root: Path) -> Repos:
    """Return repositories below `root`, with a template of one file."""
    paths = paths_of(root)
    paths.agents.mkdir(parents=True)
    return Repos(paths, files=lambda name: {"agent.toml": f"# {name}\n"})


def paths_of(root: Path) -> Paths:
    return Paths(root / "state", root / "run")


def git(repo: Path, *words: str, given: bytes = b"") -> str:
    """Run git as the manager does, with the repository's own settings."""
    done = subprocess.run(
        ("git", "-C", str(repo), *words), input=given, capture_output=True, env=ENV, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def commit(repo: Path, files: dict[str, str | bytes | None], subject: str = "change") -> str:
    """Write files (None: remove), commit all, and return the commit."""
    for path, text in files.items():
        file = repo / path
        if text is None:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "--allow-empty", "-m", subject)
    return git(repo, "rev-parse", "HEAD")


def plant(repo: Path, kind: str, content: bytes) -> str:
    """Write a loose object without asking git, and return its name."""
    whole = f"{kind} {len(content)}\0".encode() + content
    name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    put(repo, name, zlib.compress(whole))
    return name


def put(repo: Path, name: str, data: bytes) -> None:
    """Write the file of a loose object, whatever is in it."""
    file = repo / ".git/objects" / name[:2] / name[2:]
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_bytes(data)


def plant_tree(repo: Path, *entries: tuple[str, bytes, str]) -> str:
    """Plant a tree of (mode, name, sha), in the order given."""
    lines = (
        mode.encode() + b" " + name + b"\0" + bytes.fromhex(sha) for mode, name, sha in entries
    )
    return plant(repo, "tree", b"".join(lines))


def plant_commit(repo: Path, tree: str, parent: str | None) -> str:
    """Plant a commit and return its name."""
    who = "mallory <m@example.org> 1700000000 +0000"
    parents = f"parent {parent}\n" if parent else ""
    text = f"tree {tree}\n{parents}author {who}\ncommitter {who}\n\nforged\n"
    return plant(repo, "commit", text.encode())
