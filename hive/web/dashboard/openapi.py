"""The description of all routes as OpenAPI 3.1, made from the tables that they are served by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import attrs

import hive as package
from hive.errors import BadRequest, HiveError, Refused, Unauthorized, Unavailable
from hive.web import replies
from hive.web.agent_page import table as agent_table
from hive.web.dashboard import table
from hive.web.guard import COOKIE
from hive.web.json_schema import REF, Schemas
from hive.web.routes import ANY_FILE, FORM, HTML, JSON, PATH_FIELDS, Route
from hive.wire.problem import Problem

AGENT = "/agent/<name>"
HEAD = "HEAD"
ALWAYS: tuple[type[HiveError], ...] = (BadRequest, Refused, HiveError, Unavailable)
_WORD = re.compile("<([a-z]+)>")
_TEXT = """Everything the dashboard and the agents' pages ask of a hive.

A script sends `Authorization: Bearer TOKEN`; a browser has a cookie, and may only act from the
hive's own origin. A failure is a problem by RFC 9457; a browser that opens an address gets it as a
page instead. An address that does not take a method
answers 405, and `Allow` names those that it takes.
Events of a stream hold one frame each, as JSON, under its number; `x-frames` names what these are.
"""

Json = dict[str, Any]


@lru_cache
def text() -> bytes:
    """Return the document as it is served; takes a moment the first time."""
    return json.dumps(document(), separators=(",", ":")).encode()


def document(*, is_closed: bool = False) -> Json:
    """Return the document; `is_closed` as in `Schemas`."""
    schemas = Schemas(is_closed=is_closed)
    schemas.written(Problem)
    paths: dict[str, Json] = {}
    problems: dict[str, Json] = {}
    for route in routes():
        words = _words(route.path)
        about = paths.setdefault(address(route.path), {"parameters": words} if words else {})
        operation = _operation(route, schemas, problems)
        for method in route.methods:
            about[method.lower()] = operation if method != HEAD else _as_head(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hive",
            "version": package.__version__,
            "summary": "The routes of a hive's dashboard and of its agents' pages.",
            "description": _TEXT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The hive that this comes from."}],
        "security": [{"token": []}, {"session": []}],
        "tags": [{"name": "dashboard"}, {"name": "agent"}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": problems,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "`hive.pyz token`."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "`hive.pyz login-link`.",
                },
            },
        },
    }


def routes() -> Iterable[Route]:
    """Yield every route, those of an agent's page with the whole path."""
    yield from table.ROUTES
    for route in agent_table.ROUTES:
        yield attrs.evolve(route, path=AGENT + route.path)


def address(path: str) -> str:
    """Return a path as OpenAPI writes it."""
    return _WORD.sub(lambda match: "{" + PATH_FIELDS[match[1]][0] + "}", path)


def _words(path: str) -> list[Json]:
    """Return what the words of a path are."""
    fields = [PATH_FIELDS[word] for word in _WORD.findall(path)]
    return [
        {"name": name, "in": "path", "required": True, "schema": schema} for name, schema in fields
    ]


def _operation(route: Route, schemas: Schemas, problems: Json) -> Json:
    words = re.findall("[a-z]+", route.path) + ["page"] * route.path.endswith("/")
    found: Json = {
        "operationId": "_".join([route.method.lower(), *words]),
        "summary": route.says,
        "tags": ["agent" if route.path.startswith(AGENT) else "dashboard"],
    }
    if route.query:
        found["parameters"] = [
            {
                "name": field.name,
                "in": "query",
                "required": field.is_needed,
                "description": field.says,
                "schema": field.schema(),
            }
            for field in route.query
        ]
    if route.body is not None:
        schema = schemas.read(route.body)
        is_needed = "required" in schemas.components[route.body.__name__]
        content = {media: {"schema": schema} for media in (JSON, FORM)}
        found["requestBody"] = {"required": is_needed, "content": content}
    if route.is_open:
        found["security"] = []
    if route.frames is not None:
        name = "LiveFrame" if route.path.startswith(AGENT) else "DashboardFrame"
        found["x-frames"] = schemas.frames(name, route.frames)
    found["responses"] = _responses(route, schemas, problems)
    return found


def _as_head(operation: Json) -> Json:
    """Return how a GET is described that is asked as HEAD: whatever comes back has no body."""
    statuses = operation["responses"]
    return {
        **operation,
        "operationId": operation["operationId"].replace("get", "head", 1),
        "responses": {
            status: {"description": HTTPStatus(int(status)).phrase} for status in statuses
        },
    }


def _responses(route: Route, schemas: Schemas, problems: Json) -> Json:
    done: Json = {"description": HTTPStatus(route.status).phrase}
    if route.media:
        inner = {"type": "string"} if route.answer is None else schemas.written(route.answer)
        done["content"] = {route.media: {"schema": inner} if route.media != ANY_FILE else {}}
    if 300 <= route.status < 400:
        done["headers"] = {"Location": {"required": True, "schema": {"type": "string"}}}
    found: Json = {str(route.status): done}
    if "<path>" in route.path or route.path == "/favicon.ico":
        found["304"] = {"description": "It is what the client has."}
    codes: dict[int, list[type[HiveError]]] = {}
    for kind in dict.fromkeys((*ALWAYS, *route.refusals)):
        codes.setdefault(kind.http_status, []).append(kind)
    for status, kinds in codes.items():
        found[str(status)] = _problem("_".join(kind.code for kind in kinds), kinds, problems)
    if not route.is_open or route.path == "/login":
        found["401"] = _problem("unauthorized", [Unauthorized], problems)
    return dict(sorted(found.items()))


def _problem(name: str, kinds: list[type[HiveError]], problems: Json) -> Json:
    """Return how a failure is described, once for all routes that know it."""
    problems[name] = {
        "description": " ".join((kind.__doc__ or "").partition("\n")[0] for kind in kinds),
        "content": {
            replies.PROBLEM.decode(): {"schema": {"$ref": REF + Problem.__name__}},
            HTML: {"schema": {"type": "string"}},
        },
    }
    return {"$ref": f"#/components/responses/{name}"}
