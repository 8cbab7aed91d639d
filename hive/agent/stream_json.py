"""claude's stream-json: bytes to lines, and what the lines of one turn say about it.

No I/O. Everything here is decided by fields that only claude itself writes (`is_error`,
`terminal_reason`, `api_error_status`, ...), never by a text that an agent could have written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import attrs

from hive.agent import driver
from hive.agent.driver import Line, Outcome
from hive.wire.live import TokenUsage

SERVER_NAME = "hyperhive"
"""hive's MCP server as claude knows it; its tools are `mcp__hyperhive__<tool>`."""
TRANSPORT_TYPES = frozenset(
    {"control_request", "control_response", "control_cancel_request", "command_lifecycle"}
)
"""Lines between claude and the driver; nobody else is shown them."""
NO_CONVERSATION = "No conversation found"
"""How claude begins its error for a session id it does not know; said before any model runs."""
DEEPEST = 100
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')
MOMENT_MOST = 1e11
"""Unix seconds beyond which a number is something else, such as milliseconds."""
HTTP_UNAUTHORIZED = (401, 403)
HTTP_UNFIT = (400, 413, 422)
"""The request itself is wrong or too large."""
HTTP_TOO_MANY_REQUESTS = 429
HTTP_OVERLOADED = 529


class LineSplitter:
    """Cuts a stream of bytes into lines of any length."""

    def __init__(self) -> None:
        self._parts: list[bytes | bytearray] = []

    def feed(self, data: bytes | bytearray) -> Iterator[bytes]:
        """Yield each line that is complete now, without its newline; empty lines are left out."""
        *ends, rest = data.split(b"\n")
        for end in ends:
            line = b"".join((*self._parts, end)).rstrip(b"\r")
            self._parts.clear()
            if line:
                yield line
        if rest:
            self._parts.append(rest)

    def flush(self) -> bytes:
        """Return what stands behind the last newline, once the stream has ended."""
        line = b"".join(self._parts)
        self._parts.clear()
        return line


def parse(line: bytes) -> Line | None:
    """Return the JSON object of a line, or None when it is not one.

    What is nested deeper than `DEEPEST` is null in it: a model or a server may nest what it calls
    and answers as deeply as it likes, and nothing behind this is to fail for that.
    """
    try:
        value = _loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _loads(line: bytes) -> object:
    try:
        value = json.loads(line)
    except RecursionError:
        return json.loads(_pruned(line))
    if line.count(b"[") + line.count(b"{") > DEEPEST and _is_deep(value):
        return json.loads(_pruned(line))
    return value


def _is_deep(value: object) -> bool:
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        inside = [each.values() if isinstance(each, dict) else each for each in level]
        level = [part for each in inside for part in each if isinstance(part, dict | list)]
    return bool(level)


def _pruned(line: bytes) -> bytes:
    """Return a line of JSON with null in the place of what is nested too deeply."""
    kept, depth, since = bytearray(), 0, 0
    for found in _STRING_OR_BRACKET.finditer(line):
        opens = found[0] in (b"[", b"{")
        if not opens and found[0] not in (b"]", b"}"):
            continue
        depth += 1 if opens else -1
        if opens and depth == DEEPEST + 1:
            kept += line[since : found.start()] + b"null"
        elif not opens and depth == DEEPEST:
            since = found.end()
    if depth > DEEPEST:
        return b""
    return bytes(kept + line[since:])


def encode(message: dict[str, Any]) -> bytes:
    """Return a message as one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def prompt_line(uuid: str, text: str, *, is_command: bool = False) -> bytes:
    """Return the line that hands claude a prompt, taken literally unless it is a `/command`."""
    line: dict[str, Any] = {
        "type": "user",
        "uuid": uuid,
        "parent_tool_use_id": None,
        "session_id": "",
        "message": {"role": "user", "content": text},
    }
    if not is_command:
        line["client_composed"] = True
    return encode(line)


def control_request(request_id: str, subtype: str) -> bytes:
    """Return a request of the driver to claude."""
    return encode(
        {"type": "control_request", "request_id": request_id, "request": {"subtype": subtype}}
    )


def mcp_answer(request_id: str, answer: dict[str, Any]) -> bytes:
    """Return the answer to claude's `mcp_message`."""
    response = {
        "subtype": "success",
        "request_id": request_id,
        "response": {"mcp_response": answer},
    }
    return encode({"type": "control_response", "response": response})


