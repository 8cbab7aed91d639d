"""The pictures that README and docs show, and how a browser takes each of them.

`./build.sh shots` takes them all anew into docs/images; `tests/unit/docs/test_pictures.py` holds
the documents to this list.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import attrs
import trio

from tests.fakes.browser import Page

FOLDER = Path(__file__).resolve().parents[2] / "docs/images"
DESK, PHONE = (1280, 860), (360, 740)
DARK, LIGHT = "dark", "light"
MOST_BYTES = 1_500_000
"""Of all of them together."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@attrs.frozen
class Picture:
    """One file of docs/images."""

    name: str
    view: str
    """What is shown, by the name of a function in `tests/browser/test_pictures.py`."""
    size: tuple[int, int]
    theme: str


PICTURES = (
    Picture("dashboard.png", "dashboard", DESK, DARK),
    Picture("dashboard-light.png", "dashboard", DESK, LIGHT),
    Picture("dashboard-phone.png", "dashboard", PHONE, DARK),
    Picture("approval.png", "approval", DESK, DARK),
    Picture("approval-phone.png", "approval", PHONE, LIGHT),
    Picture("agent.png", "agent", DESK, DARK),
    Picture("agent-phone.png", "agent", PHONE, LIGHT),
    Picture("search.png", "search", DESK, LIGHT),
    Picture("statistics.png", "statistics", DESK, DARK),
    Picture("thread.png", "thread", DESK, DARK),
)


async def look(page: Page, picture: Picture) -> None:
    """Give the tab the size and the theme of a picture."""
    await page.viewport(*picture.size)
    await page.media(prefers_color_scheme=picture.theme, prefers_reduced_motion="reduce")


async def take(page: Page, picture: Picture, folder: Path) -> None:
    """Write what the tab shows, packed as small as it goes."""
    file = trio.Path(folder / picture.name)
    await page.screenshot(folder / picture.name)
    await file.write_bytes(packed(await file.read_bytes()))


def packed(png: bytes) -> bytes:
    """Return the same picture with its pixels compressed as much as zlib can."""
    kept, pixels, at = b"", b"", len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            pixels += data
        elif kind == b"IHDR":
            kept += _chunk(kind, data)
        at += 12 + length
    tight = zlib.compress(zlib.decompress(pixels), 9)
    return _SIGNATURE + kept + _chunk(b"IDAT", tight) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def size_of(png: bytes) -> tuple[int, int]:
    """Return the width and the height that a PNG says."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height
