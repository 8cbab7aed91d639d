"""Scripted data for the dashboard: an empty hive and a lively one."""

from __future__ import annotations

from typing import Any

from hive.core import why
from hive.core.why_facts import Facts, Trouble
from hive.wire import codec, live
from hive.wire.agent import ReportState
from hive.wire.why import Code

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
        "deployed_tag": None,
        "limits_met": [],
        "note": None,
        "ctx_tokens": None,
        "isolation": "bubblewrap",
        "network": "proxy",
        "denied": 0,
        "icon": "",
        "links": [],
    }
    row |= fields
    return {"why": why_of(row), **row}


def why_of(row: Json) -> Json:
    """Return why the agent of a row does not work, as the daemon would say it."""
    status = live.RATE_LIMITED if row["rate_limited"] else live.ONLINE
    report = ReportState(status, row["turn_state"])
    said: Json = codec.to_json(
        why.reason(
            Facts(
                row["name"],
                is_running=row["running"],
                is_paused=row["paused"],
                transient=row["transient"],
                transient_since=row["transient_since"],
                trouble=Trouble(row["note"], Code.CRASHED) if row["failed"] else None,
                report=None if row["needs_login"] or row["turn_state"] == "offline" else report,
                has_login_mark=row["needs_login"],
                limits_met=tuple(row["limits_met"]),
            )
        )
    )
    return said


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
        "resolved_by": None,
        "comments": 0,
    }
    return {**row, **fields}


def comment(number: int, line: int, text: str, **fields: Any) -> Json:
    """Return a comment on a line of approval 8."""
    row = {
        "id": number,
        "approval_id": 8,
        "path": "agent.toml",
        "side": "new",
        "line": line,
        "quote": "a line",
        "text": text,
        "base_ref": "deployed/4",
        "base_sha": "9c" * 20,
        "at": NOW,
        "sent_at": None,
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
        "how": None,
    }
    return {**row, **fields}


def job(number: int, kind: str, agent: str | None, **fields: Any) -> Json:
    """Return one row of the build queue, as it waits."""
    row = {
        "id": number,
        "kind": kind,
        "agent": agent,
        "state": "queued",
        "requested_by": "operator",
        "created_at": NOW,
        "args": {},
        "started_at": None,
        "ended_at": None,
        "step": None,
        "note": None,
        "approval_id": None,
        "parent_id": None,
        "attempts": 0,
    }
    return {**row, **fields}


def meta_input(name: str, **fields: Any) -> Json:
    """Return one input of the meta repository."""
    row = {"name": name, "rev": "3f" * 20, "locked_at": NOW, "is_stale": False}
    return {**row, "source": "", **fields}


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
        "jobs": [],
        "meta_inputs": [],
        "forge": {"url": None, "trouble": None},
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

The long version is in `/state/parser.md`, the numbers in /shared/numbers.csv.
"""

DIFF = """diff --git a/agent.toml b/agent.toml
index 1111111..2222222 100644
--- a/agent.toml
+++ b/agent.toml
@@ -1,6 +1,7 @@
 # what alice is given
 description = "keeps the parser"
-packages = ["git"]
+packages = ["git", "ripgrep"]
 # and no more than
 [limits]
-memory_mib = 512
+memory_mib = 2048
+tasks = 200
diff --git a/notes.md b/notes.md
new file mode 100644
index 0000000..3333333
--- /dev/null
+++ b/notes.md
@@ -0,0 +1,2 @@
+The tests need\u202e yromem erom\u202c than they have.
+-- alice
\\ No newline at end of file
"""


def diff(base: str = "running", **fields: Any) -> Json:
    """Return what an approval would change."""
    answer = {
        "base_ref": {"running": "deployed/4", "approved": "approved/6"}.get(base, "none"),
        "base_sha": None if base == "queued" else "9c" * 20,
        "sha": "5e" * 20,
        "text": DIFF,
        "is_truncated": False,
        "files": [
            {"path": "agent.toml", "added": 3, "removed": 2},
            {"path": "notes.md", "added": 2, "removed": 0},
        ],
        "moved": [],
    }
    return {**answer, **fields}


def lively_dashboard() -> Json:
    """Return the snapshot of a hive at work, every section filled."""
    alice = container(
        "alice",
        deployed_sha="9c0f3b1d77aa",
        deployed_tag="deployed/4",
        turn_state="thinking",
        unread=2,
        status_text="rewriting the parser without left recursion",
        status_set_at=NOW,
        pending_reminders=1,
    )
    bob = container("bob", rate_limited=True, active_model="opus", needs_update=True)
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
                "kind": "demo",
                "level": "info",
                "message": "This is a demonstration: a script answers in claude's place.",
                "about": [],
            }
        ],
        "containers": [container("manager", turn_state="idle"), alice, bob, carol, dave, erin],
        "approvals": [
            approval(
                7,
                "frank",
                fetched_sha="7b" * 20,
                description="Reads the logs every morning and says what is odd.",
            ),
            approval(
                8,
                "alice",
                kind="apply_commit",
                commit_ref="5e5e5e5",
                fetched_sha="5e" * 20,
                description="alice needs ripgrep, and more memory for the parser's tests.",
            ),
            approval(
                9,
                "manager",
                kind="update_meta_inputs",
                commit_ref='["hyperhive", "agent-alice/tools"]',
            ),
        ],
        "approval_history": [
            approval(
                4,
                "bob",
                kind="apply_commit",
                fetched_sha="4d" * 20,
                status="failed",
                resolved_at=NOW,
                note="agent.toml, line 3: packages: there is no program 'rg' here",
            ),
            approval(3, "carol", kind="init_config", status="cancelled", resolved_at=NOW),
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
                how="answered",
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
            },
            {
                "id": 2,
                "agent": "bob",
                "message": "send the weekly summary",
                "file_path": "/state/reminders/2.md",
                "due_at": NOW,
                "created_at": NOW,
                "attempt_count": 5,
                "last_error": "the file is not there any more",
            },
        ],
        "tombstones": [
            {"name": "zed", "size_bytes": 1_482_000, "modified_at": NOW, "has_login": True}
        ],
        "jobs": [
            job(
                21,
                "deploy",
                "erin",
                state="running",
                started_at=NOW,
                step="building the new generation",
                approval_id=6,
                attempts=1,
            ),
            job(22, "rebuild", "bob", parent_id=19, requested_by="system"),
            job(23, "meta_update", None, args={"inputs": '["hyperhive"]'}),
            job(
                18,
                "rebuild",
                "dave",
                state="failed",
                started_at=NOW - 8,
                ended_at=NOW,
                attempts=1,
                note="its harness ended at once: look at the logs",
            ),
            job(
                17, "destroy", "zed", state="done", started_at=NOW - 2, ended_at=NOW - 1, attempts=1
            ),
            job(
                16, "restart", "carol", state="cancelled", ended_at=NOW - 50, note="by the operator"
            ),
        ],
        "meta_inputs": [
            meta_input("hyperhive", is_stale=True),
            meta_input("hyperhive/nixpkgs", source="github:NixOS/nixpkgs/nixos-24.11"),
            meta_input("agent-alice", rev="9c0f3b1d77aa" + "0" * 28),
            meta_input("agent-alice/tools"),
        ],
        "forge": {"url": "http://127.0.0.1:3000/", "trouble": None},
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
