"""A scripted Messages API on loopback, so that the real claude runs without account or internet.

A script is a list of steps, played one per model call, or a function `answer(request) -> Step` that
reads the conversation and decides, so that a test can play a model that calls tools. Scripts may be
given per agent, by a marker found in the system prompt or in the `x-api-key` header.

In a test:

    async with serve([tool_use(("mcp__hyperhive__recv", {})), Text("done")]) as api:
        env["ANTHROPIC_BASE_URL"] = api.url

By hand: `python -m tests.fakes.messages_api --port 8080 --script echo`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import attrs
import h11
import trio

Request = dict[str, Any]
"""The JSON body of one model call, with the request's headers under `_headers`."""


@attrs.frozen
class Text:
    """A streamed text answer that ends the turn."""

    text: str = "ok"
    delay_s: float = 0
    """Silence before the first byte of the answer's head."""
    chunks: int = 1
    """How many pieces the text comes in."""
    chunk_delay_s: float = 0
    """Pause behind each piece."""
    stop_reason: str = "end_turn"
    thinking: str | None = None
    input_tokens: int | None = None
    """None: a quarter of the request's size."""
    output_tokens: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


@attrs.frozen
class ToolUse:
    """One or more tool calls, behind an optional text."""

    calls: tuple[tuple[str, dict[str, Any]], ...]
    text: str | None = None
    delay_s: float = 0
    input_tokens: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


@attrs.frozen
class Failure:
    """An HTTP error instead of an answer."""

    status: int
    kind: str
    message: str = "scripted failure"
    retry_after: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0


@attrs.frozen
class CutOff:
    """An answer that breaks in the middle: by an error event, or by a dropped connection."""

    text: str = "half an ans"
    kind: str | None = None
    """Type of the error event; None drops the connection."""


@attrs.frozen
class Dropped:
    """The connection is cut before any answer."""


@attrs.frozen
class Silence:
    """Nothing for a while, then the connection is cut."""

    seconds: float = 3600


Step: TypeAlias = Text | ToolUse | Failure | CutOff | Dropped | Silence
Answer = Callable[[Request], "Step | Awaitable[Step]"]
Script: TypeAlias = "Answer | Iterable[Step]"


def tool_use(*calls: tuple[str, dict[str, Any]], text: str | None = None) -> ToolUse:
    """Return a step that calls these tools at once."""
    return ToolUse(calls, text)


def rate_limited(retry_after: int | None = None) -> Failure:
    """429 of the API; claude waits by itself up to 60 s and gives up at once above that."""
    return Failure(
        429, "rate_limit_error", "This request would exceed your rate limit.", retry_after
    )


def usage_limit(resets_at: int) -> Failure:
    """429 of a subscription's five-hour limit; read so only with an OAuth token."""
    unified = "anthropic-ratelimit-unified"
    return Failure(
        429,
        "rate_limit_error",
        "This request would exceed your account's rate limit.",
        headers=(
            (f"{unified}-status", "rejected"),
            (f"{unified}-reset", str(resets_at)),
            (f"{unified}-representative-claim", "five_hour"),
            (f"{unified}-5h-status", "rejected"),
            (f"{unified}-5h-reset", str(resets_at)),
            (f"{unified}-5h-utilization", "1.0"),
        ),
    )


def overloaded() -> Failure:
    """529."""
    return Failure(529, "overloaded_error", "Overloaded")


def too_long(tokens: int = 210_000, limit: int = 200_000) -> Failure:
    """400 that says the prompt is too long."""
    return Failure(
        400, "invalid_request_error", f"prompt is too long: {tokens} tokens > {limit} maximum"
    )


def unauthorised() -> Failure:
    """401."""
    return Failure(401, "authentication_error", "invalid x-api-key")


def is_compaction(request: Request) -> bool:
    """Whether claude asks for the summary of a conversation."""
    texts = [text for role, text in texts_of(request) if role == "user"]
    return bool(texts) and "Respond with TEXT ONLY" in texts[-1]


