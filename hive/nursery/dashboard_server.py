"""The dashboard as a task: bound, its address made known, ended quickly."""

from __future__ import annotations

import trio

from hive.core.hive import Hive
from hive.web import server
from hive.web.dashboard.app import make_app


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve the dashboard until cancelled; ready once it is bound."""
    shutdown = trio.Event()
    binds = server.loopback_binds(hive.config.host, hive.config.port)
    app = make_app(hive)

    async def serve(*, task_status: trio.TaskStatus[list[server.Bound]]) -> None:
        # Shielded, so that a stop ends open streams first and then the rest, in bounded time.
        with trio.CancelScope(shield=True):
            await server.serve(app, binds, shutdown=shutdown, task_status=task_status)

    async with trio.open_nursery() as nursery:
        try:
            bound = await nursery.start(serve)
            hive.address.url = bound[0].address
            task_status.started()
            await trio.sleep_forever()
        finally:
            hive.feed.close()
            shutdown.set()
