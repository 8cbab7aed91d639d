"""The dashboard's ASGI application: the door, then the parts by path.

Snapshot and actions are Quart's; the event stream, the files and the agents' pages are plain ASGI,
because they stream or are many. An action runs to its end even when its browser leaves.
"""

from __future__ import annotations

import gzip
import json
from functools import partial
from typing import Any, cast

import trio
from quart import Response, request
from quart.json.provider import DefaultJSONProvider
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as NoSuchMethod

from hive.core.hive import Hive
from hive.errors import HiveError, NotFound, Refused, TooLarge, Unavailable
from hive.web import offline_shell, plain_page, replies, static
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
from hive.web.replies import Boundary, MethodNotAllowed, TooSlow
from hive.web.routes import JSON, Handler, Handlers, Nothing
from hive.web.secure_headers import SecureHeaders

ANSWER_S = 30.0
PACKED_FROM_BYTES = 2048
PACKED = 5
"""gzip's level."""
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
        self._quart = cast("App", _make_quart(hive))

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
            await self._quart(scope, patient, send)
        if late.cancelled_caught:
            raise Unavailable(f"this took longer than {ANSWER_S:g} s: look at hive.pyz doctor")


def _make_quart(hive: Hive) -> QuartTrio:
    app = QuartTrio("hive.web.dashboard", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = replies.BODY_LIMIT_BYTES
    app.config["BODY_TIMEOUT"] = replies.BODY_DEADLINE_S
    app.config["RESPONSE_TIMEOUT"] = None
    # What nobody foresaw goes on to the one boundary, which logs it once.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.strict_slashes = False
    # An odd path is no address, and is led to none.
    app.url_map.merge_slashes = False
    # The order is part of what a person reads in the snapshot.
    cast("DefaultJSONProvider", app.json).sort_keys = False
    handlers = Handlers()
    for room in (state, details, talk, files, reviews, actions, notify):
        room.add(handlers, hive)
    handlers.get(table.DOCUMENT)(_describe)
    for route, handler in handlers.for_all(table.OF_FRAMEWORK):
        key = f"{route.method} {route.path}"
        rule = _reading(route.body, handler)
        app.add_url_rule(route.path, key, rule, methods=[route.method])

    @app.errorhandler(HiveError)
    async def foreseen(error: HiveError) -> Response:
        return _told(error, error.http_status)

    @app.errorhandler(HTTPException)
    async def http(error: HTTPException) -> Response:
        known = _as_hive_error(error)
        return _told(known, error.code or known.http_status)

    @app.after_request
    async def never_stored(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return await _packed(response)

    return app


def _reading(kind: type[object] | None, handler: Handler) -> Handler:
    """Return what reads the body of a request as `kind`, then calls `handler` with it."""
    if kind is None:
        return handler

    async def run(**words: str) -> dict[str, Any]:
        data = cast("bytes", await request.get_data(cache=False))
        body: object = replies.parse_body(kind, request.headers.get("content-type"), data)
        given = {} if kind is Nothing else {"body": body}
        found: dict[str, Any] = await handler(**words, **given)
        return found

    return run


async def _packed(response: Response) -> Response:
    """Return an answer as small as its client takes it; no secret is ever in one of these."""
    body = await response.get_data(as_text=False)
    if len(body) < PACKED_FROM_BYTES:
        return response
    response.headers["Vary"] = "Accept-Encoding"
    if replies.takes_gzip(cast("Scope", request.scope)):
        # A snapshot takes milliseconds, which are the loop's no longer than a small answer's.
        packed = await trio.to_thread.run_sync(partial(gzip.compress, body, PACKED, mtime=0))
        response.set_data(packed)
        response.headers["Content-Encoding"] = "gzip"
    return response


async def _describe() -> Response:
    # With it come the types of all answers, and few ask for it.
    from hive.web.dashboard import openapi

    text = await trio.to_thread.run_sync(openapi.text)
    return Response(text, content_type=JSON)


def _told(error: HiveError, status: int) -> Response:
    headers = {name.decode(): value.decode() for name, value in replies.error_headers(error)}
    if plain_page.is_wanted(request.method, request.headers.get("accept")):
        page = plain_page.failed(error)
        return Response(page, status, headers, content_type=plain_page.HTML.decode())
    body = json.dumps(replies.error_body(error, status), separators=(",", ":"))
    return Response(body, status, headers, content_type=replies.PROBLEM.decode())


def _as_hive_error(error: HTTPException) -> HiveError:
    """Return what an error of the framework means in our words."""
    if isinstance(error, NoSuchMethod):
        return MethodNotAllowed(*sorted(error.valid_methods or ()))
    kinds: dict[int, tuple[type[HiveError], str]] = {
        404: (NotFound, "there is nothing at this address"),
        408: (TooSlow, f"the body did not arrive within {replies.BODY_DEADLINE_S:g} s"),
        413: (TooLarge, f"a body is at most {replies.BODY_LIMIT_BYTES} bytes here"),
    }
    kind, text = kinds.get(error.code or 500, (Refused, error.description or "refused"))
    return kind(text)
