"""Bodies into typed values, strictly; failures into answers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hive.errors import BadRequest, NotFound, TooLarge
from hive.web import replies
from hive.web.replies import UnsupportedType, parse_body

FORM = "application/x-www-form-urlencoded"
JSON = "application/json; charset=utf-8"


@attrs.frozen
class Thing:
    """A body with one field of each kind."""

    name: str
    count: int = 0
    flag: bool = False
    reply: int | None = None
    note: str | None = None


@settings(deadline=None)
@given(
    st.builds(
        Thing,
        name=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
        count=st.integers(0, 10**17),
        flag=st.booleans(),
        reply=st.none() | st.integers(0, 10**17),
    )
)
def test_a_form_and_json_say_the_same(thing: Any) -> None:
    fields = {"name": thing.name, "count": thing.count, "flag": thing.flag, "reply": thing.reply}
    words = {
        name: {True: "true", False: "false", None: ""}.get(value, value)
        if not isinstance(value, int) or isinstance(value, bool)
        else value
        for name, value in fields.items()
    }
    assert parse_body(Thing, JSON, json.dumps(fields).encode()) == thing
    assert parse_body(Thing, FORM, urlencode(words).encode()) == thing


@pytest.mark.parametrize(
    "body",
    [
        b"name=a&name=b",
        b"name=a&more=1",
        b"name=%ff",
        b"name=\xff",
        b"name=a%00b",
        b"name=a&count=1.5",
        b"name=a&count=-1",
        b"name=a&count=%D9%A1",
        b"name=a&count=" + b"9" * 5000,
        b"name=a&flag=maybe",
        b"count=1",
        b"&".join(b"f%d=1" % number for number in range(100)),
    ],
)
def test_a_bad_form_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_body(Thing, FORM, body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"a","name":"b"}',
        b'{"name":"a","more":1}',
        b'{"name":"a\xff"}',
        b'{"name":"a\\u0000b"}',
        b'{"name":"\\ud800"}',
        b'{"name":1}',
        b'{"name":"a","count":true}',
        b'{"name":"a","count":1.0}',
        b'{"name":"a","count":NaN}',
        b'{"name":"a","count":' + b"9" * 5000 + b"}",
        b'{"name":"a","flag":"true"}',
        b'["name"]',
        b"null",
        b"nonsense",
        b"[" * 60_000,
        b"{}",
    ],
)
def test_bad_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_body(Thing, JSON, body)


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "multipart/form-data", "\x00"])
def test_other_types_are_refused(content_type: Any) -> None:
    with pytest.raises(UnsupportedType):
        parse_body(Thing, content_type, b"name=a")


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([FORM, JSON, None, "text/plain"]))
def test_any_bytes_are_a_value_or_a_bad_request(body: bytes, content_type: Any) -> None:
    try:
        assert isinstance(parse_body(Thing, content_type, body), Thing)
    except BadRequest as error:
        error.message.encode()


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.recursive(st.none() | st.text() | st.floats(), st.lists)))
def test_any_json_is_a_value_or_a_bad_request(value: Any) -> None:
    try:
        parse_body(Thing, JSON, json.dumps(value).encode())
    except BadRequest as error:
        error.message.encode()


class Exchange:
    """An ASGI exchange in memory."""

    def __init__(self, *chunks: bytes, breaks_off: bool = False) -> None:
        last = {"type": "http.disconnect"} if breaks_off else None
        self.messages = [
            {"type": "http.request", "body": chunk, "more_body": breaks_off or place < len(chunks)}
            for place, chunk in enumerate(chunks, 1)
        ] + ([last] if last else [])
        self.sent: list[dict] = []

    async def receive(self) -> Any:
        return self.messages.pop(0)

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


async def test_a_body_comes_in_pieces() -> None:
    assert await replies.read_body(Exchange(b"ab", b"", b"c").receive) == b"abc"


async def test_a_body_over_the_limit_is_too_large() -> None:
    with pytest.raises(TooLarge):
        await replies.read_body(Exchange(b"ab", b"c").receive, 2)


async def test_a_body_that_breaks_off_is_a_bad_request() -> None:
    with pytest.raises(BadRequest):
        await replies.read_body(Exchange(b"ab", breaks_off=True).receive)


async def test_a_body_has_a_deadline(autojump_clock: Any) -> Any:
    async def receive() -> Any:
        await replies.trio.sleep(4)
        return {"type": "http.request", "body": b"a", "more_body": True}

    with pytest.raises(replies.TooSlow):
        await replies.read_body(receive)


async def test_a_foreseen_failure_is_answered_as_a_problem(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise NotFound("there is no such thing")

    exchange = Exchange()
    await replies.Boundary(app)(SCOPE, exchange.receive, exchange.send)
    assert exchange.sent[0]["status"] == 404
    assert json.loads(exchange.sent[1]["body"]) == {
        "type": "urn:hive:problem:not_found",
        "title": "Not found",
        "status": 404,
        "detail": "there is no such thing",
        "code": "not_found",
        "error": {"code": "not_found", "message": "there is no such thing"},
    }
    assert caplog.records == []


@pytest.mark.parametrize(
    ("text", "is_fine"), [("1", True), ("500", True), ("0", False), ("501", False), ("-1", False)]
)
def test_a_number_of_a_query_is_within_its_bounds(text: str, is_fine: bool) -> None:
    fields = replies.parse_fields(f"lines={text}".encode())
    if is_fine:
        assert replies.whole_number(fields, "lines", 50, low=1, high=500) == int(text)
    else:
        with pytest.raises(BadRequest, match="lines"):
            replies.whole_number(fields, "lines", 50, low=1, high=500)


def test_a_mistyped_field_of_a_query_is_refused_and_those_there_are_named() -> None:
    with pytest.raises(BadRequest, match="unknown field 'form': here are from, to"):
        replies.parse_fields(b"form=alice&to=bob", "from", "to")
    assert replies.parse_fields(b"to=bob", "from", "to") == {"to": "bob"}


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_query_is_fields_or_a_bad_request(data: bytes) -> None:
    try:
        replies.parse_fields(data)
    except BadRequest as error:
        error.message.encode()
