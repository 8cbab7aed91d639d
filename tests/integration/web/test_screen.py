"""The screen of an agent, from the browser's websocket to the VNC server and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio_websocket

from hive.agent.controls import HarnessPage
from hive.agent.screen import Screen
from hive.web.agent_page.app import make_app
from hive.web.dashboard import screen
from hive.wire.audit import AuditEntry
from tests.fakes import harness as harnesses
from tests.fakes import rfb_server
from tests.fakes.rfb_server import RfbServer
from tests.fakes.viewer import Viewer, viewing
from tests.fakes.waiting import until
from tests.integration.web.dashboard import Browser, browsing, log_in
from tests.integration.web.test_agent_proxy import harness, raw_harness
from tests.integration.web.test_agent_proxy import reply as reply_of

TICKET = "/agent/bob/screen/ticket"


def page(root: Path, port: int | None) -> Any:
    """Return the application of a harness whose VNC server is at a port."""
    rig = harnesses.make(root)
    return make_app(HarnessPage(attrs.evolve(rig.harness, screen=Screen(port, root / "gui.json"))))


@asynccontextmanager
async def screened(root: Path, short: Path) -> AsyncIterator[tuple[Browser, RfbServer]]:
    """Run a daemon, bob's harness and bob's VNC server."""
    async with (
        browsing(short, "bob") as browser,
        rfb_server.rfb_server() as server,
        harness(browser, page(root, server.port)),
    ):
        yield browser, server


async def ticket(browser: Browser, **wanted: Any) -> str:
    """Ask for a ticket as the page does."""
    reply = await browser.post(TICKET, **wanted)
    assert reply.status == 200, reply.body
    return str(reply.json()["ticket"])


def recorded(browser: Browser, action: str, outcome: str) -> list[AuditEntry]:
    """Return what the audit log says of bob."""
    entries = [row.entry for row in browser.hive.audit.newest(100)]
    mine = [each for each in entries if each.subject == "bob"]
    return [each for each in mine if (each.action, each.outcome) == (action, outcome)]


@asynccontextmanager
async def seeing(browser: Browser, secret: str) -> AsyncIterator[Viewer]:
    """Open a view with a ticket."""
    target = f"/agent/bob/screen/ws?ticket={secret}"
    async with viewing(browser.port, target, headers=browser.headers(is_write=True)) as viewer:
        yield viewer


async def test_who_looks_sees_pictures_and_no_key_arrives(short_tmp: Path, tmp_path: Path) -> None:
    async with screened(tmp_path, short_tmp) as (browser, server):
        assert (await browser.get("/agent/bob/api/state")).json()["screen"] is True
        asked = (await browser.post(TICKET)).json()
        assert (asked["view_only"], asked["expires_in"]) == (True, 30)
        async with seeing(browser, asked["ticket"]) as viewer:
            assert viewer.socket.subprotocol == "binary"
            await viewer.shake_hands()
            await viewer.send(rfb_server.KEY)
            assert await viewer.picture() == rfb_server.PICTURE
        assert bytes(server.told) == rfb_server.ASK
        assert server.shared == [b"\x01"]
        await until(lambda: server.open == 0)


async def test_keys_arrive_with_a_ticket_for_control(short_tmp: Path, tmp_path: Path) -> None:
    async with screened(tmp_path, short_tmp) as (browser, server):
        async with seeing(browser, await ticket(browser, view_only="false")) as viewer:
            await viewer.shake_hands()
            await viewer.send(rfb_server.KEY)
            assert await viewer.picture() == rfb_server.PICTURE
        assert bytes(server.told) == rfb_server.KEY + rfb_server.ASK
        await until(lambda: len(recorded(browser, "control_screen", "done")) == 1)
        (ended,) = recorded(browser, "control_screen", "done")
        assert ended.detail["why"] == "its viewer has left"
        assert "seconds" in ended.detail
        assert len(recorded(browser, "control_screen_ticket", "done")) == 1
        assert len(recorded(browser, "control_screen", "begun")) == 1


async def test_without_a_screen_there_is_no_ticket(short_tmp: Path, tmp_path: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        assert (await browser.post(TICKET)).status == 503
        async with harness(browser, page(tmp_path, None)):
            reply = await browser.post(TICKET)
            assert (reply.status, reply.code) == (404, "not_found")
            assert (await browser.get("/agent/bob/api/state")).json()["screen"] is False
        odd = reply_of("application/json", '{"screen":true}' + " " * 5000)
        async with raw_harness(browser, odd):
            assert (await browser.post(TICKET)).status == 503


async def refused(browser: Browser, target: str, **headers: str) -> int:
    """Return with which status a websocket is refused."""
    given = {**browser.headers(is_write=True), **headers}
    with pytest.raises(trio_websocket.ConnectionRejected) as caught:
        async with viewing(browser.port, target, headers=given):
            pass
    return int(caught.value.status_code)


async def test_a_view_needs_a_ticket_of_its_own(short_tmp: Path, tmp_path: Path) -> None:
    view = "/agent/bob/screen/ws"
    async with screened(tmp_path, short_tmp) as (browser, server):
        for target in (
            view,
            f"{view}?ticket=",
            f"{view}?ticket=nonsense",
            f"{view}?ticket={'x' * 999}",
        ):
            assert await refused(browser, target) == 403
        assert (await browser.daemon.operator("spawn", name="eve"))["ok"]
        assert await refused(browser, f"/agent/eve/screen/ws?ticket={await ticket(browser)}") == 403
        other = await log_in(browser.daemon)
        assert await refused(other, f"{view}?ticket={await ticket(browser)}") == 403
        token = {"Authorization": f"Bearer {browser.hive.access.create_token('ci')}"}
        assert await refused(browser, f"{view}?ticket={await ticket(browser)}", **token) == 403
        good = await ticket(browser)
        for elsewhere in ("http://evil.example", "null", f"http://localhost:{browser.port}"):
            assert await refused(browser, f"{view}?ticket={good}", Origin=elsewhere) == 403
        assert await refused(browser, f"{view}?ticket={good}", Cookie="") == 401
        assert server.shared == []
        async with seeing(browser, good) as viewer:
            await viewer.shake_hands()
            assert await refused(browser, f"{view}?ticket={good}") == 403
        await browser.hive.audit.settle()
        lines = [row.entry for row in browser.hive.audit.newest(100)]
        denied = [
            each for each in lines if (each.action, each.outcome) == ("watch_screen", "refused")
        ]
        assert denied
        assert all(each.subject in {"bob", "eve"} for each in denied)


async def test_a_view_ends_with_what_it_shows(short_tmp: Path, tmp_path: Path) -> None:
    async with browsing(short_tmp, "bob") as browser, rfb_server.rfb_server() as server:
        async with harness(browser, page(tmp_path, server.port)) as shutdown:
            async with seeing(browser, await ticket(browser)) as viewer:
                await viewer.shake_hands()
                server.hang_up()
                code, why = await viewer.end()
                assert (code, "VNC server in bob has hung up" in why) == (1011, True)
            async with seeing(browser, await ticket(browser)) as viewer:
                await viewer.shake_hands()
                await viewer.send(b"\x07")
                code, why = await viewer.end()
                assert (code, "message of kind 7" in why) == (1008, True)
            async with seeing(browser, await ticket(browser)) as viewer:
                await viewer.shake_hands()
                shutdown.set()
                code, why = await viewer.end()
                assert (code, "bob has stopped" in why) == (1011, True)
        async with harness(browser, page(tmp_path, await free_port())):
            async with seeing(browser, await ticket(browser)) as viewer:
                code, why = await viewer.end()
                assert (code, "no VNC server answers in bob" in why) == (1011, True)
            secret = await ticket(browser)
        async with seeing(browser, secret) as viewer:
            code, why = await viewer.end()
            assert (code, "bob is coming up" in why) == (1011, True)
        ended = partial(recorded, browser, "watch_screen", "done")
        with trio.fail_after(10):
            while sum(int(each.detail["count"]) for each in ended()) < 5:
                await browser.hive.audit.settle()
        assert len({each.detail["why"] for each in ended()}) == 5
        begun = recorded(browser, "watch_screen", "begun")
        assert sum(int(each.detail["count"]) for each in begun) == 5


async def test_views_are_counted_and_end_with_the_login(
    short_tmp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "VIEWS_OF_ONE", 1)
    monkeypatch.setattr(screen, "LOOK_S", 0.05)
    async with screened(tmp_path, short_tmp) as (browser, _):
        secret, second = await ticket(browser), await ticket(browser)
        async with seeing(browser, secret) as viewer:
            await viewer.shake_hands()
            assert await refused(browser, f"/agent/bob/screen/ws?ticket={second}") == 409
            assert (await browser.post(TICKET)).status == 409
            assert (await browser.post("/logout")).status == 200
            assert await viewer.end() == (1008, "you are logged out: log in again")
        again = await log_in(browser.daemon)
        async with seeing(again, await ticket(again)) as viewer:
            await viewer.shake_hands()


async def test_a_view_is_told_that_hive_stops(short_tmp: Path, tmp_path: Path) -> None:
    stop = trio.Event()

    async def run(task_status: trio.TaskStatus[Browser]) -> None:
        async with browsing(short_tmp, "bob") as browser:
            task_status.started(browser)
            await stop.wait()

    async with trio.open_nursery() as nursery, rfb_server.rfb_server() as server:
        browser = await nursery.start(run)
        async with (
            harness(browser, page(tmp_path, server.port)),
            seeing(browser, await ticket(browser)) as viewer,
        ):
            await viewer.shake_hands()
            stop.set()
            assert await viewer.end() == (
                1001,
                "hive stops: open the screen anew when it is back",
            )


async def free_port() -> int:
    """Return a port on which nobody listens."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        return int(listener.socket.getsockname()[1])
