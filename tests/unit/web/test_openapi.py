"""The description of the routes: valid, whole, and of the types that the codec reads and writes."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import attrs
import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from hive.errors import BadRequest
from hive.web.dashboard import openapi
from hive.web.json_schema import Schemas
from hive.web.routes import GET, Handlers, Route
from hive.wire import codec
from hive.wire.dashboard import DashboardFrame
from tests.fakes import described
from tests.fakes.any_json import JSON
from tests.fakes.http_client import Reply


@attrs.frozen
class Body:
    """What a test sends."""

    to: str
    """Whom."""
    from_: str | None = None
    count: int = 1
    is_wanted: bool = False
    names: tuple[str, ...] = ()


def schema_of(kind: type) -> dict[str, Any]:
    """Return the schema of a body, with what it points at."""
    schemas = Schemas()
    return {**schemas.read(kind), "components": {"schemas": schemas.components}}


def test_the_document_is_valid_openapi_3_1() -> None:
    assert list(OpenAPIV31SpecValidator(openapi.document()).iter_errors()) == []


def test_the_document_holds_each_route_of_the_tables_and_no_other() -> None:
    described = {
        (method.upper(), path)
        for path, operations in openapi.document()["paths"].items()
        for method in operations.keys() - {"parameters"}
    }
    routes = {
        (method, route.path.replace("<text>", "<id>").replace("<", "{").replace(">", "}"))
        for route in openapi.routes()
        for method in route.methods
    }
    assert described == routes


def test_each_operation_has_a_name_of_its_own() -> None:
    names = [
        about["operationId"]
        for operations in openapi.document()["paths"].values()
        for method, about in operations.items()
        if method != "parameters"
    ]
    assert len(names) == len(set(names))


def test_what_is_asked_as_head_comes_without_a_body_and_a_redirect_says_where_to() -> None:
    paths = openapi.document()["paths"]
    state, stream, page = (
        paths[path] for path in ("/api/state", "/dashboard/stream", "/agent/{name}")
    )
    assert state["head"]["responses"].keys() == state["get"]["responses"].keys()
    assert not any("content" in told for told in state["head"]["responses"].values())
    assert "head" not in stream
    assert page["get"]["responses"]["308"]["headers"].keys() == {"Location"}


def test_each_frame_of_a_stream_is_described_with_its_kind() -> None:
    frames = openapi.document()["components"]["schemas"]["DashboardFrame"]["oneOf"]
    kinds = {frame["properties"]["kind"]["const"] for frame in frames}
    assert kinds == {codec.tag_of(kind) for kind in get_args(DashboardFrame)}
    assert all({"kind", "seq"} <= set(frame["required"]) for frame in frames)


def test_the_string_below_a_field_describes_it() -> None:
    schemas = Schemas()
    schemas.read(Body)
    assert schemas.components["Body"]["properties"]["to"]["description"] == "Whom."
    assert schemas.components["Body"]["properties"]["from"].keys() == {"anyOf"}
    assert schemas.components["Body"]["required"] == ["to"]


fields = st.sampled_from(["to", "from", "from_", "count", "is_wanted", "names", "more"])


@given(st.dictionaries(fields, JSON | st.just("bob") | st.just(True) | st.integers(-9, 9)) | JSON)
def test_the_codec_reads_what_the_schema_takes_and_nothing_else(value: Any) -> None:
    try:
        codec.from_json(Body, value)
    except BadRequest as error:
        # What no text may hold is not said in each schema, and 1.0 is a whole number only there.
        if re.search("NUL|surrogate|whole number", error.message):
            return
        is_read = False
    else:
        is_read = True
    assert jsonschema_rs.is_valid(schema_of(Body), value) == is_read


def test_two_types_of_one_name_are_refused() -> None:
    schemas = Schemas()
    schemas.read(Body)
    other = attrs.make_class("Body", [])
    with pytest.raises(TypeError, match="two types are called Body"):
        schemas.read(other)


def test_a_route_without_a_function_and_a_function_without_a_route_are_refused() -> None:
    route, handlers = Route(GET, "/a", "A."), Handlers()
    with pytest.raises(TypeError, match="'/a'"):
        handlers.for_all([route])

    @handlers.get("/a")
    async def answer() -> None: ...

    assert handlers.for_all([route]) == [(route, answer)]
    with pytest.raises(TypeError, match="'/a'"):
        handlers.for_all([])


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {"ok": True, "more": 1}),
        (200, {}),
        (404, {"error": {"code": "not_found", "message": "there is no such approval"}}),
        (418, {}),
    ],
)
def test_an_answer_that_is_not_as_described_is_noticed(status: int, answer: Any) -> None:
    kind = "application/json" if status == 200 else "application/problem+json"
    reply = Reply(status, [("content-type", kind)], json.dumps(answer).encode())
    with pytest.raises(AssertionError, match=f"POST /approve/7 answered {status}"):
        described.hold("POST", "/approve/7", reply)