def texts_of(request: Request) -> list[tuple[str, str]]:
    """Return (role, text) of every text in the conversation, in order."""
    found = []
    for message in request.get("messages", []):
        content = message["content"]
        if isinstance(content, str):
            found.append((message["role"], content))
            continue
        found += [(message["role"], b["text"]) for b in content if b.get("type") == "text"]
    return found


def user_texts(request: Request) -> list[str]:
    """Return what the user said, without the reminders that claude adds."""
    return [
        text
        for role, text in texts_of(request)
        if role == "user" and not text.startswith("<system-reminder>")
    ]


def system_text(request: Request) -> str:
    """Return the system prompt."""
    system = request.get("system", "")
    return system if isinstance(system, str) else "\n".join(b.get("text", "") for b in system)


def tool_results(request: Request) -> list[str]:
    """Return the texts of the tool results behind the last assistant message, in order."""
    found: list[str] = []
    for message in request.get("messages", []):
        if message["role"] == "assistant":
            found = []
        elif isinstance(message["content"], list):
            found += [_result_text(b) for b in message["content"] if b.get("type") == "tool_result"]
    return found


def all_tool_results(request: Request) -> list[str]:
    """Return the texts of every tool result of the conversation."""
    return [
        _result_text(b)
        for message in request.get("messages", [])
        if isinstance(message["content"], list)
        for b in message["content"]
        if b.get("type") == "tool_result"
    ]


def tool_names(request: Request) -> list[str]:
    """Return the names of the tools offered to the model."""
    return [tool["name"] for tool in request.get("tools", [])]


def _result_text(block: dict[str, Any]) -> str:
    content = block.get("content", "")
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


@attrs.define
class MessagesApi:
    """The running server: what was asked of it, and what it will answer."""

    url: str
    requests: list[Request] = attrs.field(factory=list)
    """Every model call, oldest first."""
    _default: Answer = attrs.field(kw_only=True)
    _by_marker: dict[str, Answer] = attrs.field(factory=dict)
    _numbers: Iterable[int] = attrs.field(factory=lambda: itertools.count(1))
    _asked: trio.Condition = attrs.field(factory=trio.Condition)

    def play(self, script: Script, *, marker: str | None = None) -> None:
        """Answer by this script from now on; `marker` restricts it to one agent."""
        if marker is None:
            self._default = as_answer(script)
        else:
            self._by_marker[marker] = as_answer(script)

    async def wait_asked(self, count: int) -> Request:
        """Wait until `count` calls came in all and return that one."""
        async with self._asked:
            while len(self.requests) < count:
                await self._asked.wait()
        return self.requests[count - 1]

    async def step_for(self, request: Request) -> Step:
        """Record a call and decide its answer."""
        async with self._asked:
            self.requests.append(request)
            self._asked.notify_all()
        seen = system_text(request) + "\n" + request["_headers"].get("x-api-key", "")
        answer = next((a for m, a in self._by_marker.items() if m in seen), self._default)
        step = answer(request)
        return await step if isinstance(step, Awaitable) else step

    def next_number(self) -> int:
        """Return a number never given before."""
        return next(iter(self._numbers))


def as_answer(script: Script) -> Answer:
    """Return a function that plays the steps in order, then says ok."""
    if callable(script):
        return script
    steps = iter(list(script))

    def answer(request: Request) -> Step:
        step = next(steps, None)
        if step is not None:
            return step
        return Text("<summary>All is well.</summary>") if is_compaction(request) else Text("ok")

    return answer


def echo(request: Request) -> Step:
    """Play a model that repeats the last thing the user said."""
    if is_compaction(request):
        return Text("<summary>All is well.</summary>")
    return Text("You said: " + (user_texts(request) or [""])[-1])


