"""The dashboard's ASGI application: the door, then the parts by path.

Snapshot and actions are Quart's, which is there from the first of them on; the event stream, the
files and the agents' pages are plain ASGI, because they stream or are many. An action runs to its
end even when its browser leaves.
"""

from __future__ import annotations

import trio

from hive.core.hive import Hive
from hive.errors import NotFound, Unavailable
from hive.web import offline_shell, plain_page, static
from hive.web.access import Access
from hive.web.dashboard import (
    actions,
    agent_proxy,
    details,
    files,
    notify,
    reviews,
    state,
    stream,
    table,
    talk,
)
from hive.web.exchange import App, Message, Receive, Scope, Send
from hive.web.guard import Guard, Rules
from hive.web.replies import Boundary
from hive.web.routes import JSON, Handler, Handlers, Route
from hive.web.secure_headers import SecureHeaders

ANSWER_S = 30.0
SHELL = "dashboard/index.html"
ICON = "shared/icon.svg"


def make_app(hive: Hive) -> App:
    """Return the whole dashboard over `hive`, whose `access` must be a `web.access.Access`."""
    if not isinstance(hive.access, Access):
        raise TypeError("the dashboard needs hive.web.access.Access")
    guard = Guard(_Dashboard(hive), hive.access, Rules.of(hive.config), hive.audit)
    return SecureHeaders(Boundary(guard, plain_page.tell))


class _Dashboard:
    """What is behind the door, by path."""

    def __init__(self, hive: Hive) -> None:
        self._assets = static.Assets()
        self._stream = stream.make_stream(hive)
        self._agents = agent_proxy.AgentPages(hive, self._assets)
        self._json = _Answers(answering(hive))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith("/agent/"):
            await self._agents(scope, receive, send)
        elif scope["type"] != "http":
            raise NotFound("there is no websocket here")
        elif path == stream.PATH:
            await self._stream(scope, receive, send)
        elif path == "/":
            await self._assets.answer(scope, send, SHELL)
        elif path == "/favicon.ico":
            await self._assets.answer(scope, send, ICON)
        elif path == offline_shell.PATH:
            await offline_shell.answer(self._assets, scope, send)
        elif path.startswith("/static/"):
            await self._assets.answer(scope, send, path.removeprefix("/static/"))
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Quart answer in bounded time, and to the end even when the client leaves."""
        is_complete = False

        async def patient() -> Message:
            nonlocal is_complete
            message = await receive()
            if message["type"] == "http.disconnect" and is_complete:
                await trio.sleep_forever()
            is_complete = is_complete or not message.get("more_body", False)
            return message

        with trio.move_on_after(ANSWER_S) as late:
            app = await self._json.app()
            await app(scope, patient, send)
        if late.cancelled_caught:
            raise Unavailable(f"this took longer than {ANSWER_S:g} s: look at hive.pyz doctor")


class _Answers:
    """The routes that Quart answers; nothing of it is in memory before one of them is asked for."""

    def __init__(self, rows: list[tuple[Route, Handler]]) -> None:
        self._rows = rows
        self._app: App | None = None
        self._making = trio.Lock()

    async def app(self) -> App:
        """Return their application."""
        async with self._making:
            if self._app is None:
                self._app = await trio.to_thread.run_sync(self._make)
        return self._app

    def _make(self) -> App:
        # A thread imports it, so that nothing else waits for a fifth of a second.
        from hive.web.dashboard import framework

        return framework.make_app(self._rows)


def answering(hive: Hive) -> list[tuple[Route, Handler]]:
    """Return the rows that Quart answers, each with its function; raises `TypeError` for a gap."""
    handlers = Handlers()
    for room in (state, details, talk, files, reviews, actions, notify):
        room.add(handlers, hive)
    handlers.get(table.DOCUMENT)(_describe)
    return handlers.for_all(table.OF_FRAMEWORK)


async def _describe() -> tuple[bytes, dict[str, str]]:
    # With it come the types of all answers, and few ask for it.
    from hive.web.dashboard import openapi

    return await trio.to_thread.run_sync(openapi.text), {"Content-Type": JSON}
