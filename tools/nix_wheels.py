"""Write nix/wheels.json: the hashes of the wheels' folders that `nix/pyz.nix` builds from.

Fetches the wheels of each lock file with the code that builds the zipapp. Nix asks for the hash of
a folder in its own archive format, which is small enough to be written here: no Nix is needed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "nix/wheels.json"
LOCKS = ("runtime", "build")
MACHINE = "x86_64"
DEADLINE_S = 3600


def main() -> int:
    """Write the file."""
    found = {}
    for name in LOCKS:
        print(f"fetching the wheels of locks/{name}.txt for {TARGET.relative_to(ROOT)}")
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work) / "wheels"
            fetch(name, folder)
            found[name] = {"lock": lock_digest(name), "hash": nar_hash(folder)}
    TARGET.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


def fetch(name: str, folder: Path) -> None:
    """Fetch the wheels of a lock file, as the derivation does."""
    argv = [sys.executable, str(ROOT / "tools/build_pyz.py"), "--machine", MACHINE]
    argv += ["--fetch", str(ROOT / f"locks/{name}.txt"), str(folder)]
    subprocess.run(argv, check=True, timeout=DEADLINE_S)


def lock_digest(name: str) -> str:
    """Return what tells one content of a lock file from another."""
    return hashlib.sha256((ROOT / f"locks/{name}.txt").read_bytes()).hexdigest()


def nar_hash(path: Path) -> str:
    """Return the hash of a file or folder as Nix writes it."""
    digest = hashlib.sha256(_text("nix-archive-1") + _node(path)).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def _node(path: Path) -> bytes:
    if path.is_dir():
        parts = [_text("type"), _text("directory")]
        for inner in sorted(path.iterdir(), key=lambda each: each.name.encode()):
            entry = _text("name") + _text(inner.name) + _text("node") + _node(inner)
            parts += [_text("entry"), _text("("), entry, _text(")")]
    else:
        parts = [_text("type"), _text("regular")]
        if path.stat().st_mode & 0o100:
            parts += [_text("executable"), _text("")]
        parts += [_text("contents"), _text(path.read_bytes())]
    return b"".join((_text("("), *parts, _text(")")))


def _text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return len(raw).to_bytes(8, "little") + raw + bytes(-len(raw) % 8)


if __name__ == "__main__":
    sys.exit(main())