@asynccontextmanager
async def serve(script: Script = echo, *, port: int = 0) -> AsyncIterator[MessagesApi]:
    """Serve on 127.0.0.1 until the block is left."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
        bound = listeners[0].socket.getsockname()[1]
        api = MessagesApi(f"http://127.0.0.1:{bound}", default=as_answer(script))

        async def handle(stream: trio.SocketStream) -> None:
            await _Connection(api, stream).run()

        nursery.start_soon(trio.serve_listeners, handle, listeners)
        yield api
        nursery.cancel_scope.cancel()


class _Connection:
    """One client; ends on its EOF, or when a step says so."""

    def __init__(self, api: MessagesApi, stream: trio.SocketStream) -> None:
        self._api = api
        self._stream = stream
        self._http = h11.Connection(h11.SERVER)

    async def run(self) -> None:
        try:
            while await self._one():
                self._http.start_next_cycle()
        except (trio.BrokenResourceError, h11.RemoteProtocolError, _Cut):
            return

    async def _one(self) -> bool:
        head = await self._event()
        if not isinstance(head, h11.Request):
            return False
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
        path = head.target.decode()
        if not (head.method == b"POST" and path.split("?")[0] == "/v1/messages"):
            await self._plain(404, {"type": "error", "error": {"type": "not_found_error"}})
            return self._may_go_on()
        request = json.loads(body)
        request["_headers"] = {k.decode(): v.decode() for k, v in head.headers}
        await self._play(await self._api.step_for(request), request)
        return self._may_go_on()

    def _may_go_on(self) -> bool:
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._stream.receive_some(65536))
        return event

    async def _send(self, event: Any) -> None:
        data = self._http.send(event)
        if data:
            await self._stream.send_all(data)

    async def _plain(
        self, status: int, body: dict[str, Any], headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        data = json.dumps(body).encode()
        await self._send(
            h11.Response(
                status_code=status,
                headers=[
                    ("content-type", "application/json"),
                    ("content-length", str(len(data))),
                    ("request-id", f"req_{self._api.next_number():06}"),
                    *headers,
                ],
            )
        )
        await self._send(h11.Data(data=data))
        await self._send(h11.EndOfMessage())

    async def _play(self, step: Step, request: Request) -> None:
        if isinstance(step, Dropped):
            raise _Cut
        if isinstance(step, Silence):
            await trio.sleep(step.seconds)
            raise _Cut
        if isinstance(step, CutOff):
            await self._cut_off(step, request)
            return
        if step.delay_s:
            await trio.sleep(step.delay_s)
        if isinstance(step, Failure):
            retry = () if step.retry_after is None else (("retry-after", str(step.retry_after)),)
            error = {"type": "error", "error": {"type": step.kind, "message": step.message}}
            await self._plain(step.status, error, (*retry, *step.headers))
            return
        message = self._message(step, request)
        if request.get("stream"):
            await self._streamed(message, step)
        else:
            await self._plain(200, message, step.headers)

    def _message(self, step: Text | ToolUse, request: Request) -> dict[str, Any]:
        number = self._api.next_number()
        content: list[dict[str, Any]] = []
        if isinstance(step, Text) and step.thinking is not None:
            content.append({"type": "thinking", "thinking": step.thinking, "signature": "none"})
        if step.text is not None:
            content.append({"type": "text", "text": step.text})
        if isinstance(step, ToolUse):
            content += [
                {"type": "tool_use", "id": f"toolu_{number:06}_{i}", "name": name, "input": given}
                for i, (name, given) in enumerate(step.calls)
            ]
        size = step.input_tokens
        spoken = step.output_tokens if isinstance(step, Text) else None
        return {
            "id": f"msg_{number:06}",
            "type": "message",
            "role": "assistant",
            "model": request.get("model", "claude"),
            "content": content,
            "stop_reason": "tool_use" if isinstance(step, ToolUse) else step.stop_reason,
            "stop_sequence": None,
            "usage": {
                "input_tokens": len(json.dumps(request["messages"])) // 4 if size is None else size,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": len(json.dumps(content)) // 4 if spoken is None else spoken,
            },
        }

    async def _streamed(self, message: dict[str, Any], step: Text | ToolUse) -> None:
        await self._open_stream(message, step.headers)
        chunks = step.chunks if isinstance(step, Text) else 1
        pause_s = step.chunk_delay_s if isinstance(step, Text) else 0
        for index, block in enumerate(message["content"]):
            empty, deltas = _deltas(block, chunks)
            await self._sse("content_block_start", index=index, content_block=empty)
            for delta in deltas:
                await self._sse("content_block_delta", index=index, delta=delta)
                if pause_s:
                    await trio.sleep(pause_s)
            await self._sse("content_block_stop", index=index)
        await self._sse(
            "message_delta",
            delta={"stop_reason": message["stop_reason"], "stop_sequence": None},
            usage={"output_tokens": message["usage"]["output_tokens"]},
        )
        await self._sse("message_stop")
        await self._send(h11.EndOfMessage())

    async def _open_stream(
        self, message: dict[str, Any], headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        await self._send(
            h11.Response(
                status_code=200,
                headers=[
                    ("content-type", "text/event-stream"),
                    ("transfer-encoding", "chunked"),
                    ("request-id", f"req_{self._api.next_number():06}"),
                    *headers,
                ],
            )
        )
        usage = {**message["usage"], "output_tokens": 1}
        start = {**message, "content": [], "stop_reason": None, "usage": usage}
        await self._sse("message_start", message=start)

    async def _cut_off(self, step: CutOff, request: Request) -> None:
        await self._open_stream(self._message(Text(step.text), request))
        await self._sse("content_block_start", index=0, content_block={"type": "text", "text": ""})
        delta = {"type": "text_delta", "text": step.text}
        await self._sse("content_block_delta", index=0, delta=delta)
        if step.kind is None:
            raise _Cut
        await self._sse("error", error={"type": step.kind, "message": "scripted"})
        await self._send(h11.EndOfMessage())

    async def _sse(self, kind: str, **fields: Any) -> None:
        data = json.dumps({"type": kind, **fields})
        await self._send(h11.Data(data=f"event: {kind}\ndata: {data}\n\n".encode()))


class _Cut(Exception):
    """The script says that this connection ends here."""


def _deltas(block: dict[str, Any], chunks: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a block as the stream begins it, and the pieces that fill it."""
    kind = block["type"]
    if kind == "text":
        pieces = _split(block["text"], chunks)
        return {**block, "text": ""}, [{"type": "text_delta", "text": p} for p in pieces]
    if kind == "thinking":
        return {**block, "thinking": "", "signature": ""}, [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    given = json.dumps(block["input"])
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": given}]


def _split(text: str, chunks: int) -> list[str]:
    size = max(1, -(-len(text) // max(1, chunks)))
    return [text[i : i + size] for i in range(0, len(text), size)] or [""]


SCRIPTS: dict[str, Answer] = {
    "echo": echo,
    "ok": lambda _request: Text("ok"),
    "slow": lambda _request: Text("one two three four five six seven eight", 0, 8, 1),
    "rate-limited": lambda _request: rate_limited(),
    "overloaded": lambda _request: overloaded(),
    "too-long": lambda _request: too_long(),
    "unauthorised": lambda _request: unauthorised(),
    "dropped": lambda _request: Dropped(),
    "silence": lambda _request: Silence(),
}


async def _main(port: int, script: str) -> None:
    async with serve(SCRIPTS[script], port=port) as api:
        sys.stdout.write(api.url + "\n")
        sys.stdout.flush()
        await trio.sleep_forever()


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    _parser.add_argument("--port", type=int, default=0)
    _parser.add_argument("--script", choices=sorted(SCRIPTS), default="echo")
    _given = _parser.parse_args()
    trio.run(_main, _given.port, _given.script)
