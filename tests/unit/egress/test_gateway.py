"""The daemon adds the key where its placeholder stands, and for what a turn needs alone."""

from __future__ import annotations

import pytest

from hive.egress.gateway import Gateway, parse_origin
from hive.errors import BadRequest
from tests.fakes.egress import Room, Web, room, server

SECRETS = {b"key-placeholder": b"sk-real", b"token-placeholder": b"token-real"}


def gateway_to(here: Room, url: str) -> None:
    here.gateway = Gateway(parse_origin(url), SECRETS)


async def test_a_placeholder_becomes_the_secret_in_either_header() -> None:
    web = Web()
    async with server(web) as port, room(trusted=(f"127.0.0.1:{port}",)) as here:
        gateway_to(here, f"http://127.0.0.1:{port}/base/")
        for header in ("X-Api-Key: key-placeholder", "authorization: Bearer token-placeholder"):
            client = here.connect()
            line = "POST /v1/messages?beta=true HTTP/1.1"
            await client.say(line, "Host: 127.0.0.1:3128", header, "Content-Length: 0")
            await client.until(b"hello")
    first, second = (head.decode().split("\r\n") for head in web.heads)
    assert first[:2] == ["POST /base/v1/messages?beta=true HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    assert "X-Api-Key: sk-real" in first
    assert "authorization: Bearer token-real" in second


async def test_an_account_of_the_agents_own_passes_as_it_is() -> None:
    web = Web()
    async with server(web) as port, room(trusted=(f"127.0.0.1:{port}",)) as here:
        gateway_to(here, f"http://127.0.0.1:{port}")
        client = here.connect()
        await client.say("GET /v1/files HTTP/1.1", "Host: x", "Authorization: Bearer own")
        await client.until(b"hello")
    assert b"Bearer own" in web.heads[0]


@pytest.mark.parametrize(
    "line",
    [
        "GET /v1/files HTTP/1.1",
        "DELETE /v1/messages HTTP/1.1",
        "POST /v1/messages/batches HTTP/1.1",
        "POST /v1/messages/../files HTTP/1.1",
        "POST /v1/messages/%2e%2e/files HTTP/1.1",
        "POST //v1/messages HTTP/1.1",
        "GET /v1/models/../files HTTP/1.1",
        "GET /v1/organizations/users HTTP/1.1",
    ],
)
async def test_with_the_operators_secret_nothing_else_can_be_asked_for(line: str) -> None:
    web = Web()
    async with server(web) as port, room(trusted=(f"127.0.0.1:{port}",)) as here:
        gateway_to(here, f"http://127.0.0.1:{port}")
        said = await here.ask(line, "Host: x", "x-api-key: key-placeholder")
        assert said.startswith(b"HTTP/1.1 403 ")
    assert web.bytes == b""


async def test_the_secret_is_never_put_into_a_request_for_somebody_else() -> None:
    web, other = Web(), Web()
    async with (
        server(web) as port,
        server(other) as elsewhere,
        room(f"127.0.0.1:{elsewhere}", trusted=(f"127.0.0.1:{port}",)) as here,
    ):
        gateway_to(here, f"http://127.0.0.1:{port}")
        client = here.connect()
        head = (f"GET http://127.0.0.1:{elsewhere}/ HTTP/1.1", "Host: x")
        await client.say(*head, "x-api-key: key-placeholder")
        await client.until(b"hello")
        await client.say("GET /v1/models HTTP/1.1", f"Host: 127.0.0.1:{elsewhere}")
        await client.until(b"hello")
    assert b"sk-real" not in other.bytes
    assert len(other.heads) == 1
    assert len(web.heads) == 1


async def test_an_api_that_is_away_is_told_in_its_own_form() -> None:
    async with server(Web()) as port:
        pass
    async with room(trusted=(f"127.0.0.1:{port}",)) as here:
        gateway_to(here, f"http://127.0.0.1:{port}")
        said = await here.ask("GET /v1/models HTTP/1.1", "Host: x")
        assert said.startswith(b"HTTP/1.1 502 ")
        assert b'{"type": "error", "error": {"type": "hive_error", "message": "hive: cannot' in said


def test_an_origin_is_read_from_a_base_url() -> None:
    plain = parse_origin("https://api.anthropic.com")
    assert (plain.is_https, str(plain.target), plain.prefix) == (True, "api.anthropic.com:443", b"")
    assert plain.host == b"api.anthropic.com"
    odd = parse_origin("http://[::1]:8080/a/b/")
    assert (odd.is_https, str(odd.target), odd.prefix) == (False, "[::1]:8080", b"/a/b")
    assert odd.host == b"[::1]:8080"


@pytest.mark.parametrize(
    "url",
    ["", "api.anthropic.com", "ftp://a.org", "https://u:p@a.org", "https://a.org/?x=1", "https://"],
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(BadRequest):
        parse_origin(url)
