"""Prompts and browser assets, from the installed package or, in a checkout, from their folders."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from hive.errors import NotFound

PACKAGE = Path(__file__).parent


@lru_cache
def prompt(name: str) -> str:
    """Return the text of a file of `prompts/`; raises `NotFound`."""
    for folder in (PACKAGE / "prompts", PACKAGE.parent / "prompts"):
        file = folder / name
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise NotFound(f"the prompt {name!r} is not part of this hive: build it anew")


def assets() -> Path:
    """Return the folder of the browser's files."""
    return PACKAGE / "web" / "assets"
