"""The encryption of Web Push: the examples of the RFCs, and what a browser reads."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from hive.errors import BadRequest
from hive.host import push_crypto, push_key
from tests.fakes.receiver import Browser, b64, unb64

# RFC 8291, section 5 and appendix A.
TEXT = b"When I grow up, I want to be a watermelon"
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
RECORD = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6"
    "TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulc"
    "y4a-fN"
)


def test_the_example_of_the_standard_comes_out_as_it_stands_there() -> None:
    number = int.from_bytes(unb64(SENDER), "big")
    sender = ec.derive_private_key(number, ec.SECP256R1())
    made = push_crypto.encrypt(TEXT, P256DH, AUTH, salt=unb64(SALT), sender=sender)
    assert b64(made) == RECORD


def test_a_push_is_read_by_its_browser_and_fits_one_record() -> None:
    browser = Browser()
    given = browser.given("https://push.example/1")
    text = json.dumps("x" * (push_crypto.TEXT_BYTES - 2)).encode()
    record = push_crypto.encrypt(text, given["p256dh"], given["auth"])
    assert len(record) == 4096
    assert browser.read(record) == "x" * (push_crypto.TEXT_BYTES - 2)
    with pytest.raises(BadRequest, match="at most 3993 bytes"):
        push_crypto.encrypt(text + b" ", given["p256dh"], given["auth"])


@pytest.mark.parametrize("key", ["", "AAAA", "!!", b64(b"\x04" + b"\x01" * 64)])
def test_a_key_that_is_no_point_of_the_curve_is_refused(key: str) -> None:
    with pytest.raises(BadRequest):
        push_crypto.point_of(key)


def test_a_push_service_can_tell_who_sends() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = b64(push_crypto._encoded(private.public_key()))
    key = push_key.PushKey(f"{private.private_numbers().private_value:x}", public)
    made = push_crypto.authorization(key, "https://push.example", "mailto:a@b.example", 1000.0)
    token, shown = made.removeprefix("vapid t=").split(", k=")
    head, claims, signature = token.split(".")
    assert shown == public
    assert json.loads(unb64(head)) == {"typ": "JWT", "alg": "ES256"}
    assert json.loads(unb64(claims)) == {
        "aud": "https://push.example",
        "exp": 1000 + 12 * 3600,
        "sub": "mailto:a@b.example",
    }
    raw = unb64(signature)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    signed = f"{head}.{claims}".encode()
    private.public_key().verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
