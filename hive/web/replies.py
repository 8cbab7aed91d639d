"""Answers and bodies of HTTP: JSON out, typed values in, failures as problems.

`Boundary` is the one place where a failure that nobody foresaw becomes an answer: it is logged
once with its traceback, and the client learns `internal`. A body is read as form or as JSON,
strictly: unknown and repeated fields, bad UTF-8 and NUL are refused.
"""

from __future__ import annotations

import json
import logging
import types
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import trio

from hive.errors import BadRequest, HiveError, TooLarge
from hive.web.exchange import STAYS, App, Message, Receive, Scope, Send
from hive.wire import codec
from hive.wire.problem import PROBLEM_TYPE, Problem, ProblemError

BODY_LIMIT_BYTES = 64 * 1024
BODY_DEADLINE_S = 10.0
PROBLEM = b"application/problem+json"
STAYS_S = 15.0
"""How long a stream may outlive the login it was opened with."""
READING = ("GET", "HEAD")
_FIELDS_MAX = 32

Json = dict[str, Any]
Headers = Iterable[tuple[bytes, bytes]]
T = TypeVar("T")
Tell = Callable[[Scope, Send, HiveError], Awaitable[None]]

log = logging.getLogger(__name__)


class MethodNotAllowed(BadRequest):
    """The path exists, but not for this method."""

    code = "method_not_allowed"
    http_status = 405

    def __init__(self, *methods: str) -> None:
        """Say which methods there are."""
        super().__init__(f"this address takes {' and '.join(methods)}")
        self.methods = methods


class UnsupportedType(BadRequest):
    """The body is neither a form nor JSON."""

    code = "unsupported_type"
    http_status = 415


class TooSlow(BadRequest):
    """The body did not arrive in time."""

    code = "too_slow"
    http_status = 408


INTERNAL = "hive failed at this request; its log says why"


