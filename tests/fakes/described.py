"""Holds what the dashboard answered to the description of its routes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import jsonschema_rs

from hive.web.agent_page import table as agent_table
from hive.web.dashboard import openapi
from hive.web.routes import Route
from tests.fakes.http_client import Reply

OF_HARNESS = {openapi.AGENT + route.path for route in agent_table.OF_HARNESS}
"""What an agent says there nobody vouches for."""


def hold(method: str, target: str, reply: Reply) -> None:
    """Raise unless an answer is one that its route is described to give."""
    found = _route(method, target.partition("?")[0])
    if found is None or found.path in OF_HARNESS:
        return
    about = _document()["paths"][openapi.address(found.path)][method.lower()]
    told = about["responses"].get(str(reply.status))
    # A wrong method, and a path that none is described for, are of no operation.
    if told is None and reply.status in {404, 405}:
        return
    assert told is not None, f"{method} {target} answered {reply.status}, which is not described"
    kind = reply.header("content-type")
    if kind is None or "json" not in kind:
        return
    validator = _validator(found.path, method.lower(), str(reply.status), kind)
    for error in validator.iter_errors(reply.json()):
        raise AssertionError(f"{method} {target} answered {reply.status}: {error.message}")


@lru_cache
def _document() -> dict[str, Any]:
    return openapi.document(is_closed=True)


@lru_cache
def _routes() -> list[tuple[re.Pattern[str], Route]]:
    return [
        (re.compile(re.sub("<[a-z]+>", "[^/]+", route.path)), route) for route in openapi.routes()
    ]


def _route(method: str, path: str) -> Route | None:
    for pattern, route in _routes():
        if method in route.methods and pattern.fullmatch(path):
            return route
    return None


@lru_cache
def _validator(path: str, method: str, status: str, kind: str) -> Any:
    components = _document()["components"]
    told = _document()["paths"][openapi.address(path)][method]["responses"][status]
    if "$ref" in told:
        told = components["responses"][told["$ref"].rpartition("/")[2]]
    return jsonschema_rs.Draft202012Validator(
        {**told["content"][kind]["schema"], "components": components}
    )
