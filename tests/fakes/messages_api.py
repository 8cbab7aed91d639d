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
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import h11
import trio

from tests.fakes.model_script import (
    Answer,
    CutOff,
    Dropped,
    Failure,
    Request,
    Script,
    Silence,
    Step,
    Text,
    ToolUse,
    all_tool_results,
    as_answer,
    echo,
    is_compaction,
    overloaded,
    rate_limited,
    system_text,
    texts_of,
    too_long,
    tool_names,
    tool_results,
    tool_use,
    unauthorised,
    usage_limit,
    user_texts,
)

__all__ = [
    "Answer",
    "CutOff",
    "Dropped",
    "Failure",
    "MessagesApi",
    "Request",
    "Script",
    "Silence",
    "Step",
    "Text",
    "ToolUse",
    "all_tool_results",
    "as_answer",
    "echo",
    "is_compaction",
    "overloaded",
    "rate_limited",
    "serve",
    "system_text",
    "texts_of",
    "too_long",
    "tool_names",
    "tool_results",
    "tool_use",
    "unauthorised",
    "usage_limit",
    "user_texts",
]
"""One door: the script's words are imported from here too."""


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

    async def wait_answered_calls(self, count: int) -> None:
        """Wait until a call came in whose conversation holds the results of `count` tools."""
        async with self._asked:
            while not any(len(all_tool_results(it)) >= count for it in self.requests):
                await self._asked.wait()

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
