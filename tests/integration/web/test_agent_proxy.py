"""An agent's page through the dashboard, with a harness that may say anything at all."""

from __future__ import annotations

import csv
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from hive.agent.controls import HarnessPage
from hive.core import transients
from hive.store.database import open_database
from hive.store.turn_stats import MIGRATIONS, TurnStats, stats_file
from hive.web import server, stats
from hive.web.agent_page.app import make_app
from hive.web.dashboard import harness_exchange
from hive.wire.live import Note
from hive.wire.names import AgentName
from tests.fakes import harness as harnesses
from tests.fakes.http_client import fetch, open_events
from tests.fakes.turns import turn
from tests.fakes.waiting import until
from tests.integration.web.dashboard import Browser, browsing

BOB = AgentName("bob")
POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"


@asynccontextmanager
async def harness(browser: Browser, app: Any) -> AsyncIterator[trio.Event]:
    """Serve bob's `web.sock` with `app` while the block runs."""
    shutdown = trio.Event()
    bind = server.UnixBind(browser.hive.paths.web_socket(BOB))
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(server.serve, app, [bind], shutdown=shutdown))
        yield shutdown
        shutdown.set()


@asynccontextmanager
async def raw_harness(browser: Browser, answer: bytes) -> AsyncIterator[list[bytes]]:
    """Answer every connection on bob's `web.sock` with the same bytes, and keep what it asked."""
    async with scripted_harness(browser, {b"/": answer}) as asked:
        yield asked


@asynccontextmanager
async def scripted_harness(
    browser: Browser, answers: dict[bytes, bytes]
) -> AsyncIterator[list[bytes]]:
    """Answer on bob's `web.sock` by what the target begins with, and keep what was asked."""
    asked: list[bytes] = []

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            request = bytes(await stream.receive_some(65536))
            asked.append(request)
            target = request.partition(b" ")[2]
            found = (each for start, each in answers.items() if target.startswith(start))
            await stream.send_all(next(found, b""))

    sock = trio.socket.socket(socket.AF_UNIX)
    await sock.bind(str(browser.hive.paths.web_socket(BOB)))
    sock.listen()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, handle, [trio.SocketListener(sock)])
        yield asked
        nursery.cancel_scope.cancel()


