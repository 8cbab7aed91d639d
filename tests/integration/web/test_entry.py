"""Who may enter the dashboard, route by route: cookies, tokens, hosts and origins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.http_client import connect, fetch, read_reply
from tests.integration.web.dashboard import FORM, READS, WRITES, Browser, browsing

STATE = "/api/state"
SEND = "/op-send"
BODY = b"to=bob&body=hello"


def write(**changes: str) -> dict[str, str]:
    """Return the headers of a form beside those given; an empty one is not sent."""
    return {
        "Content-Type": FORM,
        **{name.replace("_", "-"): text for name, text in changes.items()},
    }


async def count_sent(browser: Browser) -> int:
    """Return how many messages the operator sent."""
    events = (await browser.get("/dashboard/history")).json()["events"]
    return sum(frame["from"] == "operator" for frame in events)


async def test_without_a_login_nothing_is_shown_and_nothing_is_done(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        for target in READS:
            for headers in ({}, {"Cookie": "hive_session=nonsense"}, {"Cookie": "hive_session="}):
                reply = await fetch(browser.port, "GET", target, headers=headers)
                assert reply.status == 401, target
        for target in WRITES:
            headers = write(Origin=f"http://{browser.host}")
            reply = await fetch(browser.port, "POST", target, headers=headers, body=BODY)
            assert (reply.status, reply.code) == (401, "unauthorized"), target
        assert await count_sent(browser) == 0


@pytest.mark.parametrize("target", ["/", "/agent/bob/"])
async def test_a_page_without_a_login_says_how_to_get_one(short_tmp: Path, target: str) -> None:
    async with browsing(short_tmp, "bob") as browser:
        reply = await fetch(browser.port, "GET", target)
        assert reply.status == 401
        assert reply.header("content-type") == "text/html; charset=utf-8"
        assert b"hive.pyz login-link" in reply.body
        assert reply.body.count(b"<script") == reply.body.count(b"shared/theme_boot.js") == 1
        assert (await fetch(browser.port, "GET", "/static/shared/base.css")).status == 200
        assert (await fetch(browser.port, "GET", "/healthz")).json() == {"ok": True}


async def test_every_answer_carries_the_headers_that_bind_a_browser(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        for target in ("/", STATE, "/nonsense", "/static/shared/base.css", "/agent/bob/"):
            reply = await browser.get(target)
            policy = reply.header("content-security-policy") or ""
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert reply.header("x-content-type-options") == "nosniff"
            assert reply.header("referrer-policy") == "no-referrer"
            assert reply.header("cross-origin-opener-policy") == "same-origin"
            assert reply.header("cross-origin-resource-policy") == "same-origin"
            assert reply.header("access-control-allow-origin") is None
        assert (await browser.get(STATE)).header("cache-control") == "no-store"


async def test_the_cookie_is_strict(short_tmp: Path) -> None:
    async with browsing(short_tmp) as browser:
        reply = await fetch(browser.port, "GET", browser.hive.access.new_login_link())
        parts = {part.strip() for part in (reply.header("set-cookie") or "").split(";")}
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= parts
        assert "Secure" not in parts


async def test_behind_tls_the_cookie_is_secure_and_the_origin_https(short_tmp: Path) -> None:
    settings = {"tls_in_front": True, "allowed_hosts": ("hive.example",)}
    async with browsing(short_tmp, "bob", **settings) as browser:
        host = {"Host": "hive.example"}
        reply = await fetch(browser.port, "GET", browser.hive.access.new_login_link(), headers=host)
        assert "; Secure" in (reply.header("set-cookie") or "")
        for origin, status in (("https://hive.example", 200), ("http://hive.example", 403)):
            headers = write(Cookie=browser.headers()["Cookie"], Origin=origin) | host
            reply = await fetch(browser.port, "POST", SEND, headers=headers, body=BODY)
            assert reply.status == status


async def test_a_login_link_is_used_once(short_tmp: Path) -> None:
    async with browsing(short_tmp) as browser:
        link = browser.hive.access.new_login_link()
        assert (await fetch(browser.port, "GET", link)).status == 303
        reply = await fetch(browser.port, "GET", link)
        assert (reply.status, reply.header("set-cookie")) == (401, None)
        assert b"used already" in reply.body
        assert (await browser.get(link)).status == 303


async def test_a_login_link_leads_to_where_the_operator_opens_the_dashboard(
    short_tmp: Path,
) -> None:
    async with browsing(short_tmp, public_url="https://hive.example/") as browser:
        url = (await browser.daemon.operator("login_link"))["url"]
        assert url.startswith("https://hive.example/login?token=")
        here = await fetch(browser.port, "GET", url.removeprefix("https://hive.example"))
        assert here.status == 303


@pytest.mark.parametrize(
    "target", ["/login", "/login?token=", "/login?token=x&token=y", "/login?%ff"]
)
async def test_a_link_that_is_none_logs_nobody_in(short_tmp: Path, target: str) -> None:
    async with browsing(short_tmp) as browser:
        reply = await fetch(browser.port, "GET", target)
        assert reply.status in {400, 401}
        assert reply.header("set-cookie") is None


async def test_a_preview_does_not_use_up_the_link(short_tmp: Path) -> None:
    async with browsing(short_tmp) as browser:
        link = browser.hive.access.new_login_link()
        assert (await fetch(browser.port, "HEAD", link)).status == 405
        headers = {"Sec-Purpose": "prefetch"}
        assert (await fetch(browser.port, "GET", link, headers=headers)).status == 403
        assert (await fetch(browser.port, "GET", link)).status == 303


async def test_a_login_lives_over_a_restart_and_ends_with_logging_out(short_tmp: Path) -> None:
    async with browsing(short_tmp) as browser:
        cookie = browser.headers()
    async with browsing(short_tmp) as browser:
        assert (await fetch(browser.port, "GET", STATE, headers=cookie)).status == 200
        origin = {"Origin": f"http://{browser.host}"}
        reply = await fetch(browser.port, "POST", "/logout", headers=cookie | origin)
        assert "Max-Age=0" in (reply.header("set-cookie") or "")
        assert (await fetch(browser.port, "GET", STATE, headers=cookie)).status == 401


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost:{port}."),
        *("localhost.evil.example:{port}", "127.0.0.1:{port}:1", "127.0.0.1:{port}@evil"),
        *("[::2]:{port}", "0.0.0.0:{port}", "127.1:{port}", "agent", "x" * 300, "user@127.0.0.1"),
    ],
)
async def test_a_name_that_is_not_ours_is_not_answered(short_tmp: Path, host: str) -> None:
    async with browsing(short_tmp, "bob") as browser:
        name = host.format(port=browser.port)
        for target in (STATE, "/", "/static/shared/base.css", "/healthz", "/login?token=x"):
            reply = await browser.get(target, Host=name)
            assert reply.status in {400, 403}, target
        token = browser.hive.access.create_token("ci")
        bearer = {"Host": name, "Authorization": f"Bearer {token}"}
        assert (await fetch(browser.port, "GET", STATE, headers=bearer)).status in {400, 403}


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
async def test_every_loopback_name_is_ours(short_tmp: Path, host: str) -> None:
    async with browsing(short_tmp, "bob") as browser:
        name = host.format(port=browser.port)
        assert (await browser.get(STATE, Host=name)).status == 200
        headers = write(Host=name, Origin=f"http://{name}", Cookie=browser.headers()["Cookie"])
        reply = await fetch(browser.port, "POST", SEND, headers=headers, body=BODY)
        assert reply.status == 200


async def test_a_name_that_was_allowed_is_answered_on_any_port(short_tmp: Path) -> None:
    async with browsing(short_tmp, allowed_hosts=("Hive.Example",)) as browser:
        for name in ("hive.example", "hive.example:8443"):
            assert (await browser.get(STATE, Host=name)).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"Origin": ""},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://{host}"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "http://{host}.evil.example"},
        {"Origin": "http://{host}", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://{host}", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://{host}", "Sec-Fetch-Site": "none"},
    ],
)
async def test_an_action_from_elsewhere_is_refused(
    short_tmp: Path, changes: dict[str, str]
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        wanted = {
            name: text.format(host=browser.host, port=browser.port)
            for name, text in changes.items()
        }
        headers = browser.headers() | write() | wanted
        for target in WRITES:
            reply = await fetch(browser.port, "POST", target, headers=headers, body=BODY)
            assert (reply.status, reply.code) == (403, "refused"), target
        assert await count_sent(browser) == 0


async def test_a_token_needs_no_origin_and_ends_when_it_is_revoked(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        token = browser.hive.access.create_token("ci")
        headers = write(Authorization=f"Bearer {token}")
        assert (await fetch(browser.port, "GET", STATE, headers=headers)).status == 200
        reply = await fetch(browser.port, "POST", SEND, headers=headers, body=BODY)
        assert reply.status == 200
        browser.hive.access.revoke_token("ci")
        reply = await fetch(browser.port, "GET", STATE, headers=headers)
        assert (reply.status, reply.code) == (401, "unauthorized")


@pytest.mark.parametrize("value", ["Bearer nonsense", "Bearer", "Basic {token}", "{token}", "é"])
async def test_a_bad_token_does_not_fall_back_on_the_cookie(short_tmp: Path, value: Any) -> None:
    async with browsing(short_tmp) as browser:
        token = browser.hive.access.create_token("ci")
        reply = await browser.get(STATE, Authorization=value.format(token=token))
        assert (reply.status, reply.code) == (401, "unauthorized")


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 404),
        ({"Cookie": ""}, 401),
        ({"Origin": ""}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Host": "evil.example"}, 403),
    ],
)
@pytest.mark.parametrize("target", ["/agent/eve/screen/ws?ticket=x", "/agent/bob/", "/"])
async def test_a_websocket_is_asked_the_same_questions(
    short_tmp: Path, changes: dict[str, str], status: Any, target: str
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        given = browser.headers(is_write=True) | {"Host": browser.host} | UPGRADE | changes
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
        async with await connect(browser.port) as stream:
            await stream.send_all(f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode())
            reply = await read_reply(stream)
        assert reply.status == status
        assert reply.json()["error"]["message"]


async def test_an_absolute_target_is_no_way_around(short_tmp: Path) -> None:
    async with browsing(short_tmp) as browser, await connect(browser.port) as stream:
        head = f"GET http://evil.example/api/state HTTP/1.1\r\nHost: {browser.host}\r\n"
        await stream.send_all(f"{head}Cookie: {browser.headers()['Cookie']}\r\n\r\n".encode())
        assert (await read_reply(stream)).status == 400
