"""The dashboard as an app: a manifest, and a page of its own when hive cannot be reached."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from hive import resources
from hive.web import offline_shell
from hive.web.static import Assets
from tests.browser import LIVE, opened
from tests.fakes.agent_scenes import agent_state
from tests.fakes.axe import LOOKS, violations
from tests.fakes.browser import Page
from tests.fakes.page_scenes import empty_dashboard
from tests.fakes.page_server import PageServer, Side

WORKING = "navigator.serviceWorker.controller"
UNREACHED = "document.querySelector('h1').innerText === 'Hive cannot be reached'"
KEPT = """(async () => {
  const names = await caches.keys();
  const requests = await Promise.all(names.map(async (one) => (await caches.open(one)).keys()));
  return [names, requests.flat().map(({ url }) => new URL(url).pathname).sort()];
})()"""
REPLACED = """new Promise((resolve) => {
  const look = async () => {
    const names = await caches.keys();
    if (names.length === 1 && names[0] !== "%s") resolve(true);
    else setTimeout(look, 50);
  };
  void look();
})"""


@asynccontextmanager
async def serving(server: PageServer) -> AsyncIterator[None]:
    """Serve until the block is left; afterwards nobody answers there."""
    async with trio.open_nursery() as nursery:
        await nursery.start(lambda task_status: server.run(task_status=task_status))
        yield
        nursery.cancel_scope.cancel()


async def test_without_hive_a_page_says_so_and_comes_back_by_itself(
    page: Page, tmp_path: Path
) -> None:
    page.expected += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_CONNECTION_RESET"]
    server = PageServer(Side(empty_dashboard()), Side(agent_state()))
    async with serving(server):
        await opened(page, server.url)
        await page.wait(WORKING, 30)
        names, kept = await page.eval(KEPT)
        assert kept == sorted(f"/static/{path}" for path in offline_shell.KEPT)
        assert len(names) == 1
    for url in (server.agent_url, server.url):
        await page.navigate(url)
        await page.wait(UNREACHED)
        assert await page.eval("getComputedStyle(document.documentElement).backgroundColor") == (
            "rgb(30, 30, 46)"
        )
    assert await violations(page, LOOKS) == []
    assert await page.overflow() == 0
    changed = tmp_path / "assets"
    shutil.copytree(resources.assets(), changed)
    with (changed / "shared/base.css").open("a") as file:
        file.write("/* a newer hive */\n")
    server.assets = Assets(changed)
    back = trio.Event()
    page.listener = lambda method, _: back.set() if method == "Page.loadEventFired" else None
    async with serving(server):
        with trio.fail_after(30):
            await back.wait()
        await page.wait(LIVE, 30)
        await page.eval(REPLACED % names[0])
        await page.navigate("about:blank")


async def test_the_dashboard_can_be_installed(page: Page, server: PageServer) -> None:
    await opened(page, server.url)
    manifest = await page.send("Page.getAppManifest")
    assert manifest["url"] == f"{server.url}static/shared/manifest.webmanifest"
    assert manifest["errors"] == []
    await page.wait(WORKING, 30)
    missing = (await page.send("Page.getInstallabilityErrors"))["installabilityErrors"]
    # A test's tab has a profile that is forgotten, which alone forbids it.
    assert {one["errorId"] for one in missing} <= {"in-incognito"}