def reply(content_type: str, body: str, *headers: str, status: str = "200 OK") -> bytes:
    """Return a whole answer of a harness."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", *headers]
    lines += ["Connection: close", f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


async def test_the_real_page_is_reached_through_the_dashboard(
    short_tmp: Path, tmp_path: Path
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        rig = harnesses.make(tmp_path)
        async with harness(browser, make_app(HarnessPage(rig.harness))) as shutdown:
            state = (await browser.get("/agent/bob/api/state")).json()
            assert (state["label"], state["status"]) == ("bob", "online")
            assert (await browser.post("/agent/bob/api/model", model="opus")).json() == {"ok": True}
            assert (await browser.get("/agent/bob/api/state")).json()["model"] == "opus"
            assert (await browser.post("/agent/bob/api/model", model="a b")).status == 400
            assert (await browser.post("/agent/bob/api/compact", x="1")).status == 400
            assert (await browser.get("/agent/bob/api/cancel")).status == 405
            history = (await browser.get("/agent/bob/events/history?limit=5")).json()
            assert set(history) == {"seq", "events"}
            for wrong in ("limit=x", "limti=5"):
                asked = await browser.get(f"/agent/bob/events/history?{wrong}")
                assert asked.status == 400
            target = "/agent/bob/events/stream"
            async with open_events(browser.port, target, headers=browser.headers()) as events:
                rig.harness.bus.publish(Note("hello"))
                with trio.fail_after(5):
                    event = await events.next()
                    assert event.data["text"] == "hello"
                    rig.harness.bus.close()
                    shutdown.set()
                    assert await events.next() is None
                    assert events.is_ended


async def test_statistics_come_from_the_harness_and_from_its_file_when_it_is_off(
    short_tmp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "PAGE", 2)
    monkeypatch.setattr(stats, "EXPORT_MOST", 4)
    base = "/agent/bob/api/stats"
    async with browsing(short_tmp, "bob") as browser:
        rig = harnesses.make(tmp_path)
        now = browser.hive.clock()
        page = HarnessPage(attrs.evolve(rig.harness, clock=browser.hive.clock))
        turns = [turn(now - 50 * each, wake_from=f"=a{each}") for each in range(1, 6)]
        for state in (Path(rig.harness.config.state_dir), browser.hive.paths.agent_state(BOB)):
            async with open_database(stats_file(state), MIGRATIONS) as database:
                await TurnStats(database).append(turns[::-1])

        async def look() -> None:
            found = (await browser.get(f"{base}?window=1h")).json()
            assert (found["name"], found["turns"], found["cost_usd"]) == ("bob", 5, 0.0625)
            assert (await browser.get(f"{base}?window=2h")).status == 400
            sheet = await browser.get(f"{base}/export.csv?window=1h")
            assert sheet.header("content-type") == "text/csv; charset=utf-8"
            assert (sheet.header("content-security-policy") or "").startswith("sandbox")
            rows = list(csv.DictReader(sheet.body.decode().splitlines()))
            assert [row["wake_from"] for row in rows] == ["'=a1", "'=a2", "'=a3", "'=a4"]
            told = (await browser.get(f"{base}/export.json?window=1h")).json()
            assert (told["is_cut"], told["turns_most"], told["cost_basis"]) == (
                True,
                4,
                "list price",
            )
            assert [each["wake_from"] for each in told["turns"]] == ["=a1", "=a2", "=a3", "=a4"]

        async with harness(browser, make_app(page)) as shutdown:
            await look()
            shutdown.set()
        browser.hive.paths.web_socket(BOB).unlink(missing_ok=True)
        await browser.post("/kill/bob")
        await until(lambda: not browser.hive.view.row(BOB).running)
        await look()
        assert (await browser.get("/agent/bob/stats")).header(
            "content-type"
        ) == "text/html; charset=utf-8"


async def test_a_resumed_stream_misses_nothing(short_tmp: Path, tmp_path: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        bus = harnesses.make(tmp_path).harness.bus
        page = HarnessPage(attrs.evolve(harnesses.make(tmp_path).harness, bus=bus))
        async with harness(browser, make_app(page)):
            target, seen, last_id = "/agent/bob/events/stream", [], str(bus.feed.seq)
            for number in range(6):
                bus.publish(Note(str(number)))
                headers = browser.headers() | {"Last-Event-ID": last_id}
                async with open_events(browser.port, target, headers=headers) as events:
                    with trio.fail_after(5):
                        seen.append((await events.next()).data["text"])
                    last_id = events.last_id
            assert seen == [str(number) for number in range(6)]


async def test_a_message_is_sent_by_the_daemon_though_the_harness_is_away(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        sent = await browser.post("/agent/bob/send", body="hello")
        assert sent.json()["ok"] is True
        frame = (await browser.get("/dashboard/history")).json()["events"][-1]
        assert (frame["id"], frame["from"], frame["to"]) == (sent.json()["id"], "operator", "bob")


async def test_a_harness_that_is_away_is_said_to_be(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        answer = await browser.get("/agent/bob/api/state")
        assert (answer.status, answer.code) == (503, "coming_up")
        await browser.hive.runtime.stop(BOB, grace_s=1)
        await browser.hive.view.rescan()
        answer = await browser.get("/agent/bob/api/state")
        assert (answer.status, answer.code) == (503, "stopped")
        assert "start it" in answer.json()["error"]["message"]
        browser.hive.paths.web_socket(BOB).write_text("not a socket")
        assert (await browser.get("/agent/bob/api/state")).code == "stopped"
        with browser.hive.transients.hold(BOB, transients.STARTING):
            assert (await browser.get("/agent/bob/api/state")).code == "coming_up"
        with browser.hive.transients.hold(BOB, transients.STOPPING):
            assert (await browser.get("/agent/bob/api/state")).code == "stopped"


async def test_a_harness_learns_nothing_of_who_asks(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        token = browser.hive.access.create_token("ci")
        async with raw_harness(browser, reply("application/json", "{}")) as asked:
            await browser.get("/agent/bob/api/state?x=1", **{"X-Forwarded-For": "10.0.0.1"})
            await browser.post("/agent/bob/api/cancel")
            headers = {"Authorization": f"Bearer {token}"}
            await fetch(browser.port, "GET", "/agent/bob/api/state", headers=headers)
        text = b"".join(asked).lower()
        assert text.startswith(b"get /api/state?x=1 http/1.1\r\n")
        for word in (b"cookie", b"authorization", b"origin", b"x-forwarded", b"127.0.0.1"):
            assert word not in text


async def test_only_data_passes_and_under_our_headers(short_tmp: Path) -> None:
    extra = ["Set-Cookie: hive_session=stolen", "Access-Control-Allow-Origin: *", "X-Own: 1"]
    extra += ["Content-Security-Policy: default-src *", "Link: </x>; rel=preload", "Refresh: 0"]
    async with browsing(short_tmp, "bob") as browser:
        async with raw_harness(browser, reply("application/json; charset=x", "{}", *extra)):
            answer = await browser.get("/agent/bob/api/state")
        names = {name for name, _ in answer.headers}
        assert names == {
            *("content-type", "content-security-policy", "cache-control", "date", "connection"),
            *("x-content-type-options", "referrer-policy", "cross-origin-opener-policy"),
            *("cross-origin-resource-policy", "x-frame-options", "transfer-encoding"),
        }
        assert answer.header("content-security-policy") == POLICY
        assert answer.header("content-type") == "application/json"
        assert answer.json() == {}


@pytest.mark.parametrize(
    "answer",
    [
        reply("text/html", "<script>alert(1)</script>"),
        reply("application/javascript", "alert(1)"),
        reply("image/svg+xml", "<svg onload='alert(1)'/>"),
        reply("", "{}"),
        reply("application/json", "{}", "Content-Type: text/html"),
        reply("application/json", "{}", "Location: http://evil.example", status="302 Found"),
        reply("text/html", "", "Upgrade: x", status="101 Switching"),
        reply("application/json", "{}", status="700 Odd"),
        b"nonsense\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3,
    ],
)
async def test_everything_else_of_a_harness_is_an_error_of_ours(
    short_tmp: Path, answer: bytes
) -> None:
    async with browsing(short_tmp, "bob") as browser, raw_harness(browser, answer):
        found = await browser.get("/agent/bob/api/state")
        assert (found.status, found.code) == (503, "unavailable")
        assert found.header("location") is None


async def test_a_truncated_answer_is_not_taken_for_a_whole_one(short_tmp: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{}"
    async with browsing(short_tmp, "bob") as browser, raw_harness(browser, answer):
        with pytest.raises(Exception, match="peer"):
            await browser.get("/agent/bob/api/state")


async def test_a_link_to_the_operators_socket_leads_nowhere(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        browser.hive.paths.web_socket(BOB).symlink_to(browser.hive.paths.host_socket)
        answer = await browser.post("/agent/bob/api/cancel")
        assert (answer.status, answer.code) == (503, "coming_up")


async def test_a_harness_that_does_not_answer_is_given_up(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness_exchange, "ANSWER_S", 0.1)
    async with browsing(short_tmp, "bob") as browser:
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(browser.hive.paths.web_socket(BOB)))
            silent.listen()
            answer = await browser.get("/agent/bob/api/state")
        assert (answer.status, answer.code) == (503, "unavailable")


async def test_a_browser_that_leaves_is_let_go_at_the_harness_too(
    short_tmp: Path, tmp_path: Path
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        rig = harnesses.make(tmp_path)
        async with harness(browser, make_app(HarnessPage(rig.harness))):
            target = "/agent/bob/events/stream"
            async with open_events(browser.port, target, headers=browser.headers()):
                assert rig.harness.bus.feed.watchers == 1
            await until(lambda: not rig.harness.bus.feed.watchers)
