"""Scripted data for an agent's page: its state, a whole turn, long histories and lines."""

from __future__ import annotations

from typing import Any

from tests.fakes.page_scenes import LETTER, NOW, Json, message


def agent_state() -> Json:
    """Return the snapshot of an agent's page."""
    usage = {
        "input_tokens": 2400,
        "output_tokens": 900,
        "cache_read_input_tokens": 110_000,
        "cache_creation_input_tokens": 5000,
    }
    return {
        "label": "alice",
        "role": "agent",
        "demo": False,
        "status": "online",
        "turn_state": "thinking",
        "turn_state_since": NOW,
        "model": "sonnet",
        "ctx_usage": usage,
        "cost_usage": usage,
        "last_turn_ms": 12_345,
        "session_id": "8c1f",
        "inbox": [
            message(9, "operator", "alice", "Please take the left recursion out of the parser."),
            message(13, "bob", "alice", "done?", in_reply_to=10, delivered_at=None),
        ],
        "notices": [],
        "version": "0.1.0",
    }


def reached(host: str, verdict: str, **fields: Any) -> Json:
    """Return where the agent connected to, or was refused."""
    row = {"host": host, "port": 443, "verdict": verdict, "count": 2, "sent": 1500}
    times = {"received": 2_500_000, "first_at": NOW, "last_at": NOW, "why": None}
    return {**row, **times, **fields}


def network(*rows: Json, **fields: Any) -> Json:
    """Return what the daemon says of the agent's network."""
    report = {
        "name": "alice",
        "mode": "proxy",
        "account": "gateway",
        "allowed": ["pypi.org"],
        "always": ["api.anthropic.com:443"],
        "reached": list(rows),
        "connections": [],
    }
    return {**report, **fields}


def claude(kind: str, *content: Json, **fields: Any) -> Json:
    """Return a `stream` frame's fields: one line of claude with content blocks."""
    return {"line": {"type": kind, "message": {"role": kind, "content": list(content)}, **fields}}


def text(words: str) -> Json:
    """Return a block of text."""
    return {"type": "text", "text": words}


def tool_use(number: int, name: str, **given: Any) -> Json:
    """Return a call of a tool."""
    return {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": given}


def tool_result(number: int, content: Any, *, is_error: bool = False) -> Json:
    """Return the result of call `number`."""
    return {
        "type": "tool_result",
        "tool_use_id": f"toolu_{number}",
        "content": content,
        "is_error": is_error,
    }


def turn() -> list[tuple[str, Json]]:
    """Return a whole turn as kind and fields: one of every row the terminal knows."""
    body = "Please take the **left recursion** out of the parser."
    old = "def expr():\n    return expr() + term()\n"
    new = "def expr():\n    left = term()\n    return left\n"
    output = "\n".join(f"tests/test_parser.py::test_{n} PASSED" for n in range(40))
    system = {"type": "system"}
    return [
        ("turn_start", {"from": "operator", "body": body, "unread": 1, "redelivered": False}),
        ("stream", {"line": {**system, "subtype": "init", "session_id": "8c1f"}}),
        ("stream", claude("assistant", {"type": "thinking", "thinking": "Which rule recurses?"})),
        ("stream", claude("assistant", text("I read the **grammar** first."))),
        ("stream", claude("assistant", tool_use(1, "Read", file_path="/state/parser.py"))),
        ("stream", claude("user", tool_result(1, old * 9))),
        (
            "stream",
            claude(
                "assistant",
                tool_use(2, "Edit", file_path="/state/parser.py", old_string=old, new_string=new),
            ),
        ),
        ("stream", claude("user", tool_result(2, "The file has been updated."))),
        ("stream", claude("assistant", tool_use(3, "Bash", command="pytest -q tests"))),
        ("stream", claude("user", tool_result(3, [text(output)]))),
        ("stream", claude("assistant", tool_use(4, "Bash", command="rm -rf /applied"))),
        ("stream", claude("user", tool_result(4, "read-only file system", is_error=True))),
        (
            "stream",
            {
                "line": {
                    **system,
                    "subtype": "api_retry",
                    "attempt": 1,
                    "max_retries": 10,
                    "retry_delay_ms": 1200,
                    "error_status": 429,
                    "error": "rate_limit",
                }
            },
        ),
        (
            "stream",
            claude("assistant", tool_use(5, "mcp__hyperhive__send", to="operator", body=LETTER)),
        ),
        ("stream", claude("user", tool_result(5, [text("sent: message 12")]))),
        ("stream", claude("assistant", tool_use(6, "mcp__hyperhive__recv", wait_seconds=30))),
        ("stream", claude("user", tool_result(6, [text("#13 from bob\n\ndone?")]))),
        ("note", {"text": "the next turn runs on opus", "source": "operator"}),
        ("note", {"text": "warning: config is old", "source": "stderr"}),
        ("stream", {"line": {"type": "hologram", "value": 3}}),
        ("stream", claude("assistant", text("All done; the answer is in your inbox."))),
        ("stream", {"line": {"type": "result", "subtype": "success", "is_error": False}}),
        ("turn_end", {"ok": True, "note": None, "duration_ms": 12_345}),
        ("turn_start", {"from": "bob", "body": "done?", "unread": 0, "redelivered": True}),
        ("turn_end", {"ok": False, "note": "the model is overloaded", "duration_ms": 900}),
    ]


def history(frames: list[tuple[str, Json]], first: int = 1) -> list[Json]:
    """Return frames numbered from `first`."""
    return [{"kind": k, **f, "seq": first + n} for n, (k, f) in enumerate(frames)]


def long_history(count: int) -> list[Json]:
    """Return `count` rows of text, numbered from 1."""
    rows = [("stream", claude("assistant", text(f"row {n}"))) for n in range(count)]
    return history(rows)


def long_line(size: int) -> Json:
    """Return the fields of a frame whose result is one line of `size` characters."""
    return claude("user", tool_result(99, "x" * size))
