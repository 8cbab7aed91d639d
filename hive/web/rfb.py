"""What a viewer of a screen may say to its VNC server when it may only look.

A pure filter of the protocol RFB, versions 3.3, 3.7 and 3.8: the viewer asks for pictures, and
keys, pointer, clipboard and whatever else changes something go no further. What cannot be followed
ends the view, because what is not understood could be a key. It knows nothing of sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from hive.errors import BadRequest

VIEWER = "viewer"
SERVER = "server"
ENCODINGS_MOST = 1024
CREDENTIAL_BYTES = 1024

NONE = 1
VNC_AUTH = 2
VENCRYPT = 19
DIFFIE_HELLMAN = 30
"""Apple's: the one that weston's server and noVNC both know."""
PLAIN = 256
FOLLOWED = "none, VNC authentication, Apple's Diffie-Hellman, or VeNCrypt without encryption"
KEY_BYTES = 1024
_VERSION = 12
_VERSIONS = {b"RFB 003.003\n": 3, b"RFB 003.007\n": 7, b"RFB 003.008\n": 8}
_SHARED = b"\x01"
_SEALED = 128
"""A name and a password, encrypted."""
_EXTENDED_BUTTONS = 0x80
_BIG_ENDIAN = 0x80

Steps = Generator[tuple[str, int], bytes, bool]
"""Asks for so many bytes of one side at a time; returns whether the server let the viewer in."""


class Unfollowable(BadRequest):
    """One of the two said something that cannot be followed."""


class ViewOnly:
    """One connection of a viewer that may only look."""

    def __init__(self) -> None:
        """Nobody has said anything yet."""
        self._steps = _handshake()
        self._side, self._wanted = next(self._steps)
        self._got = bytearray()
        self._is_shaking = True
        self._is_let_in = False
        self._skip = 0

    def from_server(self, data: bytes) -> None:
        """Follow what the server says, before the viewer gets it; raises `Unfollowable`.

        All of it may be passed on: a server only shows.
        """
        left = memoryview(data)
        while left and self._is_shaking:
            if self._side != SERVER:
                raise Unfollowable("the VNC server spoke when it was the viewer's turn")
            _, left = self._step(left)

    def from_viewer(self, data: bytes) -> bytes:
        """Return what of a viewer's bytes may be passed on; raises `Unfollowable`."""
        passed = bytearray()
        left = memoryview(data)
        while left and self._is_shaking:
            if self._side != VIEWER:
                raise Unfollowable("the viewer spoke when it was the VNC server's turn")
            done, left = self._step(left)
            passed += done
        if left and not self._is_let_in:
            raise Unfollowable("the viewer spoke to a VNC server that had refused it")
        if not self._is_shaking:
            self._got += left
            passed += self._messages()
        return bytes(passed)

    def _step(self, data: memoryview) -> tuple[bytes, memoryview]:
        """Take a part of the handshake; returns what is complete of it, and what is left."""
        size = self._wanted - len(self._got)
        self._got += data[:size]
        if len(self._got) < self._wanted:
            return b"", data[size:]
        done = bytes(self._got)
        self._got.clear()
        try:
            self._side, self._wanted = self._steps.send(done)
        except StopIteration as end:
            self._is_shaking = False
            self._is_let_in = end.value
            # Its last word is whether others may look as well, and it never sends them away.
            return (_SHARED if end.value else done), data[size:]
        return done, data[size:]

    def _messages(self) -> bytes:
        """Return the whole messages that may be passed on, of what has come so far."""
        passed = bytearray()
        while self._got:
            if self._skip:
                size = min(self._skip, len(self._got))
                del self._got[:size]
                self._skip -= size
                continue
            kind = self._got[0]
            measure, passes = _MESSAGES.get(kind) or _unknown(kind)
            size = measure(self._got)
            if size == 0:
                break
            if not passes:
                self._skip = size
            elif len(self._got) < size:
                break
            else:
                passed += self._got[:size]
                del self._got[:size]
        return bytes(passed)


def _handshake() -> Steps:
    """Follow both sides until the viewer's last word, the one that says whether it shares."""
    offered = yield SERVER, _VERSION
    if not (offered.startswith(b"RFB ") and offered.endswith(b"\n")):
        raise Unfollowable("what answers there is no VNC server")
    chosen = yield VIEWER, _VERSION
    version = _VERSIONS.get(chosen)
    if version is None:
        raise Unfollowable("the viewer speaks a version that is not followed: 3.3, 3.7 or 3.8 are")
    kind = yield from (_decided() if version == _VERSIONS[b"RFB 003.003\n"] else _chosen())
    if kind is None or not (yield from _authenticate(kind, version)):
        return False
    yield VIEWER, 1
    return True


