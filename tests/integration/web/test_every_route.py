"""Every route that the application has, taken from the application: none is forgotten."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest

from hive.core.hive import Hive
from hive.web.agent_page import controls
from hive.web.dashboard import app as dashboard_app
from hive.web.dashboard import framework
from tests.fakes.http_client import fetch
from tests.integration.web.dashboard import READS, WRITES, browsing
from tests.integration.web.test_entry import BODY, count_sent, write

OF_THE_GUARD = {("POST", "/logout")}
OPEN = {"/healthz"}
ELSEWHERE = [
    {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    for site in ("cross-site", "same-site")
    for mode, dest in (
        ("cors", "empty"),
        ("no-cors", "script"),
        ("no-cors", "image"),
        ("navigate", "iframe"),
        ("navigate", "embed"),
    )
]


def routes() -> set[tuple[str, str]]:
    """Return method and rule of everything that somebody who is logged in can ask for."""
    quart = framework.make_quart(dashboard_app.answering(cast("Hive", None)))
    found = {
        (method, rule.rule)
        for rule in quart.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }
    page = {("POST", f"/agent/<name>{path}") for path in controls.routes(cast("Any", _Anything()))}
    own = {("POST", f"/agent/<name>{path}") for path in ("/send", "/screen/ticket")}
    return {*found, *page, *own, *OF_THE_GUARD}


class _Anything:
    """Has whatever is asked of it."""

    def __getattr__(self, name: str) -> str:
        return name


def tried(rule: str, targets: tuple[str, ...]) -> bool:
    """Whether one of the addresses that the tests use is of a rule."""
    pattern = re.compile(re.sub(r"<[a-z]+>", "[^/]+", rule))
    return any(pattern.fullmatch(target.partition("?")[0]) for target in targets)


def test_every_route_is_among_those_that_the_tests_of_the_door_try() -> None:
    for method, rule in routes():
        assert tried(rule, WRITES if method != "GET" else (*READS, *OPEN)), (method, rule)


def test_only_get_reads_and_only_post_writes() -> None:
    assert {method for method, _ in routes()} == {"GET", "POST"}
    by_get = {rule for method, rule in routes() if method == "GET"}
    assert not any(tried(rule, WRITES) for rule in by_get)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_no_other_method_does_what_post_does(short_tmp: Path, method: str) -> None:
    async with browsing(short_tmp, "bob") as browser:
        await browser.hive.audit.settle()
        before = browser.hive.audit.newest(1)[0].n
        for target in WRITES:
            headers = browser.headers(is_write=True) | write()
            body = b"" if method in {"GET", "HEAD"} else BODY
            reply = await fetch(browser.port, method, target, headers=headers, body=body)
            assert reply.status in {400, 404, 405, 503}, target
            assert (reply.header("allow") is not None) == (reply.status == 405)
        await browser.hive.audit.settle()
        # Whatever is done is recorded, and nothing was.
        assert browser.hive.audit.newest(1)[0].n == before
        assert await count_sent(browser) == 0


async def test_what_another_page_reads_is_refused(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        for target in READS:
            for headers in ELSEWHERE:
                reply = await browser.get(target, **headers)
                assert (reply.status, reply.code) == (403, "refused"), (target, headers)


@pytest.mark.parametrize("target", ["/", "/agent/bob/"])
async def test_a_link_on_another_page_opens_the_page(short_tmp: Path, target: str) -> None:
    came = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    async with browsing(short_tmp, "bob") as browser:
        opened = {**came, "Sec-Fetch-Dest": "document"}
        assert (await browser.get(target, **opened)).status == 200
        assert (await browser.get("/api/state", **opened)).status == 403
