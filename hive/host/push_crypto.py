"""The encryption of Web Push: a record of `aes128gcm` for one browser, and who sends it.

RFC 8291 says how key and nonce are made, RFC 8188 what the record looks like, RFC 8292 what the
sender shows the push service. The arithmetic is that of `cryptography`.
"""

from __future__ import annotations

import base64
import binascii
import json
import os

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hive.errors import BadRequest
from hive.host.push_key import PushKey, b64

RECORD_BYTES = 4096
SALT_BYTES = 16
POINT_BYTES = 65
HEAD_BYTES = SALT_BYTES + 4 + 1 + POINT_BYTES
TEXT_BYTES = RECORD_BYTES - HEAD_BYTES - 1 - 16
"""What fits one record beside its head, its end and its tag."""
TOKEN_S = 12 * 3600
_CURVE = ec.SECP256R1()


def unb64(text: str) -> bytes:
    """Return what base64url says, with or without padding; raises `BadRequest`."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("a key of a browser is base64url") from error


def point_of(text: str) -> ec.EllipticCurvePublicKey:
    """Return a browser's key; raises `BadRequest` when it is no point of the curve."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, unb64(text))
    except (ValueError, InvalidKey) as error:
        raise BadRequest("p256dh is no key of a browser") from error


def encrypt(
    text: bytes,
    p256dh: str,
    auth: str,
    *,
    salt: bytes | None = None,
    sender: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Return the one record that only that browser can read; salt and key are new ones each time.

    Raises `BadRequest` when the text does not fit, or a key is none.
    """
    if len(text) > TEXT_BYTES:
        raise BadRequest(f"a push holds at most {TEXT_BYTES} bytes")
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    sender = ec.generate_private_key(_CURVE) if sender is None else sender
    receiver = point_of(p256dh)
    shared = sender.exchange(ec.ECDH(), receiver)
    mine, theirs = _encoded(sender.public_key()), _encoded(receiver)
    secret = _derive(shared, unb64(auth), b"WebPush: info\0" + theirs + mine, 32)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(mine)]) + mine
    return head + AESGCM(key).encrypt(nonce, text + b"\x02", None)


def authorization(key: PushKey, audience: str, contact: str, now: float) -> str:
    """Return the header by which a push service knows who sends."""
    claims = {"aud": audience, "exp": int(now) + TOKEN_S, "sub": contact}
    signed = ".".join(_json(part) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
    private = ec.derive_private_key(int(key.private, 16), _CURVE)
    r, s = utils.decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={signed}.{signature}, k={key.public}"


def _json(value: object) -> str:
    return b64(json.dumps(value, separators=(",", ":")).encode())


def _encoded(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)
