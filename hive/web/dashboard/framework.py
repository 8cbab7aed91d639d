"""Quart's part of the dashboard: the routes that answer with JSON, made of their rows.

It is imported when the first of them is asked for: with Quart come templates, a development server
and a command line, a fifth of the daemon's memory, which a hive that nobody looks at does not need.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from functools import partial
from typing import cast

import trio
from quart import Response, request
from quart.json.provider import DefaultJSONProvider
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as NoSuchMethod

from hive.errors import HiveError, NotFound, Refused, TooLarge
from hive.web import plain_page, replies
from hive.web.exchange import App, Scope
from hive.web.replies import MethodNotAllowed, TooSlow
from hive.web.routes import Handler, Nothing, Route

PACKED_FROM_BYTES = 2048
PACKED = 5
"""gzip's level."""


def make_app(rows: Iterable[tuple[Route, Handler]]) -> App:
    """Return the application that answers these routes."""
    return cast("App", make_quart(rows))


def make_quart(rows: Iterable[tuple[Route, Handler]]) -> QuartTrio:
    """Return the same as Quart knows it."""
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
    for route, handler in rows:
        key = f"{route.method} {route.path}"
        rule = _reading(route, handler)
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


def _reading(route: Route, handler: Handler) -> Handler:
    """Return what reads the query and the body of a request, then calls `handler` with them."""

    async def run(**words: str) -> object:
        given: dict[str, object] = {}
        if route.query:
            known = [field.name for field in route.query]
            given["fields"] = replies.parse_fields(request.query_string, *known)
        if route.body is not None:
            data = cast("bytes", await request.get_data(cache=False))
            body: object = replies.parse_body(route.body, request.headers.get("content-type"), data)
            if route.body is not Nothing:
                given["body"] = body
        return await handler(**words, **given)

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
