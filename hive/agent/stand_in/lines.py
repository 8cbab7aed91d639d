"""The lines a claude prints, as the stand-in prints them."""

from __future__ import annotations

import uuid
from typing import Any

VERSION = "2.1.330"
MODEL = "claude-stand-in"
CONTEXT_WINDOW = 200_000
RETRIES = 10
TOKEN_COST_USD = 1e-6
"""What a token is said to cost, so that sums can be seen to grow."""

Line = dict[str, Any]


def new_uuid() -> str:
    """Return a fresh uuid."""
    return str(uuid.uuid4())


def tokens(text: str) -> int:
    """Return about how many tokens a text is."""
    return max(1, len(text) // 4)


def usage(input_tokens: int, output_tokens: int) -> dict[str, int]:
    """Return a usage object."""
    return {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def lifecycle(session_id: str, command: str, state: str) -> Line:
    """Return where a prompt that had a uuid stands."""
    return {
        "type": "command_lifecycle",
        "command_uuid": command,
        "state": state,
        "uuid": new_uuid(),
        "session_id": session_id,
    }


def init(session_id: str, model: str, tools: list[str], servers: list[dict[str, str]]) -> Line:
    """Return the first line of a turn."""
    return {
        "type": "system",
        "subtype": "init",
        "session_id": session_id,
        "tools": tools,
        "mcp_servers": servers,
        "model": model,
        "permissionMode": "default",
        "apiKeySource": "none",
        "claude_code_version": VERSION,
        "uuid": new_uuid(),
        "is_stand_in": True,
    }


def message(message_id: str, model: str, content: list[Line], size: int) -> Line:
    """Return a message of the model; `size` is the context's in tokens."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage(size, 1),
    }


def assistant(session_id: str, prompt: str, said: Line) -> Line:
    """Return a line with a message of the model."""
    return {
        "type": "assistant",
        "message": said,
        "parent_tool_use_id": None,
        "session_id": session_id,
        "uuid": new_uuid(),
        "user_message_uuid": prompt,
        "user_message_uuids": [prompt],
    }


def failure(session_id: str, prompt: str, text: str, fields: Line) -> Line:
    """Return the line that stands in the place of an answer when the API refuses."""
    content = [{"type": "text", "text": text}]
    said = message(f"msg_{new_uuid()}", "<synthetic>", content, 0)
    line = assistant(session_id, prompt, said)
    line["is_api_error_message"] = True
    return {**line, **fields}


def user(session_id: str, content: object) -> Line:
    """Return a tool's result, or a text that claude inserts."""
    return {
        "type": "user",
        "message": {"role": "user", "content": content},
        "parent_tool_use_id": None,
        "session_id": session_id,
        "uuid": new_uuid(),
    }


def result(
    session_id: str,
    prompt: str | None,
    *,
    text: str = "",
    terminal_reason: str | None = "completed",
    errors: list[str] | None = None,
    fields: Line | None = None,
    spent: tuple[int, int] = (0, 0),
    total_tokens: int = 0,
    turns: int = 1,
) -> Line:
    """Return the last line of a turn; `spent` is its input and output in tokens."""
    line: Line = {
        "type": "result",
        "subtype": "success" if errors is None else "error_during_execution",
        "is_error": errors is not None,
        "num_turns": turns,
        "stop_reason": None if errors is not None else "end_turn",
        "session_id": session_id,
        "total_cost_usd": round(total_tokens * TOKEN_COST_USD, 6),
        "usage": usage(*spent),
        "modelUsage": {MODEL: {"contextWindow": CONTEXT_WINDOW}},
        "model_usage_since_last_result": {MODEL: _used(*spent)} if any(spent) else {},
        "permission_denials": [],
        "api_error_status": None,
        "uuid": new_uuid(),
    }
    if terminal_reason is not None:
        line["terminal_reason"] = terminal_reason
    if prompt is not None:
        line |= {"user_message_uuid": prompt, "user_message_uuids": [prompt]}
    if errors is not None:
        line["errors"] = errors
    else:
        line["result"] = text
    return {**line, **(fields or {})}


def _used(put: int, got: int) -> Line:
    """Return what a model was used for, and what that costs."""
    cost = round((put + got) * TOKEN_COST_USD, 6)
    return {"inputTokens": put, "outputTokens": got, "costUSD": cost, "costBasis": "list"}


def status(session_id: str, state: str | None, **fields: object) -> Line:
    """Return a step of a compaction."""
    head = {"type": "system", "subtype": "status", "status": state, "session_id": session_id}
    return {**head, "uuid": new_uuid(), **fields}


def api_retry(session_id: str, attempt: int, error_status: int, wait_s: float) -> Line:
    """Return what is printed before a request is tried again."""
    return {
        "type": "system",
        "subtype": "api_retry",
        "attempt": attempt,
        "max_retries": RETRIES,
        "retry_delay_ms": round(wait_s * 1000),
        "error_status": error_status,
        "error": "unknown",
        "uuid": new_uuid(),
        "session_id": session_id,
    }


def compact_boundary(session_id: str, before: int, after: int) -> Line:
    """Return the line behind which the conversation is its summary."""
    return {
        "type": "system",
        "subtype": "compact_boundary",
        "session_id": session_id,
        "uuid": new_uuid(),
        "compact_metadata": {"trigger": "manual", "pre_tokens": before, "post_tokens": after},
    }


def control_success(request_id: object, response: Line) -> Line:
    """Return the answer to a control request."""
    body = {"subtype": "success", "request_id": request_id, "response": response}
    return {"type": "control_response", "response": body}


def control_error(request_id: object, subtype: object) -> Line:
    """Return the answer to a control request nobody knows."""
    body = {
        "subtype": "error",
        "request_id": request_id,
        "error": f"Unsupported control request subtype: {subtype}",
        "error_code": "unsupported_request",
    }
    return {"type": "control_response", "response": body}
