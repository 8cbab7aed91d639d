"""Scripted data for the dashboard: an empty hive and a lively one."""

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
