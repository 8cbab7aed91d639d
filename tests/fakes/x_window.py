"""A window of one colour on an X server, which tells every key and button that reaches it.

It speaks the X protocol itself, as much as that takes: to start a toolkit or a terminal for one
colour would be another package to install.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import attrs
import trio

ASK_S = 30.0
_CREATE, _MAP, _GET_KEYBOARD, _CREATE_CONTEXT, _PUT_IMAGE = 1, 8, 101, 55, 72
_REPLY = 1
_KINDS = {2: "press", 3: "release", 4: "button"}
_BACKGROUND, _UNMANAGED, _EVENTS = 1 << 1, 1 << 9, 1 << 11
_PRESSES_AND_RELEASES = 1 << 0 | 1 << 1 | 1 << 2
_EVENT_BYTES = 32
_WHOLE_SCREEN = 4096


class Seen(NamedTuple):
    """What reached the window."""

    kind: str
    """`press` or `release` of a key, or `button`."""
    what: int
    """The key's symbol, as if no other was held; or the button's number."""
    x: int
    y: int


@attrs.define
class XWindow:
    """A connection to an X server, with one window over the whole screen."""

    _stream: trio.SocketStream
    _id: int = 0
    """Of the window; the next one is its graphics context."""
    _buffer: bytearray = attrs.field(factory=bytearray)
    _symbols: dict[int, int] = attrs.field(factory=dict)

    @classmethod
    async def open(cls, socket: Path, colour: int) -> XWindow:
        """Cover the display of an X server at that socket with a colour, 0xRRGGBB."""
        with trio.fail_after(ASK_S):
            stream = await trio.open_unix_socket(socket)
            made = cls(stream)
            await made._begin(colour)
        return made

    async def aclose(self) -> None:
        """Leave the server, and with that the window goes."""
        await self._stream.aclose()

    async def paint(self, picture: bytes, width: int, height: int) -> None:
        """Show a picture of four bytes a pixel, blue first, in the upper left corner."""
        words = 6 + len(picture) // 4
        assert len(picture) == 4 * width * height
        await self._stream.send_all(
            struct.pack("<BxHIII", _CREATE_CONTEXT, 4, self._id + 1, self._id, 0)
            + struct.pack(
                "<BBHIIHHhhBBxx",
                _PUT_IMAGE,
                2,
                words,
                self._id,
                self._id + 1,
                width,
                height,
                0,
                0,
                0,
                24,
            )
            + picture
        )

    async def next(self) -> Seen:
        """Wait for the next key or button that reaches the window."""
        with trio.fail_after(ASK_S):
            while True:
                event = await self._take(_EVENT_BYTES)
                kind = _KINDS.get(event[0] & 0x7F)
                if kind is not None:
                    x, y = struct.unpack_from("<hh", event, 24)
                    what = event[1] if kind == "button" else self._symbols[event[1]]
                    return Seen(kind, what, x, y)

    async def strokes(self, count: int) -> list[tuple[str, int]]:
        """Wait for so many presses and releases of keys; buttons between them are passed over."""
        found: list[tuple[str, int]] = []
        while len(found) < count:
            seen = await self.next()
            if seen.kind != "button":
                found.append(seen[:2])
        return found

    async def _begin(self, colour: int) -> None:
        await self._stream.send_all(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        is_welcome, words = struct.unpack("<B5xH", await self._take(8))
        about = await self._take(4 * words)
        assert is_welcome == 1, about
        self._id, vendor_bytes = struct.unpack_from("<4xI8xH", about)
        formats, first_key, last_key = about[21], about[26], about[27]
        root_at = 32 + (vendor_bytes + 3) // 4 * 4 + 8 * formats
        (root,) = struct.unpack_from("<I", about, root_at)
        place = (0, 0, _WHOLE_SCREEN, _WHOLE_SCREEN, 0)
        values = (
            _BACKGROUND | _UNMANAGED | _EVENTS,
            colour,
            1,
            _PRESSES_AND_RELEASES,
        )
        await self._stream.send_all(
            struct.pack("<BBHIIhhHHHHI4I", _CREATE, 0, 11, self._id, root, *place, 0, 0, *values)
            + struct.pack("<BxHI", _MAP, 2, self._id)
            + struct.pack("<BxHBBxx", _GET_KEYBOARD, 2, first_key, last_key - first_key + 1)
        )
        while (head := await self._take(_EVENT_BYTES))[0] != _REPLY:
            assert head[0] != 0, "the X server refused: " + head.hex()
        per_key, (words,) = head[1], struct.unpack_from("<I", head, 4)
        symbols = struct.unpack(f"<{words}I", await self._take(4 * words))
        self._symbols = {first_key + at // per_key: symbols[at] for at in range(0, words, per_key)}

    async def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            data = await self._stream.receive_some(65536)
            assert data, "the X server has gone"
            self._buffer += data
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken
