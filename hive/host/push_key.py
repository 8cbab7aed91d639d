"""The key by which push services know this hive (RFC 8292): made once, for the daemon's user only.

Browsers subscribe with its public half; another key would end every subscription.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

import attrs
import trio

from hive.errors import Unavailable

MODE = 0o600


@attrs.frozen
class PushKey:
    """A key on the curve P-256."""

    private: str = attrs.field(repr=False)
    """The secret number in hexadecimal digits."""
    public: str
    """The uncompressed point, base64url without padding."""


def b64(data: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


async def read_or_make(file: Path) -> PushKey:
    """Return the key, which is made where there is none; raises `Unavailable`."""
    return await trio.to_thread.run_sync(_read_or_make, file)


def _read_or_make(file: Path) -> PushKey:
    try:
        text = _read(file)
        if text is None:
            text = _make(file)
        return PushKey(**json.loads(text))
    except OSError as error:
        raise Unavailable(f"cannot use {file}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise Unavailable(
            f"{file} is not what hive wrote: remove it, and enable push anew in every browser"
        ) from error


def _read(file: Path) -> str | None:
    try:
        return file.read_text("ascii")
    except FileNotFoundError:
        return None


def _make(file: Path) -> str:
    # 14 MB that only a hive that pushes pays for.
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    made = ec.generate_private_key(ec.SECP256R1())
    point = made.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    key = PushKey(f"{made.private_numbers().private_value:064x}", b64(point))
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w") as opened:
            opened.write(json.dumps(attrs.asdict(key)))
            opened.flush()
            os.fsync(opened.fileno())
        # Not by a rename: whoever made one a moment earlier has given it to a browser.
        os.link(new, file)
    except FileExistsError:
        return file.read_text("ascii")
    finally:
        new.unlink(missing_ok=True)
    return json.dumps(attrs.asdict(key))
