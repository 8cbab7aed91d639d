"""Scripted data for the pages: an empty hive, a lively one, an agent at work, a long history."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
NOW = 1_790_000_000.0
"""A fixed moment; the pages only show how far away it is."""


def container(name: str, **fields: Any) -> Json:
    """Return one row of the containers."""
    is_manager = name == "manager"
    row = {
        "name": name,
        "container": "hm1nd" if is_manager else f"h-{name}",
        "is_manager": is_manager,
        "running": True,
        "failed": False,
        "needs_login": False,
        "needs_update": False,
        "rate_limited": False,
        "paused": False,
        "pending_reminders": 0,
        "unread": 0,
        "turn_state": "idle",
        "transient": None,
        "transient_since": None,
        "active_model": "sonnet",
        "status_text": None,
        "status_set_at": None,
        "parent": None,
        "deployed_sha": None,
        "note": None,
        "isolation": "bubblewrap",
    }
    return {**row, **fields}


def message(number: int, sender: str, to: str, body: str, **fields: Any) -> Json:
    """Return one row of an inbox."""
    row = {
        "id": number,
        "from": sender,
        "to": to,
        "body": body,
        "in_reply_to": None,
        "sent_at": NOW + number,
        "delivered_at": NOW + number,
        "acked_at": None,
        "broadcast": False,
        "origin": "peer",
    }
    return {**row, **fields}


def sent(number: int, sender: str, to: str, body: str, **fields: Any) -> Json:
    """Return one `sent` frame as the history holds it: without a number of its own."""
    row = {"kind": "sent", "id": number, "from": sender, "to": to, "body": body}
    rest = {"at": NOW + number, "in_reply_to": None, "broadcast": False, "origin": "peer"}
    return {**row, **rest, **fields}


def approval(number: int, agent: str, **fields: Any) -> Json:
    """Return one row of the approval queue."""
    row = {
        "id": number,
        "agent": agent,
        "kind": "spawn",
        "commit_ref": "",
        "requested_at": NOW,
        "status": "pending",
        "fetched_sha": None,
        "resolved_at": None,
        "note": None,
        "description": None,
    }
    return {**row, **fields}


def question(number: int, asker: str, text: str, **fields: Any) -> Json:
    """Return one open question."""
    row = {
        "id": number,
        "asker": asker,
        "target": None,
        "question": text,
        "options": [],
        "multi": False,
        "asked_at": NOW,
        "deadline_at": None,
        "answered_at": None,
        "answer": None,
        "answerer": None,
    }
    return {**row, **fields}


def task(name: str, state: str = "running", **fields: Any) -> Json:
    """Return one supervised task."""
    return {
        "name": name,
        "state": state,
        "since": NOW,
        "restarts": 0,
        "last_error": None,
        **fields,
    }


def empty_dashboard() -> Json:
    """Return the snapshot of a hive that was just started for the first time."""
    return {
        "version": "0.1.0",
        "demo": False,
        "isolation": "bubblewrap",
        "notices": [],
        "containers": [container("manager")],
        "approvals": [],
        "approval_history": [],
        "questions": [],
        "question_history": [],
        "reminders": [],
        "tombstones": [],
        "inbox": [],
        "tasks": [task(name) for name in ("admin_socket", "dashboard_server", "crash_watch")],
    }


LETTER = """The parser is **done**. What changed:

- `lexer.py` reads *lazily*
- the grammar has no left recursion any more

| file | lines |
| --- | --- |
| lexer.py | 120 |
| parser.py | 340 |

```
pytest -q
42 passed in 0.31s
```
"""


def lively_dashboard() -> Json:
    """Return the snapshot of a hive at work, every section filled."""
    alice = container(
        "alice",
        turn_state="thinking",
        unread=2,
        status_text="rewriting the parser without left recursion",
        status_set_at=NOW,
        pending_reminders=1,
    )
    bob = container("bob", rate_limited=True, active_model="opus")
    carol = container("carol", running=False, turn_state="offline")
    dave = container(
        "dave",
        turn_state="offline",
        running=False,
        failed=True,
        note="Its harness ended three times within a minute: look at the logs, then restart it.",
    )
    erin = container("erin", transient="starting", transient_since=NOW, turn_state="offline")
    return {
        **empty_dashboard(),
        "demo": True,
        "notices": [
            {
                "level": "info",
                "message": "This is a demonstration: a script answers in claude's place.",
            }
        ],
        "containers": [container("manager", turn_state="idle"), alice, bob, carol, dave, erin],
        "approvals": [
            approval(7, "frank", description="Reads the logs every morning and says what is odd.")
        ],
        "approval_history": [
            approval(6, "erin", status="approved", resolved_at=NOW),
            approval(5, "mallory", status="denied", resolved_at=NOW, note="not needed now"),
        ],
        "questions": [
            question(
                3,
                "alice",
                "The tests of the old grammar fail now. Shall I **delete** them or port them?",
                options=["delete them", "port them", "leave them red"],
                deadline_at=NOW + 4e8,
            ),
            question(4, "bob", "Which branch is the one to rebase onto?", target="alice"),
        ],
        "question_history": [
            question(
                2,
                "bob",
                "May I use the network?",
                answered_at=NOW,
                answer="yes",
                answerer="operator",
            )
        ],
        "reminders": [
            {
                "id": 1,
                "agent": "alice",
                "message": "look whether the nightly build is green",
                "file_path": None,
                "due_at": NOW + 4e8,
                "created_at": NOW,
                "attempt_count": 0,
                "last_error": None,
            }
        ],
        "tombstones": [
            {"name": "zed", "size_bytes": 1_482_000, "modified_at": NOW, "has_login": True}
        ],
        "inbox": [
            message(12, "alice", "operator", LETTER, in_reply_to=9),
            message(11, "bob", "operator", "I have hit the account's limit and wait."),
            message(8, "manager", "operator", "Good morning. Two agents are up.", acked_at=NOW),
        ],
        "tasks": [
            *empty_dashboard()["tasks"],
            task("reminder_scheduler", "backoff", restarts=2, last_error="database is locked"),
        ],
    }


def conversation() -> list[Json]:
    """Return a message history to go with `lively_dashboard`."""
    return [
        sent(8, "manager", "operator", "Good morning. Two agents are up."),
        sent(9, "operator", "alice", "Please take the left recursion out of the parser."),
        sent(10, "alice", "bob", "I am changing parser.py, see https://example.org/parser?x=1."),
        sent(11, "bob", "operator", "I have hit the account's limit and wait."),
        sent(12, "alice", "operator", LETTER, in_reply_to=9),
    ]


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
