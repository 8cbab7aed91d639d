"""The model the operator chose, kept across restarts in a one-line file."""

from __future__ import annotations

import re
from pathlib import Path

from hive.agent import files
from hive.errors import BadRequest

FILE = "hyperhive-model"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@\[\]-]{0,99}")


def check(name: str) -> str:
    """Return a model's name when it can stand on claude's command line; raises `BadRequest`."""
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"{name[:40]!r} is not a model's name: give one as claude takes it, such as haiku"
        )
    return name


def load(state: Path, default: str) -> str:
    """Return the kept model, or `default` when none is kept or the file makes no sense."""
    kept = (files.read_if_there(state / FILE, 200) or "").strip()
    return kept if _NAME.fullmatch(kept) else default


def save(state: Path, name: str) -> None:
    """Keep a model; raises `Unavailable`."""
    files.write_whole(state / FILE, name + "\n")
