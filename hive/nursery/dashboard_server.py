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
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            # Shielded, so that a stop ends open streams first and then the rest, in bounded time.
            with trio.CancelScope(shield=True):
                await server.serve(app, binds, shutdown=shutdown, task_status=status)

        status = _Bound(hive, task_status)
        nursery.start_soon(serve)
        try:
            await trio.sleep_forever()
        finally:
            hive.feed.close()
            shutdown.set()


class _Bound:
    """Takes the server's readiness and makes its address known."""

    def __init__(self, hive: Hive, task_status: trio.TaskStatus[None]) -> None:
        self._hive, self._task_status = hive, task_status

    def started(self, bound: list[server.Bound]) -> None:
        self._hive.address.url = bound[0].address
        self._task_status.started()
