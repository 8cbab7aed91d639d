"""Fixtures of the web's tests: a server around any application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import attrs
import pytest
import trio

from hive.web import server
from hive.web.connection import Limits
from hive.web.exchange import App

Serving = Callable[..., AbstractAsyncContextManager["Server"]]


@attrs.frozen
class Server:
    """A running server of a test."""

    port: int
    shutdown: trio.Event
    bound: list[server.Bound]
    ended: trio.Event


@asynccontextmanager
async def serve(
    app: App, *binds: server.Bind, limits: Limits | None = None
) -> AsyncIterator[Server]:
    """Serve `app` on loopback and on `binds` while the block runs, then stop it."""
    shutdown, ended = trio.Event(), trio.Event()
    everywhere = [server.TcpBind("127.0.0.1", 0), *binds]

    async def run(task_status: trio.TaskStatus[list[server.Bound]]) -> None:
        await server.serve(
            app, everywhere, shutdown=shutdown, limits=limits, task_status=task_status
        )
        ended.set()

    async with trio.open_nursery() as nursery:
        bound = await nursery.start(partial(run))
        assert bound[0].port is not None
        yield Server(bound[0].port, shutdown, bound, ended)
        shutdown.set()


@pytest.fixture
def serving() -> Serving:
    """`async with serving(app) as server:`."""
    return serve
