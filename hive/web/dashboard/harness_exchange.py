"""One request to an agent's harness, answered in bounds: by whoever asks, passed on or kept whole.

The harness is in the agent's hands: nothing it says is trusted, and every wait has an end.
"""

from __future__ import annotations

import json
import math
from typing import Any

import h11
import trio

from hive.core import audit
from hive.core.hive import Hive
from hive.errors import BadRequest, Conflict, HiveError, NotFound, Refused, Unavailable
from hive.web import replies
from hive.web.dashboard import harness_door
from hive.web.exchange import Message, Send
from hive.wire.names import AgentName

ANSWER_S = 15.0
CHUNK_S = 15.0
WHOLE_S = 120.0
"""For a whole answer: a browser has six connections to us, and one that dribbles keeps one."""
ANSWER_BYTES = 32 * 1024 * 1024
INFORMS_MOST = 8
"""Heads before the answer's own; thousands of them fit into what is read at once."""
WHY_CHARS = 1000
"""How much of a harness's own sentence about a failure is passed on."""
_READ_BYTES = 64 * 1024
STREAM = "text/event-stream"
_PASSES = {
    "application/json": b"application/json",
    "application/problem+json": replies.PROBLEM,
    "text/csv": b"text/csv; charset=utf-8",
    "text/plain": b"text/plain; charset=utf-8",
    STREAM: b"text/event-stream; charset=utf-8",
}
_JSON = {(b"content-type", _PASSES[f"application/{word}json"]) for word in ("", "problem+")}
# Not 401: whether the operator is logged in is no harness's to say.
_STATUSES = frozenset({200, 400, 403, 404, 405, 408, 409, 413, 415, 500, 503})
_FAILURES: dict[int, type[HiveError]] = {
    400: BadRequest,
    403: Refused,
    404: NotFound,
    409: Conflict,
}
POLICY = [
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]


async def ask(
    hive: Hive, name: AgentName, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Ask a harness something, or with a body have it do something, which is recorded.

    Returns its answer; raises the `HiveError` that it stands for, `Unavailable` for nonsense.
    """
    if body is None:
        return await _ask(hive, name, path, None)
    async with audit.recorded(hive.audit, path.rpartition("/")[2], name):
        return await _ask(hive, name, path, json.dumps(body).encode())


async def _ask(hive: Hive, name: AgentName, path: str, body: bytes | None) -> dict[str, Any]:
    headers = [(b"host", b"agent"), (b"connection", b"close")]
    if body is not None:
        headers += [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
    method = "GET" if body is None else "POST"
    answer = _Collected(name)
    request = h11.Request(method=method, target=path.encode(), headers=headers)
    await Exchange(hive, name, answer).run(request, body or b"")
    return answer.result()


class _Collected:
    """An answer kept whole; of a stream, which may have no end, nothing is taken."""

    def __init__(self, name: AgentName) -> None:
        self._name = name
        self._status = 0
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            if not _JSON.intersection(message["headers"]):
                raise self._nonsense()
        else:
            self._body += message["body"]

    def result(self) -> dict[str, Any]:
        """Return what a success has; raises what a failure stands for."""
        try:
            value = json.loads(self._body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise self._nonsense()
        if self._status == 200:
            return value
        error = value.get("error")
        text = error.get("message") if isinstance(error, dict) else None
        kind = _FAILURES.get(self._status, Unavailable)
        raise kind(text[:WHY_CHARS] if isinstance(text, str) else f"{self._name} gave no reason")

    def _nonsense(self) -> Unavailable:
        return Unavailable(f"{self._name} answered with something that is not data: rebuild it")


class Exchange:
    """One request to a harness and its answer, passed on as it comes."""

    def __init__(self, hive: Hive, name: AgentName, send: Send) -> None:
        self._hive = hive
        self._name = name
        self._send = send
        self._h11 = h11.Connection(h11.CLIENT)

    async def run(self, request: h11.Request, body: bytes) -> None:
        """Raise `Unavailable` when nobody is there, or does not speak sense in time."""
        async with await harness_door.connect(self._hive, self._name) as stream:
            try:
                with trio.fail_after(ANSWER_S):
                    await stream.send_all(self._outgoing(request, body))
                    response = await self._response(stream)
                media = await self._begin(response)
                await self._pass_on(stream, media)
            except trio.TooSlowError as error:
                raise Unavailable(f"{self._name} does not answer: restart it") from error
            except (trio.BrokenResourceError, h11.RemoteProtocolError) as error:
                raise Unavailable(f"{self._name} broke off its answer: try again") from error

    def _outgoing(self, request: h11.Request, body: bytes) -> bytes:
        events = [request, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()]
        return b"".join(self._h11.send(event) or b"" for event in events)

    async def _event(self, stream: trio.SocketStream) -> object:
        while True:
            event = self._h11.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._h11.receive_data(bytes(await stream.receive_some(_READ_BYTES)))

    async def _response(self, stream: trio.SocketStream) -> h11.Response:
        for _ in range(INFORMS_MOST):
            event = await self._event(stream)
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise Unavailable(f"{self._name} broke off its answer: try again")
        raise Unavailable(f"{self._name} does not come to its answer: rebuild it")

    async def _begin(self, response: h11.Response) -> str:
        """Begin our answer under headers of our own; returns its media type."""
        types = [value for name, value in response.headers if name == b"content-type"]
        media = types[0].decode("latin-1").partition(";")[0].strip().lower() if types else ""
        if len(types) != 1 or media not in _PASSES or response.status_code not in _STATUSES:
            raise Unavailable(f"{self._name} answered with something that is not data: rebuild it")
        headers = [(b"content-type", _PASSES[media]), *POLICY]
        status = response.status_code
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        return media

    async def _pass_on(self, stream: trio.SocketStream, media: str) -> None:
        """Pass on the body; an event stream has neither limit nor deadline, and just ends."""
        is_stream = media == STREAM
        left = ANSWER_BYTES
        until = math.inf if is_stream else trio.current_time() + WHOLE_S
        while True:
            wait_until = math.inf if is_stream else trio.current_time() + CHUNK_S
            try:
                with trio.fail_at(min(until, wait_until)):
                    event = await self._event(stream)
            except (trio.BrokenResourceError, h11.RemoteProtocolError):
                if not is_stream:
                    raise
                break
            if not isinstance(event, h11.Data):
                break
            left -= len(event.data)
            if left < 0 and not is_stream:
                raise Unavailable(f"{self._name} answered too much")
            await self._send(
                {"type": "http.response.body", "body": bytes(event.data), "more_body": True}
            )
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
