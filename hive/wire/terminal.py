"""What travels between the operator's terminal and a program inside of an agent: frames of bytes.

One byte says the kind, four the length, then the content. Standard library only: the command line
reads it too. Neither side trusts the other; the daemon between them passes bytes on unread.
"""

from __future__ import annotations

import struct

DATA = b"d"
"""To the inside: what was typed or piped. To the outside: what the program printed."""
ERRORS = b"r"
"""To the outside: what the program printed to its standard error, where it has no terminal."""
END = b"e"
"""To the inside: standard input has ended."""
SIZE = b"w"
"""To the inside: rows and columns of the terminal."""
PING = b"p"
"""Both ways: somebody is still there."""
BEGUN = b"b"
"""To the outside: the program runs, and from now on the terminal is its own."""
NOTE = b"n"
"""To the outside: a sentence for the operator."""
EXIT = b"x"
"""To the outside: the program's exit status; nothing follows."""
FAILED = b"f"
"""To the outside: the code of a failure, a space, and its sentence; nothing follows."""

CONTENT_BYTES = 32 * 1024
"""Of one frame at most."""
PING_S = 30.0
"""How often either side says so."""
SILENCE_S = 180.0
"""After so long without a word either side gives the other up."""
WORDS_MOST = 512
"""Of a command."""

KINDS = frozenset((DATA, ERRORS, END, SIZE, PING, BEGUN, NOTE, EXIT, FAILED))
_HEAD = struct.Struct("!cI")
_SIZE = struct.Struct("!HH")
_EXIT = struct.Struct("!B")


class BadFrame(Exception):
    """What came is no frame: the other side does not speak this language."""


def frame(kind: bytes, content: bytes = b"") -> bytes:
    """Return one frame as it travels."""
    assert len(content) <= CONTENT_BYTES
    return _HEAD.pack(kind, len(content)) + content


def frames(kind: bytes, content: bytes) -> bytes:
    """Return as many frames as a content of any length needs."""
    parts = range(0, len(content), CONTENT_BYTES)
    return b"".join(frame(kind, content[at : at + CONTENT_BYTES]) for at in parts)


def sentence(kind: bytes, text: str) -> bytes:
    """Return a frame of text, cut where it is too long."""
    return frame(kind, text.encode(errors="replace")[:CONTENT_BYTES])


def size(rows: int, columns: int) -> bytes:
    """Return the frame that tells the size of a terminal."""
    return frame(SIZE, _SIZE.pack(min(rows, 0xFFFF), min(columns, 0xFFFF)))


def size_of(content: bytes) -> tuple[int, int]:
    """Return rows and columns; raises `BadFrame`."""
    rows, columns = _unpacked(_SIZE, content)
    return rows, columns


def exited(status: int) -> bytes:
    """Return the frame that tells an exit status."""
    return frame(EXIT, _EXIT.pack(status & 0xFF))


def exit_of(content: bytes) -> int:
    """Return an exit status; raises `BadFrame`."""
    return _unpacked(_EXIT, content)[0]


def failed(code: str, text: str) -> bytes:
    """Return the frame that tells a failure."""
    return sentence(FAILED, f"{code} {text}")


def failure_of(content: bytes) -> tuple[str, str]:
    """Return a failure's code and sentence."""
    code, _, text = content.decode(errors="replace").partition(" ")
    return code, text


def _unpacked(how: struct.Struct, content: bytes) -> tuple[int, ...]:
    if len(content) != how.size:
        raise BadFrame("a frame has a wrong length")
    return how.unpack(content)


class Reader:
    """Bytes to frames, however they were cut; keeps one unfinished frame at most."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Return the frames that are whole now; raises `BadFrame`."""
        self._buffer += data
        found = []
        at = 0
        while len(self._buffer) - at >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._buffer, at)
            if kind not in KINDS or length > CONTENT_BYTES:
                raise BadFrame("what came is no frame of a terminal")
            end = at + _HEAD.size + length
            if len(self._buffer) < end:
                break
            found.append((kind, bytes(self._buffer[at + _HEAD.size : end])))
            at = end
        del self._buffer[:at]
        return found
