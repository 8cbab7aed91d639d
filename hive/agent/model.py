"""The model the operator chose, kept across restarts in a one-line file."""

from __future__ import annotations

from pathlib import Path

from hive.agent import files
from hive.errors import BadRequest
from hive.wire.names import model_name

FILE = "hyperhive-model"


def check(name: str) -> str:
    """Return a model's name when it can stand on claude's command line; raises `BadRequest`."""
    return model_name(name.strip())


def offered(available: tuple[str, ...], present: str) -> list[str]:
    """Return what the page offers: what the settings list, and what the next turn runs on."""
    return [*dict.fromkeys((*available, present))]


def load(state: Path, default: str) -> str:
    """Return the kept model, or `default` when none is kept or the file makes no sense."""
    kept = (files.read_if_there(state / FILE, 200) or "").strip()
    try:
        return model_name(kept)
    except BadRequest:
        return default


def save(state: Path, name: str) -> None:
    """Keep a model; raises `Unavailable`."""
    files.write_whole(state / FILE, name + "\n")
