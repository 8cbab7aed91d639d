"""The daemon's key from which each agent's word at the gateway is made; the same for every daemon.

A container outlives its daemon, and the next one has to know the word that it was given.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from hive.errors import Unavailable
from hive.wire.names import AgentName

MODE = 0o600
BYTES = 32


def read_or_make(file: Path) -> bytes:
    """Return the key, which is made where there is none; blocks. Raises `Unavailable`."""
    try:
        found = _read(file)
        if found is None:
            found = _make(file)
    except OSError as error:
        raise Unavailable(f"cannot use {file}: {error.strerror}") from error
    if len(found) != BYTES:
        raise Unavailable(f"{file} is not what hive wrote: remove it, and rebuild every agent")
    return found


def word_of(key: bytes, name: AgentName) -> str:
    """Return the word of one agent."""
    return hmac.new(key, f"gateway of {name}".encode(), hashlib.sha256).hexdigest()


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _make(file: Path) -> bytes:
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}.new")
    made = secrets.token_bytes(BYTES)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as opened:
            opened.write(made)
            opened.flush()
            os.fsync(opened.fileno())
        new.rename(file)
    finally:
        new.unlink(missing_ok=True)
    return made
