"""Of a viewer that may only look nothing passes but what asks for pictures."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.web.rfb import SERVER, VIEWER, Unfollowable, ViewOnly

V3, V7, V8 = (b"RFB 003.00%d\n" % minor for minor in (3, 7, 8))
OK = bytes(4)
Talk = Sequence[tuple[str, bytes]]

HANDSHAKES: dict[str, Talk] = {
    "3.3 none": [(SERVER, V3), (VIEWER, V3), (SERVER, struct.pack(">I", 1))],
    "3.3 password": [
        *[(SERVER, V8), (VIEWER, V3), (SERVER, struct.pack(">I", 2) + b"c" * 16)],
        *[(VIEWER, b"r" * 16), (SERVER, OK)],
    ],
    "3.7 none": [(SERVER, V7), (VIEWER, V7), (SERVER, b"\x02\x02\x01"), (VIEWER, b"\x01")],
    "3.8 none": [
        *[(SERVER, V8), (VIEWER, V8), (SERVER, b"\x01\x01"), (VIEWER, b"\x01"), (SERVER, OK)],
    ],
    "3.8 password": [
        *[(SERVER, b"RFB 003.889\n"), (VIEWER, V8), (SERVER, b"\x02\x10\x02")],
        *[(VIEWER, b"\x02"), (SERVER, b"c" * 16), (VIEWER, b"r" * 16), (SERVER, OK)],
    ],
    "3.8 VeNCrypt none": [
        *[(SERVER, V8), (VIEWER, V8), (SERVER, b"\x01\x13"), (VIEWER, b"\x13")],
        *[(SERVER, b"\x00\x02"), (VIEWER, b"\x00\x02")],
        *[(SERVER, b"\x00\x02" + struct.pack(">II", 256, 1)), (VIEWER, struct.pack(">I", 1))],
        (SERVER, OK),
    ],
    "3.8 VeNCrypt plain": [
        *[(SERVER, V8), (VIEWER, V8), (SERVER, b"\x01\x13"), (VIEWER, b"\x13")],
        *[(SERVER, b"\x00\x02"), (VIEWER, b"\x00\x02")],
        *[(SERVER, b"\x00\x01" + struct.pack(">I", 256))],
        *[(VIEWER, struct.pack(">III", 256, 2, 3) + b"meabc"), (SERVER, OK)],
    ],
    "3.8 Diffie-Hellman": [
        *[(SERVER, V8), (VIEWER, V8), (SERVER, b"\x03\x81\x05\x1e"), (VIEWER, b"\x1e")],
        (SERVER, struct.pack(">HH", 2, 256) + b"p" * 256 + b"k" * 256),
        *[(VIEWER, b"c" * 128 + b"k" * 256), (SERVER, OK)],
    ],
}

PASSED = {
    "pixel format": b"\x00" + b"p" * 19,
    "no encodings": b"\x02\x00\x00\x00",
    "encodings": b"\x02\x00\x00\x02" + struct.pack(">ii", 0, -223),
    "a picture": b"\x03\x01" + struct.pack(">HHHH", 0, 0, 640, 480),
    "pictures as they come": b"\x96\x01" + struct.pack(">HHHH", 0, 0, 640, 480),
    "a fence": b"\xf8\x00\x00\x00\x00\x00\x00\x01\x03abc",
}
DROPPED = {
    "a key": b"\x04\x01\x00\x00\x00\x00\x00a",
    "the pointer": b"\x05\x01\x00\x05\x00\x05",
    "the pointer's further buttons": b"\x05\x81\x00\x05\x00\x05\x01",
    "text": b"\x06\x00\x00\x00\x00\x00\x00\x08\x04\x01\x00\x00\x00\x00\x00a",
    "the extended clipboard": b"\x06\x00\x00\x00" + struct.pack(">i", -8) + b"\x04\x01\x00\x00abcd",
    "a key of QEMU's": b"\xff\x00\x00\x01" + struct.pack(">II", 97, 30),
    "sound": b"\xff\x01\x00\x00",
    "a format of sound": b"\xff\x01\x00\x02\x03\x02" + struct.pack(">I", 44100),
    "a size": b"\xfb\x00\x03\x20\x02\x58\x01\x00" + b"s" * 16,
    "a reboot": b"\xfa\x00\x01\x04",
    "input of gii": b"\xfd\x82\x00\x04abcd",
    "small-endian input of gii": b"\xfd\x02\x04\x00abcd",
}
MESSAGES = {**PASSED, **DROPPED}


def follow(view: ViewOnly, talk: Talk) -> None:
    """Let both say their part of a handshake."""
    for side, data in talk:
        if side == SERVER:
            view.from_server(data)
        else:
            assert view.from_viewer(data) == data


def shaken(talk: Talk) -> ViewOnly:
    """Return a filter behind a whole handshake, its last word included."""
    view = ViewOnly()
    follow(view, talk)
    assert view.from_viewer(b"\x00") == b"\x01"
    view.from_server(b"all of it: " + bytes(range(256)))
    return view


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_handshake_passes_and_the_screen_is_shared(name: str) -> None:
    view = shaken(HANDSHAKES[name])
    for message, data in MESSAGES.items():
        assert view.from_viewer(data) == (data if message in PASSED else b""), message


@given(
    st.sampled_from(sorted(HANDSHAKES)),
    st.lists(st.sampled_from(sorted(MESSAGES)), max_size=8),
    st.data(),
)
def test_what_passes_does_not_depend_on_how_it_is_cut(
    name: str, wanted: list[str], data: st.DataObject
) -> None:
    said = [*HANDSHAKES[name], (VIEWER, b"\x00" + b"".join(MESSAGES[each] for each in wanted))]
    view, passed = ViewOnly(), b""
    for side, whole in said:
        cuts = data.draw(st.sets(st.integers(0, len(whole)), max_size=6))
        edges = [0, *sorted(cuts), len(whole)]
        for start, end in pairwise(edges):
            if side == SERVER:
                view.from_server(whole[start:end])
            else:
                passed += view.from_viewer(whole[start:end])
    before = b"".join(text for side, text in HANDSHAKES[name] if side == VIEWER)
    assert passed == before + b"\x01" + b"".join(PASSED.get(each, b"") for each in wanted)


@given(st.binary(max_size=400) | st.lists(st.sampled_from(sorted(MESSAGES.values()))).map(b"".join))
def test_whatever_is_sent_no_key_passes(sent: bytes) -> None:
    """What passed is read again by its lengths, as the VNC server does."""
    view, passed = shaken(HANDSHAKES["3.8 none"]), b""
    try:
        for each in sent:
            passed += view.from_viewer(bytes([each]))
    except Unfollowable:
        pass
    while passed:
        count = int.from_bytes(passed[2:4])
        size = {0: 20, 2: 4 + 4 * count, 3: 10, 150: 10}.get(passed[0])
        if size is None:
            assert passed[0] == 248
            size = 9 + passed[8]
        assert len(passed) >= size
        passed = passed[size:]


REFUSED: dict[str, Talk] = {
    "3.3": [(SERVER, V3), (VIEWER, V3), (SERVER, bytes(4) + b"\x00\x00\x00\x02no")],
    "3.8": [(SERVER, V8), (VIEWER, V8), (SERVER, b"\x00\x00\x00\x00\x02no")],
    "a wrong password": [
        *[(SERVER, V8), (VIEWER, V8), (SERVER, b"\x01\x02"), (VIEWER, b"\x02")],
        *[(SERVER, b"c" * 16), (VIEWER, b"r" * 16), (SERVER, b"\x00\x00\x00\x01\x00\x00\x00\x00")],
    ],
    "VeNCrypt of another version": [
        *[(SERVER, V8), (VIEWER, V8), (SERVER, b"\x01\x13"), (VIEWER, b"\x13")],
        *[(SERVER, b"\x00\x01"), (VIEWER, b"\x00\x00"), (SERVER, b"\x01")],
    ],
    "VeNCrypt of no kind": [
        *[(SERVER, V8), (VIEWER, V8), (SERVER, b"\x01\x13"), (VIEWER, b"\x13")],
        *[(SERVER, b"\x00\x02"), (VIEWER, b"\x00\x02"), (SERVER, b"\x00\x00")],
    ],
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_viewer_that_was_refused_hears_why_and_says_nothing_more(name: str) -> None:
    view = ViewOnly()
    follow(view, REFUSED[name])
    with pytest.raises(Unfollowable, match="refused"):
        view.from_viewer(b"\x01")


BEGUN: Talk = [(SERVER, V8), (VIEWER, V8)]
ODD: dict[str, tuple[Talk, str]] = {
    "no VNC server": ([(SERVER, b"HTTP/1.1 400 Bad Request\r\n")], "no VNC server"),
    "a repeater's name": ([(SERVER, b"RFB 000.000\n"), (VIEWER, b"ID:" + b"0" * 247)], "3.3"),
    "a later version": ([(SERVER, V8), (VIEWER, b"RFB 005.000\n")], "version"),
    "a viewer before its turn": ([(VIEWER, V8)], "server's turn"),
    "a viewer too quick": ([(SERVER, V8), (VIEWER, V8 + b"\x01")], "server's turn"),
    "a server before its turn": ([(SERVER, V8 + b"\x01\x01")], "viewer's turn"),
    "a security not offered": (
        [*BEGUN, (SERVER, b"\x01\x02"), (VIEWER, b"\x01")],
        "does not offer",
    ),
    "a security that encrypts": (
        [*BEGUN, (SERVER, b"\x01\x06"), (VIEWER, b"\x06")],
        "let it offer",
    ),
    "3.3 decides what is not followed": (
        [(SERVER, V3), (VIEWER, V3), (SERVER, struct.pack(">I", 16))],
        "let it offer",
    ),
    "VeNCrypt with TLS": (
        [
            *[*BEGUN, (SERVER, b"\x01\x13"), (VIEWER, b"\x13"), (SERVER, b"\x00\x02")],
            *[(VIEWER, b"\x00\x02"), (SERVER, b"\x00\x01" + struct.pack(">I", 258))],
            (VIEWER, struct.pack(">I", 258)),
        ],
        "let it offer",
    ),
    "a key without an end": (
        [*BEGUN, (SERVER, b"\x01\x1e"), (VIEWER, b"\x1e"), (SERVER, b"\x00\x02\xff\xff")],
        "key is none, or too long",
    ),
    "a long password": (
        [
            *[*BEGUN, (SERVER, b"\x01\x13"), (VIEWER, b"\x13"), (SERVER, b"\x00\x02")],
            *[(VIEWER, b"\x00\x02"), (SERVER, b"\x00\x01" + struct.pack(">I", 256))],
            (VIEWER, struct.pack(">III", 256, 1, 1 << 31)),
        ],
        "too long",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_what_cannot_be_followed_ends_the_view(name: str) -> None:
    talk, why = ODD[name]
    view = ViewOnly()
    with pytest.raises(Unfollowable, match=why):
        follow(view, talk)


@pytest.mark.parametrize(
    "message", [b"\x01", b"\x07", b"\xfc", b"\xff\x02", b"\x02\x00\x04\x01"], ids=bytes.hex
)
def test_a_message_that_is_not_known_ends_the_view(message: bytes) -> None:
    view = shaken(HANDSHAKES["3.8 none"])
    with pytest.raises(Unfollowable):
        view.from_viewer(message)
