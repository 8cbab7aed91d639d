"""Draws the icons that systems want as PNG from our own SVG; `--check` says whether they are stale.

It knows what is in these files and no more of SVG: paths of straight lines, a fill, a stroke with
round corners. The pixels depend on nothing but the drawing, so that the pictures can be committed.
"""

from __future__ import annotations

import math
import re
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import attrs

FOLDER = Path(__file__).resolve().parents[1] / "hive/web/assets/shared"
ICONS = {
    "icon-192.png": ("icon.svg", 192),
    "icon-512.png": ("icon.svg", 512),
    "icon_maskable-512.png": ("icon_maskable.svg", 512),
    "icon_touch-180.png": ("icon_maskable.svg", 180),
}
"""Each picture with what it is drawn from and its side in pixels."""
VIEW = 32
"""The side of the drawing in its own units."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PATH = re.compile(r"<path ([^>]*)/>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_STEP = re.compile(r"([MmLlHhVvZz])|(-?(?:\d+\.?\d*|\.\d+))")

Point = tuple[float, float]
Colour = tuple[int, int, int]


@attrs.frozen
class Shape:
    """One polygon of a drawing."""

    corners: tuple[Point, ...]
    fill: Colour
    stroke: Colour | None
    width: float

    def distance(self, x: float, y: float) -> float:
        """Return how far a point is from the edge; inside it is negative."""
        nearest, is_inside = math.inf, False
        ax, ay = self.corners[-1]
        for bx, by in self.corners:
            dx, dy, px, py = bx - ax, by - ay, x - ax, y - ay
            share = min(1.0, max(0.0, (px * dx + py * dy) / (dx * dx + dy * dy)))
            off_x, off_y = px - share * dx, py - share * dy
            nearest = min(nearest, off_x * off_x + off_y * off_y)
            if (ay > y) != (by > y) and x < dx * (y - ay) / dy + ax:
                is_inside = not is_inside
            ax, ay = bx, by
        return -math.sqrt(nearest) if is_inside else math.sqrt(nearest)


def shapes(svg: str) -> list[Shape]:
    """Read a drawing of ours."""
    found = []
    for match in _PATH.finditer(svg):
        given = dict(_ATTRIBUTE.findall(match[1]))
        stroke = _colour(given["stroke"]) if "stroke" in given else None
        width = float(given.get("stroke-width", 0))
        found.append(Shape(tuple(_corners(given["d"])), _colour(given["fill"]), stroke, width))
    return found


def _colour(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _corners(path: str) -> Iterator[Point]:
    """Follow a path of straight lines."""
    words = [(match[1], match[2]) for match in _STEP.finditer(path)]
    x = y = 0.0
    command = ""
    numbers: list[float] = []
    for letter, number in words:
        if letter:
            command, numbers = letter, []
            continue
        numbers.append(float(number))
        if len(numbers) < (1 if command in "HhVv" else 2):
            continue
        is_relative = command.islower()
        from_x, from_y = (x, y) if is_relative else (0.0, 0.0)
        if command in "Hh":
            x = from_x + numbers[0]
        elif command in "Vv":
            y = from_y + numbers[0]
        else:
            x, y = from_x + numbers[0], from_y + numbers[1]
        numbers = []
        yield x, y


def pixels(drawing: list[Shape], side: int) -> bytes:
    """Return the rows of a picture as RGBA, each behind the filter byte of PNG."""
    scale = side / VIEW
    rows = bytearray()
    for row in range(side):
        rows.append(0)
        for column in range(side):
            rows += _pixel(drawing, (column + 0.5) / scale, (row + 0.5) / scale, scale)
    return bytes(rows)


def _pixel(drawing: list[Shape], x: float, y: float, scale: float) -> bytes:
    red = green = blue = alpha = 0.0
    for shape in drawing:
        distance = shape.distance(x, y)
        layers = [(shape.fill, distance)]
        if shape.stroke is not None:
            layers.append((shape.stroke, abs(distance) - shape.width / 2))
        for colour, off in layers:
            share = min(1.0, max(0.0, 0.5 - off * scale))
            rest = 1 - share
            red, green, blue = (
                one * share + old * rest
                for one, old in zip(colour, (red, green, blue), strict=True)
            )
            alpha = share + alpha * rest
    if alpha == 0:
        return b"\0\0\0\0"
    parts = (red / alpha, green / alpha, blue / alpha, alpha * 255)
    return bytes(min(255, math.floor(part + 0.5)) for part in parts)


def picture(rows: bytes, side: int) -> bytes:
    """Return a PNG of these rows."""
    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(map(_chunk, *zip(*parts, strict=True)))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows_of(png: bytes) -> bytes:
    """Return the rows of a PNG that `picture` made, however its zlib packs."""
    at, packed = len(SIGNATURE), b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            packed += png[at + 8 : at + 8 + length]
        at += 12 + length
    return zlib.decompress(packed)


def is_stale(name: str) -> bool:
    """Whether a picture is not what its drawing says."""
    source, side = ICONS[name]
    file = FOLDER / name
    wanted = pixels(shapes((FOLDER / source).read_text()), side)
    return not file.exists() or rows_of(file.read_bytes()) != wanted


def main() -> int:
    """Draw them all, or look whether they are as they should be."""
    if "--check" in sys.argv[1:]:
        stale = [name for name in ICONS if is_stale(name)]
        for name in stale:
            print(f"{name} is stale: run tools/icons.py", file=sys.stderr)
        return 1 if stale else 0
    for name, (source, side) in ICONS.items():
        rows = pixels(shapes((FOLDER / source).read_text()), side)
        (FOLDER / name).write_bytes(picture(rows, side))
    return 0


if __name__ == "__main__":
    sys.exit(main())
