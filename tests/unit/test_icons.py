"""The icons as PNG are what the drawings say, and every size that a system wants is there."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import icons  # noqa: E402

SHARED = ROOT / "hive/web/assets/shared"
PAGES = [
    *sorted((ROOT / "hive/web/assets").glob("[ad]*/*.html")),
    ROOT / "hive/web/plain_page.py",
]


def size_of(name: str) -> tuple[int, int]:
    width, height = struct.unpack(">II", (SHARED / name).read_bytes()[16:24])
    return width, height


@pytest.mark.parametrize("name", ["icon-192.png", "icon_touch-180.png"])
def test_an_icon_is_what_its_drawing_says(name: str) -> None:
    assert not icons.is_stale(name), "run tools/icons.py"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(icons.ICONS))
def test_every_icon_is_what_its_drawing_says(name: str) -> None:
    assert not icons.is_stale(name), "run tools/icons.py"


def test_the_manifest_names_each_with_its_size() -> None:
    manifest = json.loads((SHARED / "manifest.webmanifest").read_text())
    named = {one["src"].rsplit("/", 1)[1]: one for one in manifest["icons"]}
    for name, (_, side) in icons.ICONS.items():
        assert size_of(name) == (side, side)
        if "touch" not in name:
            assert named[name]["sizes"] == f"{side}x{side}"
            assert named[name]["purpose"] == ("maskable" if "maskable" in name else "any")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_names_the_icons_and_takes_what_was_chosen_before_it_is_painted(
    page: Path,
) -> None:
    text = page.read_text()
    for name in ("icon.svg", "icon_touch-180.png", "theme_boot.js"):
        assert f"/static/shared/{name}" in text, name


def test_a_drawing_that_changes_makes_its_pictures_stale() -> None:
    drawing = icons.shapes('<path d="M2 2h28v28H2z" fill="#ff0000"/>')
    rows = icons.pixels(drawing, 16)
    assert rows[1:5] == b"\0\0\0\0"
    middle = 8 * (1 + 16 * 4) + 1 + 8 * 4
    assert rows[middle : middle + 4] == b"\xff\0\0\xff"
    assert icons.rows_of(icons.picture(rows, 16)) == rows
