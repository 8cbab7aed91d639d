"""hive's MCP server on stdio, for a claude that cannot take the tools over its own pipe.

JSON-RPC, one message or one batch a line, held to the models of the `mcp` package and answered by
the same `ToolServer` as the harness has. Of that package only the models are imported: a turn waits
for the whole of a server's start (ADR 35).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import trio
from mcp_types import CallToolRequestParams, InitializeRequestParams, PaginatedRequestParams
from mcp_types.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR
from pydantic import BaseModel, ValidationError

from hive import __version__
from hive.agent import mcp_tools
from hive.agent.client import HiveClient
from hive.agent.session import Session
from hive.agent.tool_server import Message, ToolServer, error
from hive.agent.transcript import Transcript
from hive.errors import BadRequest
from hive.wire import codec

MESSAGE_BYTES = 4 * 1024 * 1024
"""A line may hold that much; the longest text a tool takes fits in it, however it is escaped."""
BATCH_MOST = 100
PARAMS: dict[str, type[BaseModel]] = {
    "initialize": InitializeRequestParams,
    "tools/list": PaginatedRequestParams,
    "tools/call": CallToolRequestParams,
}
"""What the protocol says a request brings."""
LAST_WORDS_S = 0.5
"""How long calls that still run may take once nobody asks any more."""


def main(role: str, socket: Path, session_file: Path | None, claude_dir: Path | None) -> int:
    """Serve on standard input and output until it ends; returns the exit status.

    With both files' places given, calls are held until claude's transcript knows of them.
    """
    transcript = None
    if session_file is not None and claude_dir is not None:
        session_id = Session.load(session_file).session_id
        transcript = Transcript({"CLAUDE_CONFIG_DIR": str(claude_dir)}, session_id)
    # What is printed by mistake must not stand between two messages.
    out = os.dup(1)
    os.dup2(2, 1)
    trio.run(serve, make_server(role, HiveClient(socket)), sys.stdin.buffer, out, transcript)
    return 0


def make_server(role: str, client: HiveClient) -> ToolServer:
    """Return the server of a role."""
    return ToolServer(client, mcp_tools.tools_for(role), __version__)


async def serve(
    server: ToolServer,
    source: BinaryIO,
    out: int,
    transcript: Transcript | None = None,
) -> None:
    """Answer the lines of `source` on the descriptor `out`, until they end or nobody reads there.

    Messages are worked on side by side, as they come; the end gives up what still runs.
    """
    writer = _Writer(out)
    async with trio.open_nursery() as nursery:
        while not writer.is_broken:
            line = await _read_line(source)
            if line is None:
                break
            if line.strip():
                nursery.start_soon(_answer_line, server, line, transcript, writer)
        nursery.cancel_scope.deadline = trio.current_time() + LAST_WORDS_S


async def _read_line(source: BinaryIO) -> bytes | None:
    """Return the next line, of a longer one its beginning; None at the end."""
    line = await trio.to_thread.run_sync(source.readline, MESSAGE_BYTES, abandon_on_cancel=True)
    rest = line
    while rest and not rest.endswith(b"\n"):
        rest = await trio.to_thread.run_sync(source.readline, MESSAGE_BYTES, abandon_on_cancel=True)
    return line or None


@attrs.define
class _Writer:
    """Whole lines, one after the other, whoever writes them."""

    _out: int
    is_broken: bool = False
    _lock: trio.Lock = attrs.field(factory=trio.Lock)

    async def write(self, value: object) -> None:
        """Write one value; one that nobody takes is dropped."""
        async with self._lock:
            try:
                await trio.to_thread.run_sync(self._write, codec.dumps(value))
            except OSError:
                self.is_broken = True

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._out, rest) :]


async def _answer_line(
    server: ToolServer, line: bytes, transcript: Transcript | None, writer: _Writer
) -> None:
    try:
        said = codec.loads(line, limit=MESSAGE_BYTES)
    except BadRequest as problem:
        answer: object = error(None, PARSE_ERROR, problem.message)
    else:
        answer = await _answer(server, said, transcript)
    if answer is not None:
        await writer.write(answer)


async def _answer(server: ToolServer, said: object, transcript: Transcript | None) -> object:
    """Return what answers a message or a batch of them; None where nothing does."""
    if not isinstance(said, list):
        return await _answer_one(server, said, transcript)
    if not 1 <= len(said) <= BATCH_MOST:
        return error(None, INVALID_REQUEST, f"a batch holds 1 to {BATCH_MOST} messages")
    answers: dict[int, Message] = {}

    async def put(place: int, one: object) -> None:
        answer = await _answer_one(server, one, transcript)
        if answer is not None:
            answers[place] = answer

    async with trio.open_nursery() as nursery:
        for place, one in enumerate(said):
            nursery.start_soon(put, place, one)
    return [answers[place] for place in sorted(answers)] or None


async def _answer_one(
    server: ToolServer, said: object, transcript: Transcript | None
) -> Message | None:
    if not isinstance(said, dict):
        return error(None, INVALID_REQUEST, "a message is one JSON object")
    message: dict[str, Any] = said
    params = message.get("params")
    if isinstance(params, dict):
        method = message.get("method")
        problem = _problem(method, params)
        if problem is not None and message.get("id") is not None:
            return error(message["id"], INVALID_PARAMS, problem)
        if transcript is not None and method == "tools/call":
            await transcript.hold(params.get("name"), params.get("_meta"))
    return await server.handle(message)


def _problem(method: object, params: dict[str, Any]) -> str | None:
    """Return what the protocol finds wrong with a request's params, or None."""
    model = PARAMS.get(method) if isinstance(method, str) else None
    if model is None:
        return None
    try:
        model.model_validate(params)
    except ValidationError as found:
        first = found.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return None
