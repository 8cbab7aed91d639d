"""The daemon adds an agent's own token at the forge, and only to what is open to agents."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.egress.forge_gateway import ForgeGateway, canonical
from hive.egress.gateway import parse_origin
from hive.errors import BadRequest
from tests.fakes.egress import Web, room, server

TOKEN = "token-of-ada"


async def _asked(*lines: str, body: bytes = b"") -> tuple[bytes, bytes]:
    """Return what the forge got for a request, and what came back."""
    web = Web(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: i=1\r\nX-Total-Count: 3\r\nContent-Length: 0\r\n\r\n"
    )
    async with server(web) as port, room(trusted=(f"127.0.0.1:{port}",)) as here:
        here.forge = ForgeGateway(parse_origin(f"http://127.0.0.1:{port}/git"), "ada", TOKEN)
        said = await here.ask(*lines, "Host: 127.0.0.1:3128", "Connection: close", body=body)
    return web.bytes, said


async def test_the_api_gets_the_token_and_nothing_else_that_says_who_asks() -> None:
    got, said = await _asked(
        "GET /forge/api/v1/repos/ada/x/issues?state=open&q=a%20b HTTP/1.1",
        "Authorization: token of-somebody-else",
        "Cookie: session=1",
        "Sudo: core",
        "X-WebAuth-User: core",
        "X-Forwarded-For: 127.0.0.1",
        "X-HTTP-Method-Override: DELETE",
        "Accept: application/json",
    )
    lines = got.decode().split("\r\n")
    assert lines[0] == "GET /git/api/v1/repos/ada/x/issues?state=open&q=a%20b HTTP/1.1"
    names = {line.partition(":")[0].lower() for line in lines[1:] if line}
    assert names == {"host", "accept", "authorization"}
    assert f"Authorization: token {TOKEN}" in lines
    assert b"X-Total-Count: 3" in said
    assert b"cookie" not in said.lower()


async def test_git_gets_the_token_as_its_users_password() -> None:
    basic = base64.b64encode(f"ada:{TOKEN}".encode()).decode()
    for line, body in (
        ("GET /forge/bob/x.git/info/refs?service=git-receive-pack HTTP/1.1", b""),
        ("POST /forge/bob/x/git-upload-pack HTTP/1.1", b"0000"),
    ):
        got, _ = await _asked(
            line,
            "Authorization: Basic eDp5",
            "Git-Protocol: version=2",
            f"Content-Length: {len(body)}",
            body=body,
        )
        assert f"Authorization: Basic {basic}\r\n".encode() in got
        assert b"Git-Protocol: version=2" in got
        assert b"eDp5" not in got


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("POST /forge/api/v1/users/ada/tokens", 403),
        ("GET /forge/api/v1/users/ada/TOKENS/1", 403),
        ("POST /forge/api/v1/user/keys", 403),
        ("POST /forge/api/v1/user/applications/oauth2", 403),
        ("POST /forge/api/v1/user/emails", 403),
        ("POST /forge/api/v1/repos/ada/x/keys", 403),
        ("POST /forge/api/v1/repos/ada/x/hooks", 403),
        ("POST /forge/api/v1/repos/ada/x/push_mirrors", 403),
        ("POST /forge/api/v1/repos/ada/x/push_mirrors-sync", 403),
        ("GET /forge/api/v1/repos/ada/x/actions/runners/registration-token", 403),
        ("POST /forge/api/v1/repos/migrate", 403),
        ("POST /forge/api/v1/admin/users", 403),
        ("GET /forge/api/v1/user?sudo=core", 403),
        ("GET /forge/api/v1/user?a=1&%73udo=core", 403),
        ("GET /forge/api/v1/user?a;access_token=x", 403),
        ("TRACE /forge/api/v1/user", 400),
        ("GET /forge/", 400),
        ("GET /forge/user/login", 403),
        ("GET /forge/ada/x.git/info/refs?service=git-upload-pack&token=x", 403),
        ("GET /forge/ada/x.git/HEAD", 403),
        ("GET /forge/ada/x.git/git-upload-pack", 403),
        ("POST /forge/ada/x.git/info/lfs/objects/batch", 403),
        ("POST /forge/api/v1/users/ada/t%6Fkens", 403),
        ("GET /forge/api/v1/repos/../admin/users", 400),
        ("GET /forge/api/v1/repos/%2e%2e/admin/users", 400),
        ("GET /forge/api/v1/repos/..%2fadmin/users", 400),
        ("GET /forge/api/v1//admin/users", 400),
        ("GET /forge/api/v1/repos/a%252e/x", 400),
        ("GET /forge/api/v1/repos/a\\x", 400),
        ("GET /forge/api/v1/repos/a%00/x", 400),
        ("GET /forge/api/v1/repos/a;x/y", 400),
        ("GET /forge/api/v1/repos/%ff/x", 400),
    ],
)
async def test_what_is_not_open_never_reaches_the_forge(line: str, status: int) -> None:
    got, said = await _asked(f"{line} HTTP/1.1")
    assert got == b""
    assert said.startswith(b"HTTP/1.1 %d hive: " % status)
    assert TOKEN.encode() not in said


async def test_a_path_is_written_anew_as_it_was_read() -> None:
    got, _ = await _asked("GET /forge/api/v1/repos/ada/x/contents/a%20b%C3%A9/%61@c HTTP/1.1")
    assert got.startswith(b"GET /git/api/v1/repos/ada/x/contents/a%20b%C3%A9/a@c HTTP/1.1")


@given(st.binary(max_size=40))
def test_a_path_is_plain_or_refused(raw: bytes) -> None:
    try:
        path = canonical(raw)
    except BadRequest:
        return
    assert not set(path) & set("\\%;?#")
    assert not {"", ".", ".."} & set(path.split("/"))
    assert path.isprintable()
    assert path.count("/") == raw.count(b"/")


async def test_an_agent_without_a_token_is_told_so() -> None:
    async with room() as here:
        here.forge = ForgeGateway(parse_origin("http://127.0.0.1:9"), "ada", None)
        said = await here.ask("GET /forge/api/v1/user HTTP/1.1", "Host: x")
    assert said.startswith(b"HTTP/1.1 502 hive: ada has no user at the forge yet")
