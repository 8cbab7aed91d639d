"""What a scripted model says: steps, presets of failures, and reading what it was asked.

A script is a list of steps, played one per model call, or a function `answer(request) -> Step` that
reads the conversation and decides, so that a test can play a model that calls tools.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

import attrs

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
