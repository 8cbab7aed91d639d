"""The dashboard as a task: bound, its address made known, ended quickly."""

from __future__ import annotations

import trio

from hive.core.hive import Hive
from hive.web import server
from hive.web.dashboard.app import make_app


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve the dashboard until cancelled; ready once it is bound."""
    binds = server.loopback_binds(hive.config.host, hive.config.port)
    async with trio.open_nursery() as nursery:
        bound = await nursery.start(server.serve_until_cancelled, make_app(hive), binds, hive.feed)
        hive.address.url = bound[0].address
        task_status.started()
