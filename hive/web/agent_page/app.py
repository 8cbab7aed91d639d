"""The page of one agent as an ASGI application, served by its harness.

Only the daemon connects there, and the daemon has already asked who wants to know; so there is no
login here, and nothing that acts beyond this agent. Plain ASGI, without a framework: a harness is
to stay small.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from hive.errors import NotFound
from hive.web import replies, routes, static, stats
from hive.web.agent_page import controls, screen, stream, table
from hive.web.agent_page.controls import Controls
from hive.web.agent_page.stream import History
from hive.web.agent_page.table import SHELLS
from hive.web.exchange import App, Receive, Scope, Send
from hive.web.secure_headers import SecureHeaders


class Page(Controls, History, Protocol):
    """What the page asks of its harness."""

    @property
    def statistics(self) -> stats.Source:
        """The turns of the agent."""
        ...

    @property
    def screen(self) -> screen.Source:
        """Where the VNC server of the agent's screen is."""
        ...

    async def snapshot(self) -> dict[str, Any]:
        """Return the page's state as JSON data, with `seq` taken before anything was read."""
        ...


def make_app(page: Page) -> App:
    """Return the application over `page`."""
    return SecureHeaders(replies.Boundary(_AgentPage(page)))


class _AgentPage:
    """Answers by path."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._assets = static.Assets()
        self._stream = stream.make_stream(page)
        self._controls = controls.routes(page)
        self._reads: dict[str, Callable[[Scope], Awaitable[dict[str, Any]]]] = {
            "/api/state": self._state,
            "/api/screen": self._screen,
            "/events/history": partial(stream.history, page),
        }
        routes.check(table.OF_READS, self._reads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if scope["type"] != "http":
            if path != screen.PATH:
                raise NotFound("there is no websocket here")
            await screen.answer(self._page.screen, scope, receive, send)
        elif path == stream.PATH:
            await self._stream(scope, receive, send)
        elif path in SHELLS:
            await self._assets.answer(scope, send, SHELLS[path])
        elif path in stats.PATHS:
            await stats.answer(self._page.statistics, path, scope, send)
        elif path.startswith("/static/"):
            await self._assets.answer(scope, send, path.removeprefix("/static/"))
        elif path in self._controls:
            replies.need_method(scope, "POST")
            await self._controls[path](scope, receive)
            await replies.send_json(scope, send, {"ok": True})
        else:
            await replies.send_json(scope, send, await self._read(path, scope))

    async def _read(self, path: str, scope: Scope) -> dict[str, Any]:
        if path not in self._reads:
            raise NotFound("there is nothing at this address")
        replies.need_method(scope, "GET")
        return await self._reads[path](scope)

    async def _state(self, scope: Scope) -> dict[str, Any]:
        del scope
        return await self._page.snapshot()

    async def _screen(self, scope: Scope) -> dict[str, Any]:
        del scope
        return {"screen": await self._page.screen.find() is not None}