def control_refusal(request_id: str, subtype: str) -> bytes:
    """Return the answer to a request of claude that hive does not serve."""
    response = {
        "subtype": "error",
        "request_id": request_id,
        "error": f"hive does not serve {subtype}",
    }
    return encode({"type": "control_response", "response": response})


def token_usage(usage: object) -> TokenUsage | None:
    """Return a `usage` object as claude prints it, or None when it is none."""
    if not isinstance(usage, dict):
        return None

    def count(key: str) -> int:
        value = usage.get(key)
        return value if isinstance(value, int) else 0

    return TokenUsage(
        input_tokens=count("input_tokens"),
        output_tokens=count("output_tokens"),
        cache_read_input_tokens=count("cache_read_input_tokens"),
        cache_creation_input_tokens=count("cache_creation_input_tokens"),
    )


@attrs.define
class TurnFacts:
    """What the lines of one turn have said so far; feed it every line, in order."""

    session_id: str | None = None
    model: str | None = None
    version: str | None = None
    """claude's own."""
    last_usage: TokenUsage | None = None
    """Of the newest inference: what the context holds now. claude counts the output of a running
    inference as 1; the true sum stands in `turn_usage`."""
    turn_usage: TokenUsage | None = None
    """Of the whole turn; None until its result."""
    context_window: int | None = None
    """Tokens that fit, of the model that ran; None until the first result."""
    total_cost_usd: float | None = None
    """Of the whole conversation."""
    mcp_servers: dict[str, str] = attrs.field(factory=dict)
    """Server name to `connected`, `pending` or `failed`."""
    has_init: bool = False
    has_answer: bool = False
    """True once the model has said or called anything; claude will then drop the prompt's uuid."""
    last_assistant: str | None = None
    """uuid of the newest answer of the model."""
    failed_at: str | None = None
    """uuid of what claude put in the place of an answer, when nothing was answered behind it."""
    was_compacted: bool = False
    compact_error: str | None = None
    result: Line | None = None
    _error: str | None = None
    _resets_at: float | None = None
    _is_rejected: bool = False

    def feed(self, line: Line) -> None:
        """Take one line of claude."""
        kind = line.get("type")
        if kind == "system":
            self._feed_system(line)
        elif kind == "assistant":
            self._feed_assistant(line)
        elif kind == "rate_limit_event":
            self._feed_rate_limit(line.get("rate_limit_info"))
        elif kind == "result":
            self._feed_result(line)

    def is_in_vain(self) -> bool:
        """Whether the turn ended by a failure of the service and nothing was answered in it."""
        return self.failed_at is not None and not self.has_answer

    @property
    def tools_missing(self) -> bool:
        """True when claude said that hive's MCP server was not connected."""
        return self.has_init and self.mcp_servers.get(SERVER_NAME) != "connected"

    def outcome(self) -> Outcome:
        """Return how the turn ended; only once there is a result."""
        assert self.result is not None
        kind = self._kind(self.result)
        return Outcome(
            kind=kind,
            note=None if kind == driver.OK else self._note(kind),
            result=self.result,
            retry_at=self._resets_at if kind == driver.RATE_LIMITED else None,
            tools_missing=self.tools_missing,
            is_unfit=kind == driver.FAILED and _is_unfit(self.result),
        )

    def compact_outcome(self) -> Outcome:
        """Return how a `/compact` ended; claude's `is_error` says nothing about it."""
        assert self.result is not None
        if self.was_compacted:
            return Outcome(driver.OK, result=self.result)
        outcome = self.outcome()
        if outcome.kind != driver.OK:
            return outcome
        text = self.compact_error or _text(self.result.get("result"))
        return Outcome(
            driver.FAILED,
            note=text or "claude did not compact the conversation",
            result=self.result,
        )

    def _feed_system(self, line: Line) -> None:
        subtype = line.get("subtype")
        if subtype == "init":
            self.has_init = True
            self.session_id = _text(line.get("session_id")) or self.session_id
            self.model = _text(line.get("model")) or self.model
            self.version = _text(line.get("claude_code_version")) or self.version
            servers = line.get("mcp_servers")
            self.mcp_servers = {
                str(server.get("name")): str(server.get("status"))
                for server in (servers if isinstance(servers, list) else ())
                if isinstance(server, dict)
            }
        elif subtype == "compact_boundary":
            self.was_compacted = True
        elif subtype == "status":
            self.was_compacted |= line.get("compact_result") == "success"
            self.compact_error = _text(line.get("compact_error")) or self.compact_error

    def _feed_assistant(self, line: Line) -> None:
        error = _text(line.get("error"))
        if error is not None:
            self._error = error
            self.failed_at = _text(line.get("uuid"))
            params = line.get("api_error_params")
            self._feed_rate_limit(
                params.get("rate_limit_info") if isinstance(params, dict) else None
            )
            return
        if "local_command_source" in line:
            return
        self.has_answer = True
        self.failed_at = None
        message = line.get("message")
        self.last_assistant = _text(line.get("uuid")) or self.last_assistant
        if isinstance(message, dict):
            self.last_usage = token_usage(message.get("usage")) or self.last_usage

    def _feed_rate_limit(self, info: object) -> None:
        if not isinstance(info, dict):
            return
        self._is_rejected = info.get("status") == "rejected"
        if self._is_rejected:
            self._resets_at = _moment(info.get("resetsAt")) or self._resets_at

    def _feed_result(self, line: Line) -> None:
        self.result = line
        self.session_id = _text(line.get("session_id")) or self.session_id
        self.turn_usage = token_usage(line.get("usage"))
        cost = line.get("total_cost_usd")
        self.total_cost_usd = float(cost) if isinstance(cost, int | float) else None
        models = line.get("modelUsage")
        if isinstance(models, dict):
            used = models.get(self.model) or next(iter(models.values()), None)
            window = used.get("contextWindow") if isinstance(used, dict) else None
            self.context_window = window if isinstance(window, int) else self.context_window

    def _kind(self, result: Line) -> str:
        if is_clean(result):
            return driver.OK
        reason = _text(result.get("terminal_reason")) or ""
        if reason.startswith("aborted"):
            return driver.INTERRUPTED
        if reason == "prompt_too_long":
            return driver.PROMPT_TOO_LONG
        return self._kind_of_api_error(result)

    def _kind_of_api_error(self, result: Line) -> str:
        status = result.get("api_error_status")
        if status in HTTP_UNAUTHORIZED or self._error == "authentication_failed":
            return driver.NEEDS_LOGIN
        if status == HTTP_TOO_MANY_REQUESTS or self._is_rejected or self._error == "rate_limit":
            return driver.RATE_LIMITED
        if status == HTTP_OVERLOADED or result.get("api_error_type") == "overloaded_error":
            return driver.OVERLOADED
        return driver.FAILED

    def _note(self, kind: str) -> str:
        if kind == driver.INTERRUPTED:
            return "the turn was interrupted"
        assert self.result is not None
        errors = self.result.get("errors")
        first = errors[0] if isinstance(errors, list) and errors else None
        text = _text(self.result.get("result")) or _text(first)
        return text or f"claude ended the turn: {self.result.get('terminal_reason')}"


def is_clean(result: Line) -> bool:
    """Whether a result is that of a turn the model ended by itself."""
    reason = _text(result.get("terminal_reason")) or ""
    return not result.get("is_error") and not reason.startswith("aborted")


def is_answer(line: Line) -> bool:
    """Whether a line is an answer of the model."""
    is_said = line.get("type") == "assistant" and "local_command_source" not in line
    return is_said and _text(line.get("error")) is None


def is_unknown_session(result: Line) -> bool:
    """Whether this result says that the session to resume does not exist."""
    errors = result.get("errors")
    return (
        result.get("subtype") == "error_during_execution"
        and result.get("num_turns") == 0
        and isinstance(errors, list)
        and any(isinstance(e, str) and e.startswith(NO_CONVERSATION) for e in errors)
    )


def _is_unfit(result: Line) -> bool:
    """Whether the service refused what it was sent, and not who sent it or when."""
    return result.get("api_error_status") in HTTP_UNFIT


def _moment(value: object) -> float | None:
    """Return Unix seconds, None when it is none that a clock can show."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 < value < MOMENT_MOST else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
