"""The API's certificate is verified before a secret is sent."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hive.egress.gateway import Gateway, make_tls, parse_origin
from tests.fakes.egress import OK, Serve, room, server

DAY = dt.timedelta(days=1)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate of `localhost` that vouches for itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def _api(certificate: Path, got: list[bytes]) -> Serve:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def serve(stream: trio.SocketStream) -> None:
        secure = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        try:
            async for data in secure:
                got.append(bytes(data))
                await secure.send_all(OK)
        except trio.BrokenResourceError:
            return

    return serve


async def test_a_server_that_proves_its_name_gets_the_secret(certificate: Path) -> None:
    got: list[bytes] = []
    trust = ssl.create_default_context(cafile=str(certificate))
    async with (
        server(_api(certificate, got)) as port,
        room(trusted=(f"localhost:{port}",), tls=trust) as here,
    ):
        here.gateway = Gateway(parse_origin(f"https://localhost:{port}"), {b"held": b"sk-real"})
        client = here.connect()
        for _ in range(2):
            await client.say("GET /v1/models HTTP/1.1", "Host: x", "x-api-key: held")
            await client.until(b"hello")
    assert b"x-api-key: sk-real" in got[0]
    assert here.ledger.reached()[0].count == 2


@pytest.mark.parametrize("is_known", [False, True])
async def test_a_server_that_is_another_gets_nothing(certificate: Path, is_known: bool) -> None:
    got: list[bytes] = []
    trust = ssl.create_default_context(cafile=str(certificate)) if is_known else make_tls()
    # By its address a certificate for `localhost` is somebody else's.
    host = "127.0.0.1" if is_known else "localhost"
    async with (
        server(_api(certificate, got)) as port,
        room(trusted=(f"{host}:{port}",), tls=trust) as here,
    ):
        here.gateway = Gateway(parse_origin(f"https://{host}:{port}"), {b"held": b"sk-real"})
        said = await here.ask("GET /v1/models HTTP/1.1", "Host: x", "x-api-key: held")
        assert said.startswith(f"HTTP/1.1 502 hive: {host}:{port} speaks no TLS with us".encode())
    assert got == []
