"""What a first view may cost, counted at the wire: bytes, requests, modules."""

from __future__ import annotations

from pathlib import Path

import trio

from tests.browser import LIVE
from tests.fakes import busy_hive
from tests.fakes.browser import Chromium, Page, open_page
from tests.fakes.page_server import PageServer
from tests.fakes.running import running
from tests.fakes.tcp_relay import Relay

FIRST_VIEW_BYTES = 400_000
REQUESTS_MOST = 130
MODULES_MOST = {"": 105, "agent/alice/": 65, "agent/alice/stats": 25, "agent/alice/screen": 25}
"""By page, below the address of the dashboard."""
FOLLOWING = ("", "agent/alice/")
"""Those that load some when they have begun."""


async def test_the_first_view_of_a_busy_hive_is_small(short_tmp: Path, chromium: Chromium) -> None:
    async with running(short_tmp, allowed_hosts=("127.0.0.1",)) as daemon:
        # The first view shows no more of ten thousand messages than of these.
        await busy_hive.fill(daemon, messages=400)
        assert daemon.hive.address.url is not None
        relay = Relay(int(daemon.hive.address.url.rpartition(":")[2].rstrip("/")))
        async with trio.open_nursery() as nursery, open_page(chromium) as page:
            await nursery.start(lambda task_status: relay.run(task_status=task_status))
            link = daemon.hive.access.new_login_link()
            await page.navigate(f"http://127.0.0.1:{relay.port}{link}")
            await page.wait(LIVE, 30)
            # The files of the offline page come last.
            await page.wait("navigator.serviceWorker.controller", 30)
            assert await page.count("[data-agent]") == busy_hive.AGENTS + 1
            assert await page.count("#flow [data-message]") == 200
            assert relay.answered_bytes < FIRST_VIEW_BYTES
            assert len(page.requests) < REQUESTS_MOST
            nursery.cancel_scope.cancel()


async def test_no_page_loads_more_modules_than_its_budget(page: Page, lively: PageServer) -> None:
    for path, most in MODULES_MOST.items():
        page.requests.clear()
        await page.navigate(lively.url + path)
        if path in FOLLOWING:
            await page.wait(LIVE)
        modules = [url for url in page.requests if url.endswith(".js")]
        assert 0 < len(modules) < most, (path, len(modules))
