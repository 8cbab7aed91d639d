"""A service on loopback that takes POSTs as a script says: a webhook, ntfy, or a push service.

`answers` are given one after the other, the last one for ever: a status with headers, or `HANGS`,
which takes the request and never answers. What came is in `got`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import h11
import trio
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HANGS = 0


@attrs.frozen
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@attrs.define
class Receiver:
    """What came, and what is answered."""

    port: int = 0
    answers: list[tuple[int, dict[str, str]]] = attrs.field(factory=lambda: [(201, {})])
    got: list[Got] = attrs.field(factory=list)
    _more: trio.Event = attrs.field(factory=trio.Event)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def says(self, *statuses: int, **headers: str) -> None:
        """Answer with these from now on, one after the other."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers = [(status, named) for status in statuses]

    async def wait(self, count: int) -> Got:
        """Wait until so many requests came, and return the last of these."""
        with trio.fail_after(30):
            while len(self.got) < count:
                await self._more.wait()
        return self.got[count - 1]

    async def serve(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        request: h11.Request | None = None
        body = b""
        async with stream:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    connection.receive_data(await stream.receive_some(65536))
                elif isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    break
                else:
                    return
            assert request is not None
            headers = {
                bytes(name).decode(): bytes(value).decode() for name, value in request.headers
            }
            self.got.append(Got(bytes(request.target).decode(), headers, body))
            more, self._more = self._more, trio.Event()
            more.set()
            status, own = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if status == HANGS:
                await trio.sleep_forever()
            named = {"content-length": "0", "connection": "close", **own}
            answer = h11.Response(status_code=status, headers=list(named.items()))
            await stream.send_all(connection.send(answer) or b"")
            await stream.send_all(connection.send(h11.EndOfMessage()) or b"")


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Listen during the block."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    made = Receiver(listener.socket.getsockname()[1])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trio.serve_listeners, made.serve, [listener]))
        yield made
        nursery.cancel_scope.cancel()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


@attrs.frozen
class Browser:
    """Who was pushed to: the keys that only a browser has."""

    private: ec.EllipticCurvePrivateKey = attrs.field(
        factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = b"0123456789abcdef"

    def given(self, endpoint: str, label: str = "phone") -> dict[str, str]:
        """What the page sends to hive."""
        p256dh = b64(point(self.private.public_key()))
        return {"endpoint": endpoint, "p256dh": p256dh, "auth": b64(self.auth), "label": label}

    def read(self, record: bytes) -> Any:
        """Decrypt a record as RFC 8188 and RFC 8291 say, and parse it."""
        salt, size, length = record[:16], int.from_bytes(record[16:20], "big"), record[20]
        assert len(record) <= size == 4096
        sender, sealed = record[21 : 21 + length], record[21 + length :]
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self.private.exchange(ec.ECDH(), theirs)
        info = b"WebPush: info\0" + point(self.private.public_key()) + sender
        secret = hkdf(shared, self.auth, info, 32)
        key = hkdf(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = hkdf(secret, salt, b"Content-Encoding: nonce\0", 12)
        text = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert text[-1:] == b"\x02"
        return json.loads(text[:-1])


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)