async def contain(what: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work`; a failure is logged once and goes no further. Cancellation passes."""
    try:
        await work()
    except Exception:
        log.exception("%s failed", what)


class Boundary:
    """An ASGI application around another one, which turns its failures into answers."""

    def __init__(self, app: App, tell: Tell | None = None) -> None:
        """Guard `app`; `tell` answers with a failure, as JSON when it is not given."""
        self._app = app
        self._tell = tell or send_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an answer that has begun is cut off rather than ended."""
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        error: HiveError
        try:
            await self._app(scope, receive, watched)
        except HiveError as foreseen:
            error = foreseen
        except Exception:
            log.exception("%s %s failed", scope.get("method", scope["type"]), scope.get("path"))
            error = HiveError(INTERNAL)
        else:
            return
        if not has_begun:
            await self._tell(scope, send, error)


def need_method(scope: Scope, *methods: str) -> None:
    """Raise `MethodNotAllowed` unless a request has one of these methods."""
    if scope["method"] not in methods:
        raise MethodNotAllowed(*methods)


async def send_error(scope: Scope, send: Send, error: HiveError) -> None:
    """Answer with a failure as JSON."""
    body = json.dumps(error_body(error), separators=(",", ":")).encode()
    await send_body(scope, send, error.http_status, PROBLEM, body, error_headers(error))


def error_headers(error: HiveError) -> list[tuple[bytes, bytes]]:
    """Return the headers that belong to a failure, whatever its body is."""
    if isinstance(error, MethodNotAllowed):
        return [(b"allow", ", ".join(error.methods).encode())]
    return []


def error_body(error: HiveError, status: int | None = None) -> dict[str, Any]:
    """Return the problem (RFC 9457) that stands for a failure; `status` when it is not its own."""
    problem = Problem(
        type=PROBLEM_TYPE + error.code,
        title=error.code.replace("_", " ").capitalize(),
        status=error.http_status if status is None else status,
        detail=error.message,
        code=error.code,
        error=ProblemError(error.code, error.message),
    )
    found: dict[str, Any] = codec.to_json(problem)
    return found


async def send_json(
    scope: Scope,
    send: Send,
    value: object,
    *,
    status: int = 200,
    headers: Headers = (),
) -> None:
    """Answer with JSON."""
    body = json.dumps(value, separators=(",", ":")).encode()
    await send_body(scope, send, status, b"application/json", body, headers)


async def send_body(
    scope: Scope,
    send: Send,
    status: int,
    content_type: bytes,
    body: bytes,
    headers: Headers = (),
) -> None:
    """Answer with a whole body; also to a websocket's handshake, which it refuses.

    Not to be stored unless `headers` say otherwise.
    """
    head = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *headers]
    if not any(name == b"cache-control" for name, _ in head):
        head.append((b"cache-control", b"no-store"))
    prefix = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{prefix}.start", "status": status, "headers": head})
    await send({"type": f"{prefix}.body", "body": body, "more_body": False})


def as_object(value: object) -> Json:
    """Return a wire value as the object that answers with it."""
    found: Json = codec.to_json(value)
    return found


def header(scope: Scope, name: bytes) -> str | None:
    """Return a request header as text, None when it is absent or repeated."""
    found = [value for key, value in scope["headers"] if key.lower() == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


def query(scope: Scope, *known: str) -> dict[str, str]:
    """Return the query's fields; raises `BadRequest` when one is repeated or not UTF-8.

    With `known` names also for any other.
    """
    return parse_fields(scope["query_string"], *known)


def whole_number(
    fields: dict[str, str], name: str, default: int, *, low: int = 0, high: int
) -> int:
    """Return a number of the query; raises `BadRequest` outside `low` to `high`."""
    text = fields.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and low <= int(text) <= high):
        raise BadRequest(f"{name} must be a whole number from {low} to {high}")
    return int(text)


def number_or_none(fields: dict[str, str], name: str, high: int) -> int | None:
    """Return a number of the query, None without it; raises `BadRequest` above `high`."""
    return whole_number(fields, name, 0, high=high) if name in fields else None


def one_of(fields: dict[str, str], name: str, words: tuple[str, ...]) -> str | None:
    """Return a word of the query, None without it; raises `BadRequest` for any other."""
    word = fields.get(name)
    if word is not None and word not in words:
        raise BadRequest(f"{name} must be one of {', '.join(words)}")
    return word


def short_text(fields: dict[str, str], name: str, longest: int) -> str | None:
    """Return a text of the query, None without it; raises `BadRequest` when it is too long."""
    text = fields.get(name)
    if text is not None and len(text) > longest:
        raise BadRequest(f"{name} has at most {longest} characters")
    return text


async def read_body(receive: Receive, limit: int = BODY_LIMIT_BYTES) -> bytes:
    """Return the whole body; raises `TooLarge`, `TooSlow`, or `BadRequest` when it breaks off."""
    body = bytearray()
    with trio.move_on_after(BODY_DEADLINE_S):
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise BadRequest("the body broke off")
            body += message.get("body", b"")
            if len(body) > limit:
                raise TooLarge(f"a body is at most {limit} bytes here")
            if not message.get("more_body", False):
                return bytes(body)
    raise TooSlow(f"the body did not arrive within {BODY_DEADLINE_S:g} s")


def takes_gzip(scope: Scope) -> bool:
    """Whether a client takes its answer gzipped."""
    offers = (header(scope, b"accept-encoding") or "").lower().split(",")
    return any(
        name.strip() == "gzip" and weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00"}
        for name, _, weight in (offer.partition(";") for offer in offers)
    )


async def wait_gone(receive: Receive, scope: trio.CancelScope) -> None:
    """Cancel `scope` once the client is gone or the server stops; drops what it still sends."""
    while not (await receive())["type"].endswith(".disconnect"):
        pass
    scope.cancel()


async def wait_shut_out(scope: Scope, ending: trio.CancelScope) -> None:
    """Cancel `ending` once whoever asked would not be let in any more."""
    stays = scope.get(STAYS)
    if stays is None:
        return
    # A login runs out by the clock: there is nobody who would tell.
    while stays():  # noqa: ASYNC110
        await trio.sleep(STAYS_S)
    ending.cancel()


async def read_typed(scope: Scope, receive: Receive, kind: type[T]) -> T:
    """Read a request's body as `kind`, from a form or from JSON."""
    return parse_body(kind, header(scope, b"content-type"), await read_body(receive))


def parse_body(kind: type[T], content_type: str | None, body: bytes) -> T:
    """Return a body as the attrs class `kind`; raises `BadRequest` and its kin."""
    media = (content_type or "").partition(";")[0].strip().lower()
    if not body:
        fields: object = {}
    elif media == "application/json":
        fields = _json(body)
    elif media == "application/x-www-form-urlencoded":
        fields = _typed(kind, parse_fields(body))
    else:
        raise UnsupportedType("send a form (application/x-www-form-urlencoded) or JSON")
    return codec.from_json(kind, fields)


def parse_fields(data: bytes, *known: str) -> dict[str, str]:
    """Return the fields of a form or a query; raises `BadRequest` for one that comes twice.

    With `known` names also for any other: one that is mistyped would ask for something else.
    """
    try:
        pairs = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except UnicodeDecodeError as error:
        raise BadRequest("a field is not percent-encoded UTF-8") from error
    except ValueError as error:
        raise BadRequest("there are too many fields") from error
    fields: dict[str, str] = _unique(pairs)
    for name in fields:
        if known and name not in known:
            raise BadRequest(f"unknown field {name!r}: here are {', '.join(known)}")
    return fields


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadRequest("a field is given twice")
    return fields


def _json(body: bytes) -> object:
    try:
        value = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
        # Text with half a surrogate pair parses, and cannot be written anywhere afterwards.
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError as error:
        raise BadRequest("the body is not UTF-8") from error
    except RecursionError as error:
        raise BadRequest("the JSON is nested too deep") from error
    except ValueError as error:
        raise BadRequest("the body is not JSON") from error
    return value


def _no_constant(word: str) -> object:
    raise ValueError(word)


def _typed(kind: type, fields: dict[str, str]) -> dict[str, Any]:
    """Turn a form's strings into what the fields of `kind` want; unknown fields stay."""
    hints = get_type_hints(kind)
    return {
        name: _value(hints[name], text) if name in hints else text for name, text in fields.items()
    }


def _value(wanted: object, text: str) -> object:
    options = get_args(wanted) if get_origin(wanted) in {Union, types.UnionType} else (wanted,)
    if text == "" and type(None) in options:
        return None
    if bool in options:
        return {"true": True, "1": True, "on": True, "false": False, "0": False}.get(text, text)
    if int in options and text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    return text
