"""The screen of an agent, from the browser's websocket to the VNC server and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from hive.agent.controls import HarnessPage
from hive.agent.screen import Screen
from hive.web.agent_page.app import make_app
from tests.fakes import harness as harnesses
from tests.fakes import rfb_server
from tests.fakes.rfb_server import RfbServer
from tests.fakes.viewer import Viewer, viewing
from tests.fakes.waiting import until
from tests.integration.web.dashboard import Browser, browsing
from tests.integration.web.test_agent_proxy import harness

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
        await browser.hive.audit.settle()
        lines = [row.entry for row in browser.hive.audit.newest(20)]
        told = {(each.action, each.outcome) for each in lines if each.subject == "bob"}
        assert {("control_screen_ticket", "done"), ("control_screen", "begun")} <= told


@pytest.mark.parametrize("is_there", [True, False])
async def test_without_a_screen_there_is_no_ticket(
    short_tmp: Path, tmp_path: Path, is_there: bool
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        if is_there:
            async with harness(browser, page(tmp_path, None)):
                reply = await browser.post(TICKET)
                assert (reply.status, reply.code) == (404, "not_found")
        else:
            reply = await browser.post(TICKET)
            assert reply.status == 503