def _decided() -> Generator[tuple[str, int], bytes, int | None]:
    """Return the security that the server decides on in version 3.3; None where it refuses."""
    return int.from_bytes((yield SERVER, 4)) or None


def _chosen() -> Generator[tuple[str, int], bytes, int | None]:
    """Return the security that the viewer chooses among the server's; None where it refuses."""
    count = (yield SERVER, 1)[0]
    if count == 0:
        # What follows is the reason, for the viewer to show.
        return None
    offered = yield SERVER, count
    kind = (yield VIEWER, 1)[0]
    if kind not in offered:
        raise Unfollowable("the viewer chose a security that the VNC server does not offer")
    return kind


def _authenticate(kind: int, version: int) -> Steps:
    """Follow one way to show who the viewer is; returns whether it was let in."""
    if kind == VENCRYPT:
        yield SERVER, 2
        yield VIEWER, 2
        if (yield SERVER, 1) != b"\x00":
            return False
        count = (yield SERVER, 1)[0]
        if count == 0:
            return False
        yield SERVER, 4 * count
        kind = int.from_bytes((yield VIEWER, 4))
        if kind == PLAIN:
            sizes = yield VIEWER, 8
            size = int.from_bytes(sizes[:4]) + int.from_bytes(sizes[4:])
            if not 0 < size <= CREDENTIAL_BYTES:
                raise Unfollowable("the viewer's name and password are none, or too long")
            yield VIEWER, size
            return (yield from _result())
    if kind == DIFFIE_HELLMAN:
        # A generator and the length of what follows: a prime and the server's key.
        size = int.from_bytes((yield SERVER, 4)[2:])
        if not 0 < size <= KEY_BYTES:
            raise Unfollowable("the VNC server's key is none, or too long")
        yield SERVER, 2 * size
        yield VIEWER, _SEALED + size
        return (yield from _result())
    if kind == VNC_AUTH:
        yield SERVER, 16
        yield VIEWER, 16
        return (yield from _result())
    if kind != NONE:
        raise Unfollowable(f"the VNC server's security is not followed: let it offer {FOLLOWED}")
    return (yield from _result()) if version == _VERSIONS[b"RFB 003.008\n"] else True


def _result() -> Steps:
    return (yield SERVER, 4) == bytes(4)


def _fixed(size: int) -> Callable[[bytearray], int]:
    return lambda _: size


def _encodings(head: bytearray) -> int:
    if len(head) < 4:
        return 0
    count = int.from_bytes(head[2:4])
    if count > ENCODINGS_MOST:
        raise Unfollowable(f"the viewer names more than {ENCODINGS_MOST} encodings")
    return 4 + 4 * count


def _pointer(head: bytearray) -> int:
    if len(head) < 2:
        return 0
    return 7 if head[1] & _EXTENDED_BUTTONS else 6


def _cut_text(head: bytearray) -> int:
    # Below zero it is the extended clipboard's, and as many bytes.
    return 8 + abs(int.from_bytes(head[4:8], signed=True)) if len(head) >= 8 else 0


def _fence(head: bytearray) -> int:
    return 9 + head[8] if len(head) >= 9 else 0


def _desktop_size(head: bytearray) -> int:
    return 8 + 16 * head[6] if len(head) >= 7 else 0


def _gii(head: bytearray) -> int:
    if len(head) < 4:
        return 0
    return 4 + int.from_bytes(head[2:4], "big" if head[1] & _BIG_ENDIAN else "little")


def _qemu(head: bytearray) -> int:
    if len(head) < 2:
        return 0
    if head[1] == 0:
        return 12
    if head[1] != 1:
        raise Unfollowable("the viewer sent a message of QEMU's that is not known")
    if len(head) < 4:
        return 0
    return 10 if int.from_bytes(head[2:4]) == 2 else 4


def _unknown(kind: int) -> tuple[Callable[[bytearray], int], bool]:
    raise Unfollowable(f"the viewer sent a message of kind {kind}, which is not known")


_MESSAGES: dict[int, tuple[Callable[[bytearray], int], bool]] = {
    0: (_fixed(20), True),  # SetPixelFormat
    2: (_encodings, True),  # SetEncodings
    3: (_fixed(10), True),  # FramebufferUpdateRequest
    4: (_fixed(8), False),  # KeyEvent
    5: (_pointer, False),  # PointerEvent
    6: (_cut_text, False),  # ClientCutText
    150: (_fixed(10), True),  # EnableContinuousUpdates
    248: (_fence, True),  # ClientFence
    250: (_fixed(4), False),  # xvp
    251: (_desktop_size, False),  # SetDesktopSize
    253: (_gii, False),  # gii
    255: (_qemu, False),  # QEMU's keys and sound
}
"""How long each message of a viewer's is, 0 while that cannot be said, and whether it may pass."""
